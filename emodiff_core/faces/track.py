"""One face through a clip: found once, followed from frame to frame, found again when lost, smoothed without lag."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.choose import Choice, FaceModels, find
from emodiff_core.faces.mesh import EYE_CORNERS, Mesh, Window, mesh_of, window_of_points, yaw_of
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, LEFT_BROW, LIPS_INNER, LIPS_OUTER, RIGHT_BROW
from emodiff_core.faces.smooth import steady

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Picture = NDArray[np.uint8]

PRESENT = 0.5
BRIDGE = 4  # frames without a face that are filled in from both sides
_REACH = 1.5  # face widths within which a lost face is looked for
_UNSEEN = np.full((2, 5, 3), np.nan, np.float32)
_RIGID = np.setdiff1d(np.arange(468), LIPS_OUTER)


@dataclass(frozen=True)
class Track:
    """A face over N frames: points (N, 468, 3) as in Mesh, presence, doubt and yaw (N,), found (N,) bool;
    irises (N, 2, 5, 3) as in Mesh, as they were seen, nan where they were not.

    Points of frames without a face are filled in from both sides and mean nothing where the gap is long.
    """

    points: Floats
    presence: Floats
    doubt: Floats
    yaw: Floats
    found: NDArray[np.bool_]
    irises: Floats


class Tracker:
    """Follows one face; call it with one picture after the other, in order of time."""

    def __init__(self, models: FaceModels, face: str = "auto", smallest: float = 48) -> None:
        self.models, self.face, self.smallest = models, face, smallest
        self.choice: Choice | None = None
        self._window: Window | None = None
        self._last: Mesh | None = None

    def __call__(self, picture: Picture) -> Mesh | None:
        """The face in this picture, or None. Raises Refusal NO_FACE_AT_POINT where the first picture has none there."""
        mesh = self._follow(picture) or self._search(picture)
        if mesh is not None:
            self._last = mesh
            self._window = eased(self._window, window_of_points(mesh.points))
        else:
            self._window = None
        return mesh

    def _follow(self, picture: Picture) -> Mesh | None:
        if self._window is None:
            return None
        mesh = mesh_of(self.models.mesh, picture, self._window)
        return mesh if mesh.presence >= PRESENT else None

    def _search(self, picture: Picture) -> Mesh | None:
        self._window = None
        if self._last is None:
            found = find(self.models, picture, self.face, self.smallest)
            self.choice = self.choice or found
            return found.mesh if found else None
        x, y, w, h = self._last.box
        at = f"{x + w / 2},{y + h / 2}"
        found = find(self.models, picture, at, self.smallest, reach=_REACH)
        return found.mesh if found else None


def eased(before: Window | None, now: Window) -> Window:
    """The next window, half-way to the new one: where the window shakes the points shake with it."""
    if before is None or abs(now.side / before.side - 1) > 0.1 or abs(now.angle - before.angle) > 0.15:
        return now
    if np.hypot(now.x - before.x, now.y - before.y) > 0.08 * now.side:
        return now
    x, y, side = (before.x + now.x) / 2, (before.y + now.y) / 2, (before.side + now.side) / 2
    return Window(x, y, side, (before.angle + now.angle) / 2)


def track_of(meshes: list[Mesh | None], rate: float) -> Track | None:
    """The smoothed track of one clip from its meshes; None where no frame has a face. rate: frames a second."""
    found = np.array([mesh is not None for mesh in meshes])
    if not found.any():
        return None
    points = _filled(meshes, found)
    track = Track(
        points=points,
        presence=np.array([m.presence if m else 0 for m in meshes], np.float32),
        doubt=np.array([m.doubt if m else 1 for m in meshes], np.float32),
        yaw=np.array([yaw_of(p) for p in points], np.float32),
        found=found | _bridged(found),
        irises=np.stack([_UNSEEN if m is None or m.irises is None else m.irises for m in meshes]),
    )
    smooth = smoothed(points, rate, found.astype(np.float64))
    return replace(track, points=smooth, yaw=np.array([yaw_of(p) for p in smooth], np.float32))


def _filled(meshes: list[Mesh | None], found: NDArray[np.bool_]) -> Floats:
    known = np.flatnonzero(found)
    points = np.stack([meshes[k].points for k in known]).reshape(len(known), -1)  # type: ignore[union-attr]
    if len(known) == len(found):
        return points.reshape(-1, 468, 3)
    place = np.clip(np.interp(np.arange(len(found)), known, np.arange(len(known))), 0, len(known) - 1)
    before = np.floor(place).astype(np.intp)
    after = np.minimum(before + 1, len(known) - 1)
    share = (place - before)[:, None].astype(np.float32)
    filled = points[before] * (1 - share) + points[after] * share
    return filled.reshape(-1, 468, 3).astype(np.float32)


def _bridged(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames in gaps of at most BRIDGE frames that have a face on both sides."""
    known = np.flatnonzero(found)
    out = np.zeros_like(found)
    for before, after in pairwise(known):
        out[before + 1 : after] = after - before - 1 <= BRIDGE
    return out


def smoothed(points: Floats, rate: float, weight: Doubles | None = None) -> Floats:
    """Points (N, 468, 3) without their jitter; the head's motion and the face's are smoothed apart, without lag."""
    if len(points) < 8:
        return points
    values = points.astype(np.float64)
    eyes = float(np.median(np.linalg.norm(values[:, EYE_CORNERS[1]] - values[:, EYE_CORNERS[0]], axis=1)))
    middle = values[:, _RIGID].mean(1)
    calm = steady(middle, rate, 0.006 * eyes, weight)
    inner = values - middle[:, None]
    out = np.empty_like(values)
    for region in _regions():
        flat = inner[:, region].reshape(len(values), -1)
        out[:, region] = steady(flat, rate, 0.012 * eyes, weight).reshape(len(values), len(region), 3)
    return (out + calm[:, None]).astype(np.float32)


def _regions() -> list[NDArray[np.intp]]:
    """Parts of the face that move on their own: mouth, each eye, brows, everything else."""
    named = [np.concatenate([LIPS_OUTER, LIPS_INNER]), EYE_LEFT, EYE_RIGHT, np.array(LEFT_BROW + RIGHT_BROW)]
    return [*named, np.setdiff1d(np.arange(468), np.concatenate(named))]
