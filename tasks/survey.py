"""A film looked at once: its shots, the faces followed through them, and which of these are one person."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.cast import Cast, Stretch
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.crop import unfit
from emodiff_core.faces.hidden import hidden
from emodiff_core.faces.identity import Look, grouped, mean_look
from emodiff_core.faces.talk import openings
from emodiff_core.faces.track import track_of
from emodiff_core.media import Limits, decode
from emodiff_core.shots import CutFinder, numbered, runs

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MOUTH_HIDDEN = "MOUTH_HIDDEN"
_FEWEST_S = 0.2
_SURE, _LASTS_S = 0.9, 0.5
_HESITANT, _SKEWED, _FRONTAL = 0.65, 0.05, 40.0
"""In fourteen clips the detector, where it saw them again, gave trees, cloth and hands .50 to .56, and they lay .06 to
.36 apart from their mirror images; the people's faces .92 to .98 and .01 to .02."""
_PROFILE = 46.0
"""Degrees as the mesh sees them, about 54 as they are: footage that turns on from there is soon a guess."""
_DOUBTED, _DOUBT = 35.0, 0.06
"""Degrees from which a mesh and its mirror image that lie so far apart mean a profile that is not seen as one."""
_LAST_S = 0.16
"""Before a face that turns away is lost, its mesh slips by as much as a fifth of its width."""


@dataclass(frozen=True)
class Seen:
    """One stretch of one face: frames [first, end) of one shot.

    points: file of its `points` (N, 468, 3), smoothed, and `irises` (N, 2, 5, 3); boxes (N, 4); presence, doubt, yaw,
    opening (N,); reasons: why a frame cannot be rendered, or None; look: None without a frontal view; after: index of
    the stretch it most likely goes on.
    """

    shot: int
    first: int
    points: Path
    boxes: Floats
    presence: Floats
    doubt: Floats
    yaw: Floats
    opening: Floats
    reasons: tuple[str | None, ...]
    look: Look | None
    after: int | None

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.first + len(self.boxes)


@dataclass(frozen=True)
class Survey:
    """A film looked at once. pts: (N,) ticks; shots: (N,); seen: its stretches; people: for each the number of its
    person, 0 the one most in sight; size: (height, width); times: (N,) seconds from the first frame on; mixed: (N,)
    frames that are mixtures of two shots."""

    pts: NDArray[np.int64]
    times: Doubles
    shots: NDArray[np.int16]
    seen: tuple[Seen, ...]
    people: tuple[int, ...]
    size: tuple[int, int]
    mixed: NDArray[np.bool_]

    def of(self, person: int) -> list[Seen]:
        """The stretches of one person, in order of time."""
        return sorted((s for s, p in zip(self.seen, self.people, strict=True) if p == person), key=lambda s: s.first)


def survey(source: Path, limits: Limits, models: FaceModels, smallest: float, rate: float, folder: Path) -> Survey:
    """Look at a film; memory grows with its longest shot, and by some bytes a frame.

    smallest: width of a face in pixels; rate: frames a second; folder: where the points of faces are laid down.
    """
    cast, seen, pts, times, shots = Cast(models, smallest / 2), list[Seen](), list[int](), list[float](), list[int]()
    size = (0, 0)

    def keep(stretches: Iterator[Stretch] | list[Stretch]) -> None:
        """Lay down stretches that have ended and are believed."""
        for one in stretches:
            before = one.after.number if one.after is not None else None
            if before is not None or believed(one, rate):
                one.number = len(seen)
                seen.append(_laid_down(one, size, smallest, rate, folder / f"{len(seen)}.npz", before))
            one.forget()

    finder = CutFinder()
    for frame, picture, shot in numbered(((frame, frame.picture) for frame in decode(source, limits)), finder):
        size = (picture.shape[0], picture.shape[1])
        pts.append(frame.pts)
        times.append(float(frame.time))
        shots.append(shot)
        keep(cast(picture, shot))
    keep(cast.close())
    clock = np.array(times) - times[0]
    mixed = np.zeros(len(pts), bool)
    for start, end in finder.dissolves:
        mixed[start:end] = True
    number = np.array(shots, np.int16)
    return Survey(np.array(pts, np.int64), clock, number, tuple(seen), _people(seen, size), size, mixed)


def believed(one: Stretch, rate: float) -> bool:
    """Whether a stretch is a face, not a fold of cloth that looked like one for a moment nor foliage that does so for
    seconds: the mesh believes in those, but its mirror image lies elsewhere and the detector hesitates."""
    presence, doubt, turn = np.median([(mesh.presence, mesh.doubt, abs(mesh.yaw)) for mesh in one.meshes], 0)
    if one.score < _HESITANT and doubt > _SKEWED and turn < _FRONTAL:
        return False
    return bool(presence > _SURE or len(one.meshes) >= _LASTS_S * rate)


def _laid_down(
    one: Stretch, size: tuple[int, int], smallest: float, rate: float, file: Path, after: int | None
) -> Seen:
    track = track_of(list(one.meshes), rate)
    assert track is not None, "a stretch has a face in every frame"
    np.savez(file, points=track.points, irises=track.irises)
    low, high = track.points[..., :2].min(1), track.points[..., :2].max(1)
    covered = hidden(np.stack(one.mouths), track.yaw)
    away = (np.abs(track.yaw) > _DOUBTED) & (track.doubt > _DOUBT)
    if one.lost:
        last = max(2, round(_LAST_S * rate))
        away[-last:] |= np.abs(track.yaw[-last:]) > _DOUBTED / 2
    reasons = [
        unfit(points, size, smallest, _PROFILE) or ("FACE_TURNED_AWAY" if turned else MOUTH_HIDDEN if over else None)
        for points, turned, over in zip(track.points, away, covered, strict=True)
    ]
    return Seen(
        one.shot, one.first, file, np.concatenate([low, high - low], 1), track.presence, track.doubt, track.yaw,
        openings(track.points), _settled(reasons, max(2, round(_FEWEST_S * rate))),
        mean_look(one.looks) if one.looks else None, after,
    )  # fmt: skip


def _settled(reasons: list[str | None], fewest: int) -> tuple[str | None, ...]:
    """Reasons without fit frames that are too few between unfit ones, or after them, to be worth rendering."""
    out = list(reasons)
    fit = np.array([reason is None for reason in reasons])
    for start, end in runs(np.zeros(len(fit), np.int64), fit):
        if start > 0 and end - start < fewest:
            out[start:end] = [out[start - 1]] * (end - start)
    return tuple(out)


def _people(seen: list[Seen], size: tuple[int, int]) -> tuple[int, ...]:
    """Numbers of the people, those most in sight first."""
    with_look = [k for k, one in enumerate(seen) if one.look is not None]
    place = {k: row for row, k in enumerate(with_look)}
    pairs = [(place[a], place[b]) for a in with_look for b in with_look if a < b and _together(seen[a], seen[b])]
    looks = [look for one in seen if (look := one.look) is not None]
    group = dict(zip(with_look, grouped(looks, pairs), strict=True))
    for k, one in enumerate(seen):
        if k not in group:
            group[k] = group[one.after] if one.after is not None else 10**6 + k
    share: dict[int, float] = {}
    for k, one in enumerate(seen):
        share[group[k]] = share.get(group[k], 0.0) + float(prominence(one, size).sum())
    rank = {name: k for k, name in enumerate(sorted(share, key=lambda name: (-share[name], name)))}
    return tuple(rank[group[k]] for k in range(len(seen)))


def _together(one: Seen, other: Seen) -> bool:
    return one.first < other.end and other.first < one.end


def prominence(one: Seen, size: tuple[int, int]) -> Doubles:
    """(N,) area of the face over the picture's, less the further from its middle: half at the edge."""
    middle = one.boxes[:, :2] + one.boxes[:, 2:] / 2
    away = np.hypot(middle[:, 0] / size[1] - 0.5, middle[:, 1] / size[0] - 0.5)
    return np.asarray(one.boxes[:, 2] * one.boxes[:, 3] / (size[0] * size[1]) * (1 - np.minimum(away, 0.7)), np.float64)
