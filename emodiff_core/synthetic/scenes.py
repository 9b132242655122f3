"""Scenes to use as footage: heads in a wider frame that moves, two heads at once, cuts, shots without a face."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Floats
from emodiff_core.flame import HeadModel
from emodiff_core.synthetic.actor import actor
from emodiff_core.synthetic.backdrop import backdrop
from emodiff_core.synthetic.camera import camera_of, develop
from emodiff_core.synthetic.hand import cover
from emodiff_core.synthetic.people import Person
from emodiff_core.synthetic.render import Size, exposures


@dataclass(frozen=True)
class Role:
    """One person in a shot. expression: (N, E); rotation: (N, 3) radians; place: (N, 3) scale in pixels a centimetre
    and the pixel of the head's middle, before the picture moves; hand: (N,) how far a hand is up before the mouth,
    see `hand.cover`, or None."""

    person: Person
    expression: Floats
    rotation: Floats
    place: Floats
    hand: Floats | None = None


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts. roles: back to front, may be empty; pan: (N, 2) pixels by which the whole picture moves;
    setting: whose background and camera."""

    roles: tuple[Role, ...]
    pan: Floats
    setting: Person

    def __len__(self) -> int:
        return len(self.pan)


@dataclass(frozen=True)
class Scene:
    """frames: (N, H, W, 3) uint8; shot: (N,) number of the shot; points: for every frame the face-mesh points (468, 3)
    of each head in it, in the order of its roles; cuts: first frames of the shots but the first."""

    frames: NDArray[np.uint8]
    shot: NDArray[np.int64]
    points: tuple[tuple[Floats, ...], ...]
    cuts: tuple[int, ...]


def play(shots: tuple[Shot, ...], head: HeadModel, size: Size) -> Scene:
    """Renders shots one after the other in pictures of size (height, width)."""
    frames, points = [], []
    for shot in shots:
        pictures, truth = _play(shot, head, size)
        frames.append(pictures)
        points += truth
    lengths = [len(s) for s in shots]
    number = np.repeat(np.arange(len(shots)), lengths)
    return Scene(np.concatenate(frames), number, tuple(points), tuple(int(n) for n in np.cumsum(lengths)[:-1]))


def _play(shot: Shot, head: HeadModel, size: Size) -> tuple[NDArray[np.uint8], list[tuple[Floats, ...]]]:
    light = _moved(backdrop(shot.setting, size), shot.pan)
    truth: list[tuple[Floats, ...]] = [() for _ in range(len(shot))]
    for role in shot.roles:
        place = role.place + np.column_stack([np.zeros(len(shot)), shot.pan])
        codes = role.person.codes(head, role.expression, role.rotation, place.astype(np.float32))
        detail = int(np.clip(4 * 24 * role.place[:, 0].max(), 256, 4096))
        seen = list(exposures(actor(role.person, head, detail), codes, size, light, 2))
        light = np.stack([picture for picture, _, _ in seen])
        if role.hand is not None:
            for picture, (_, points, _), raised in zip(light, seen, role.hand, strict=True):
                cover(picture, points, float(raised), role.person)
        truth = [(*known, points) for known, (_, points, _) in zip(truth, seen, strict=True)]
    camera = camera_of(shot.setting)
    return np.stack([develop(picture, camera, n) for n, picture in enumerate(light)]), truth


def _moved(picture: Floats, pan: Floats) -> Floats:
    """A background (N, H, W, 3) that follows the picture's movement at half its speed, as far things do."""
    size = (picture.shape[1], picture.shape[0])
    steps = [np.array([[1, 0, 0.5 * x], [0, 1, 0.5 * y]], np.float32) for x, y in pan]
    return np.stack([cv2.warpAffine(picture, m, size, borderMode=cv2.BORDER_REFLECT) for m in steps]).astype(np.float32)
