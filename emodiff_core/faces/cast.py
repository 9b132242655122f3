"""All faces of a film, each followed from where it comes into sight to where it goes out of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.choose import PRESENT, FaceModels
from emodiff_core.faces.detect import detect
from emodiff_core.faces.hidden import around_mouth
from emodiff_core.faces.identity import FRONTAL, Look, apart, look_of, mean_look
from emodiff_core.faces.mesh import Mesh, Window, mesh_of, window_of_face, window_of_points
from emodiff_core.faces.track import eased

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

SEARCH = 5  # frames between two looks for faces that came into sight
THOROUGH = 50  # frames between two looks for small faces while there is none at all
LONGEST = 3000  # frames after which a stretch is closed and a new one begun, so that memory does not grow
_LOOKS = 12
_DOUBT = 0.12
_MEMORY = 25  # frames
_MIDDLE, _HALF_LENGTH, _HALF_WIDTH = 0.65, 0.7, 0.5
"""Of a head, in lengths of the face from the chin to the hair's line: an ellipse, its middle so far above the chin."""
_STRANGER = 3.0  # see `identity.apart`: far on the other side, for a face in motion varies


@dataclass
class Stretch:
    """One face in one shot, from its first frame on: its meshes and what surrounds its mouth, and some looks.

    after: the stretch that was lost just before in the same place, most likely of the same face; number: for whoever
    collects stretches; end: the frame after its last; lost: whether it ended before its shot did; score: the best that
    the detector said of it, 0 to 1.
    """

    shot: int
    first: int
    meshes: list[Mesh] = field(default_factory=list)
    mouths: list[Floats] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    window: Window | None = None
    strange: int = 0
    after: "Stretch | None" = None
    number: int | None = None
    end: int = 0
    lost: bool = False
    score: float = 0.0

    def forget(self) -> None:
        """Let go of all but the last mesh, by which a face that comes back is known."""
        self.meshes, self.mouths, self.after = self.meshes[-1:], [], None


class Cast:
    """Follows every face of a film; call it with one picture after the other, then `close` it.

    smallest: width in pixels below which no face is looked for.
    """

    def __init__(self, models: FaceModels, smallest: float) -> None:
        self.models, self.smallest = models, smallest
        self._live: list[Stretch] = []
        self._lost: list[Stretch] = []
        self._shot, self._frame, self._hurry = -1, 0, 0

    def __call__(self, picture: Picture, shot: int) -> Iterator[Stretch]:
        """Look at the next frame, of shot number `shot`; gives the stretches that ended before it."""
        if shot != self._shot:
            yield from self.close()
            self._shot, self._hurry = shot, self._frame
        for one in [one for one in self._live if not self._follow(one, picture)]:
            self._live.remove(one)
            self._hurry = self._frame + 3
            self._lost.append(one)
            one.lost = True
            yield one
        for one in _doubles(self._live):
            self._live.remove(one)
            del one.meshes[-1], one.mouths[-1]
            one.end -= 1
            yield one
        if self._frame <= self._hurry or self._frame % SEARCH == 0:
            self._live += list(self._arrivals(picture))
        self._frame += 1

    def close(self) -> list[Stretch]:
        """The stretches that are still open."""
        ended, self._live, self._lost = self._live, [], []
        return ended

    def _before(self, mesh: Mesh) -> Stretch | None:
        """The latest of the lost, where it went out of sight near a new face and not long ago."""
        self._lost = [one for one in self._lost if self._frame - one.end <= _MEMORY]
        near = [one for one in self._lost if _same(one.meshes[-1].box, mesh.box)]
        return max(near, key=lambda one: one.end, default=None)

    def _follow(self, one: Stretch, picture: Picture) -> bool:
        """Add this frame to a stretch; False where the face is gone, or has become another's."""
        assert one.window is not None
        mesh = mesh_of(self.models.mesh, picture, one.window)
        if mesh.presence < PRESENT or _jumped(one.meshes[-1], mesh) or len(one.meshes) >= LONGEST:
            return False
        return self._add(one, mesh, picture)

    def _add(self, one: Stretch, mesh: Mesh, picture: Picture) -> bool:
        if len(one.meshes) % SEARCH == 0 and abs(mesh.yaw) < FRONTAL and mesh.doubt < _DOUBT:
            look = look_of(picture, mesh.points)
            odd = len(one.looks) > 2 and apart(look, mean_look(one.looks)) > _STRANGER
            one.strange = one.strange + 1 if odd else 0
            if one.strange > 2:
                return False
            if not odd and len(one.looks) < _LOOKS:
                one.looks.append(look)
        one.meshes.append(mesh)
        one.end = self._frame + 1
        one.mouths.append(around_mouth(picture, mesh.points))
        one.window = eased(one.window, window_of_points(mesh.points))
        return True

    def _arrivals(self, picture: Picture) -> Iterator[Stretch]:
        """Faces that nobody follows yet."""
        thorough = not self._live and (self._frame - self._hurry) % THOROUGH == 0
        smallest = self.smallest if thorough else max(self.smallest, max(picture.shape) / 10)
        known = list(self._live)
        for face in detect(self.models.detector, picture, smallest=smallest):
            if its := [one for one in known if _same(face.box, one.meshes[-1].box)]:
                its[0].score = max(its[0].score, face.score)
                continue
            if any(on_head(face.box, one.meshes[-1]) for one in known):
                continue
            mesh = mesh_of(self.models.mesh, picture, window_of_face(face))
            mesh = mesh_of(self.models.mesh, picture, window_of_points(mesh.points)) if mesh.presence > 0.3 else mesh
            if mesh.presence >= PRESENT and not any(_same(mesh.box, one.meshes[-1].box) for one in known):
                one = Stretch(self._shot, self._frame, after=self._before(mesh), score=face.score)
                self._add(one, mesh, picture)
                known.append(one)
                yield one


Box = tuple[float, float, float, float]


def _same(one: Box, other: Box) -> bool:
    """Whether two boxes are of one face: their middles lie nearer than half a width of the smaller."""
    away = np.hypot(one[0] + one[2] / 2 - other[0] - other[2] / 2, one[1] + one[3] / 2 - other[1] - other[3] / 2)
    return bool(away < 0.5 * min(one[2], other[2]))


def on_head(box: Box, mesh: Mesh) -> bool:
    """Whether the middle of a box lies on a head, hair and all, whose own face is known: a lock may look like one."""
    top, chin = mesh.points[10, :2], mesh.points[152, :2]
    up = top - chin
    away = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2]) - chin
    along, across = float(away @ up), float(up[0] * away[1] - up[1] * away[0])
    square = max(float(up @ up), 1e-6)
    return ((along / square - _MIDDLE) / _HALF_LENGTH) ** 2 + (across / square / _HALF_WIDTH) ** 2 < 1


def _jumped(before: Mesh, now: Mesh) -> bool:
    """Whether a face moved or grew in one frame as no head does: the window has slipped to another one."""
    size = np.log(now.box[3] / max(before.box[3], 1e-6))
    away = np.linalg.norm(now.points[:, :2].mean(0) - before.points[:, :2].mean(0))
    return bool(abs(size) > 0.3 or away > 0.6 * before.box[3])


def _doubles(live: list[Stretch]) -> list[Stretch]:
    """The younger of every two that have come to follow one face."""
    out: list[Stretch] = []
    for k, one in enumerate(live):
        older = [other for other in live[:k] if other not in out]
        if any(_same(one.meshes[-1].box, other.meshes[-1].box) for other in older):
            out.append(one)
    return out
