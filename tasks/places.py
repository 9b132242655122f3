"""Where the crops of a film's chosen face lie, and its rows for `track.parquet`, shot by shot."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.cast import LONGEST
from emodiff_core.faces.crop import one_size, rectangle_around
from emodiff_core.media import Video
from emodiff_core.shots import runs
from tasks.people import sight
from tasks.survey import Survey
from tasks.track_file import TrackFile

Reasons = tuple[str | None, ...]


def crops_of(film: Survey, number: int, reasons: Reasons) -> NDArray[np.int32]:
    """(N, 4) the crop's rectangle of every frame: one size for the film, one place for a shot.

    Shots in which the face is never worked on have the place of the shot before.
    """
    boxes = np.zeros((len(reasons), 4), np.float32)
    for one in film.of(number):
        boxes[one.first : one.end] = one.boxes
    fit = np.array([reason is None for reason in reasons])
    shots = runs(film.shots, np.ones_like(fit))
    used = [k for k, (start, end) in enumerate(shots) if fit[start:end].any()]
    tight = [
        rectangle_around(boxes[shots[k][0] : shots[k][1]][fit[shots[k][0] : shots[k][1]]], film.size) for k in used
    ]
    place = dict(zip(used, one_size(tight, film.size), strict=True))
    out = np.zeros((len(reasons), 4), np.int32)
    last = place[used[0]]
    for k, (start, end) in enumerate(shots):
        last = place.get(k, last)
        out[start:end] = last
    return out


def parts_of(
    film: Survey, number: int, reasons: Reasons, crops: NDArray[np.int32], video: Video, last: Fraction | None = None
) -> Iterator[TrackFile]:
    """The rows of each shot, of a long one in parts; landmarks are 0 in frames without it. last: see TrackFile."""
    _, opening, _ = sight(film, number)
    for start, end in _parts(film):
        points = np.zeros((end - start, 468, 3), np.float32)
        irises = np.full((end - start, 2, 5, 3), np.nan, np.float32)
        presence, yaw = np.zeros(end - start, np.float32), np.zeros(end - start, np.float32)
        track = np.full(end - start, -1, np.int16)
        for one in film.of(number):
            low, high = max(start, one.first), min(end, one.end)
            if low < high:
                rows, own = slice(low - start, high - start), slice(low - one.first, high - one.first)
                found = np.load(one.points)
                points[rows], irises[rows], track[rows] = found["points"][own], found["irises"][own], number
                presence[rows], yaw[rows] = one.presence[own], one.yaw[own]
        yield TrackFile(
            "footage", film.size[1], film.size[0], video.rate, video.time_base, film.pts[start:end], points, presence,
            yaw, crops[start:end], reasons[start:end], film.shots[start:end], track, opening[start:end],
            irises, last,
        )  # fmt: skip


def _parts(film: Survey) -> Iterator[tuple[int, int]]:
    """[start, end) of every shot, cut where it is longer than what is held at a time."""
    for first, last in runs(film.shots, np.ones(len(film.shots), bool)):
        for start in range(first, last, LONGEST):
            yield start, min(start + LONGEST, last)
