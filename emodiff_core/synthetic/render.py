"""Frames of a synthetic person, with the truth about them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.faces.mouth import aperture, reach
from emodiff_core.flame import HeadModel, to_picture
from emodiff_core.raster import Fragments, cover, rasterize
from emodiff_core.synthetic import shade
from emodiff_core.synthetic.actor import NOTHING, Actor, actor, lit
from emodiff_core.synthetic.backdrop import backdrop
from emodiff_core.synthetic.camera import Camera, camera_of, develop
from emodiff_core.synthetic.lashes import draw_lashes
from emodiff_core.synthetic.people import Person
from emodiff_core.synthetic.wrinkles import relief_at

Floats = NDArray[np.float32]
Size = tuple[int, int]
LIDS = (((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
        ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)))  # fmt: skip
PIVOT = np.array([0, -9.0, -1.0], np.float32)  # about where a neck bends


@dataclass(frozen=True)
class Film:
    """frames: (N, H, W, 3) uint8 RGB; points: (N, 468, 3) exact face-mesh points in pixels, z larger is nearer;
    parts: (N, H, W) uint8: flame.Part, or of actor: HAIR_PART, CLOTH_PART, FRAME_PART, NOTHING for background."""

    frames: NDArray[np.uint8]
    points: Floats
    parts: NDArray[np.uint8]


def render(
    person: Person, head: HeadModel, codes: Codes, size: Size, camera: Camera | None = None, fineness: int = 2
) -> Film:
    """A person on a head through codes, in pictures of size (height, width).

    camera: None takes the person's own; fineness: samples a pixel along each axis.
    """
    cast = actor(person, head, detail=max(256, 4 * max(size)))
    return shoot(cast, codes, size, camera or camera_of(person), fineness)


def shoot(cast: Actor, codes: Codes, size: Size, camera: Camera, fineness: int = 2) -> Film:
    """Frames of an actor; see `render`."""
    behind = backdrop(cast.person, size)
    shots = [(develop(light, camera, n), points, parts) for n, (light, points, parts) in enumerate(
        exposures(cast, codes, size, behind, fineness))]  # fmt: skip
    frames, points, parts = (np.stack(part) for part in zip(*shots, strict=True))
    return Film(frames, points, parts)


def exposures(
    cast: Actor, codes: Codes, size: Size, behind: Floats, fineness: int
) -> Iterator[tuple[Floats, Floats, NDArray[np.uint8]]]:
    """Linear light (H, W, 3), points (468, 3) and parts (H, W) of every frame, over a background
    (H, W, 3), or one a frame (N, H, W, 3)."""
    fine = (size[0] * fineness, size[1] * fineness)
    canvas = _enlarged(behind if behind.ndim == 3 else behind[0], fine)
    for n, rest in enumerate(_at_rest(cast, codes)):
        turn = Rotation.from_rotvec(codes.rotation[n]).as_matrix().astype(np.float32)
        vertices = _placed(cast, rest, turn, codes.camera[n] * fineness)
        points = _points(cast, rest, turn, codes.camera[n] * fineness)
        seen = _fragments(cast, vertices, points, fine)
        light = canvas.copy() if behind.ndim == 3 else _enlarged(behind[n], fine)
        _shade(cast, codes.expression[n], vertices, turn, seen, points, light)
        draw_lashes(light, seen.depth, cast.person, points, turn)
        small = cv2.resize(light, size[::-1], interpolation=cv2.INTER_AREA)
        yield np.asarray(small, np.float32), np.asarray(points / fineness, np.float32), _parts(cast, seen, fineness)


def _enlarged(picture: Floats, size: Size) -> Floats:
    return np.array(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _at_rest(cast: Actor, codes: Codes, batch: int = 8) -> Iterator[Floats]:
    """All vertices (V', 3) in head space, moved by the expression, frame by frame."""
    still = cast.bare
    if codes.residual.any():
        still = still + cast.rig.head.spread @ codes.residual
    for first in range(0, len(codes), batch):
        for moved in codes.expression[first : first + batch] @ cast.follow:
            yield np.concatenate([still + moved.reshape(-1, 3), cast.rest])


def _placed(cast: Actor, rest: Floats, turn: Floats, camera: Floats) -> Floats:
    """Vertices in pixels; the neck eases into shoulders that follow the head's turn only a part of the way."""
    half = Rotation.from_rotvec(Rotation.from_matrix(turn).as_rotvec() * 0.2).as_matrix().astype(np.float32)
    stay = PIVOT * 0.6 + (turn @ PIVOT) * 0.4 - half @ PIVOT
    return shade.place(rest, turn, half, stay.astype(np.float32), cast.neck, camera)


def _points(cast: Actor, rest: Floats, turn: Floats, camera: Floats) -> Floats:
    model = cast.rig.head
    corners = rest[model.points_vertices.numpy()]
    points = (corners * model.points_weights.numpy()[..., None]).sum(1)
    return np.asarray(to_picture((points @ turn.T)[None].astype(np.float32), camera[None])[0], np.float32)


def _fragments(cast: Actor, vertices: Floats, points: Floats, size: Size) -> Fragments:
    """What every sample sees; the mouth's inside is left out where the lips are shut."""
    _, wide, high = aperture(points)
    seen = rasterize(vertices, cast.faces[: cast.outer if high < 0.004 * wide else cast.solid], size)
    hair = cast.faces[cast.solid :]
    if len(hair):
        alpha = cast.strands[..., :1]
        cover(seen, vertices, hair, cast.solid, cast.attributes, alpha, cast.cut)
    return seen


def _shade(
    cast: Actor, expression: Floats, vertices: Floats, turn: Floats, seen: Fragments, points: Floats, light: Floats
) -> None:
    count, inside = len(cast.bare), cast.rig.inside
    normals = shade.normals_of(vertices, cast.faces)
    attributes = cast.attributes.copy()
    harmonics, share = lit(cast, turn)
    attributes[:count, 3:6] = share
    back = np.array([1, -1, 1], np.float32)
    level = np.asarray((points * back) @ turn, np.float32)
    attributes[inside, 6] = reach(np.asarray((vertices[inside] * back) @ turn, np.float32), level)
    attributes[len(attributes) - len(cast.tangents) :, 6:9] = cast.tangents @ turn.T
    lids = np.stack([np.stack([points[list(line), :2] for line in eye]) for eye in LIDS]).astype(np.float32)
    shade.shade(
        seen.face, seen.weights, cast.faces, cast.material, normals, attributes, cast.skin,
        relief_at(cast.relief, cast.folds, expression), np.ascontiguousarray(turn[:, 1]), cast.eye, lids, cast.strands,
        cast.fabric, cast.plain, harmonics, cast.lights.lamps, cast.lights.power, light,
    )  # fmt: skip


def _parts(cast: Actor, seen: Fragments, fineness: int) -> NDArray[np.uint8]:
    """Labels (H, W) at pixel centres."""
    face = seen.face[fineness // 2 :: fineness, fineness // 2 :: fineness]
    return np.append(cast.parts, np.uint8(NOTHING))[face]
