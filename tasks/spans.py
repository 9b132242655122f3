"""Where a track is cut into spans: at the cuts of the film, and at pauses of the speech, a few seconds apart."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tasks.stage import Span

Doubles = NDArray[np.float64]

ROWS_PER_SECOND = 100
# A cut is worth more in silence than at the exact place: the edge of its window weighs like quarter speech.
PLACE_WEIGHT = 0.25
AROUND_S = 0.1
ROOM = 0.25  # of a span's length: how far a boundary moves to find a pause


def plan_spans(
    times: Doubles, activity: NDArray[np.floating], seconds: float, shots: NDArray[np.integer] | None = None
) -> list[Span]:
    """Spans that hold each frame exactly once, in order.

    times: (N,) seconds, rising; activity: (M,) speech probability, row k centred on k/100 s; seconds: length aimed at;
    shots: (N,) number of the shot of each frame; no span goes over a cut. Between cuts a span lasts between a quarter
    and twice the length. A boundary depends only on the speech and the cuts near it, so that a changed line moves no
    boundary elsewhere.
    """
    edges = _edges(times, activity, seconds, np.zeros(len(times), np.int64) if shots is None else shots)
    return [Span(k, int(start), int(end)) for k, (start, end) in enumerate(pairwise(edges))]


def with_work(spans: list[Span], rendered: NDArray[np.bool_]) -> list[Span]:
    """The spans that hold a rendered frame, numbered anew; where there is none, the first, for a job has a take.

    rendered: (N,) False where the source's pixels pass through.
    """
    busy = [span for span in spans if rendered[span.start : span.end].any()] or spans[:1]
    return [replace(span, index=k) for k, span in enumerate(busy)]


def speech_around(times: Doubles, activity: NDArray[np.floating], before: float, after: float) -> Doubles:
    """(N,) mean speech activity from `before` seconds before each frame to `after` after it; silence past its end."""
    total = np.concatenate([[0.0], np.cumsum(activity, dtype=np.float64)])
    left = np.clip(np.round((times - before) * ROWS_PER_SECOND), 0, len(activity)).astype(int)
    right = np.clip(np.round((times + after) * ROWS_PER_SECOND) + 1, 0, len(activity)).astype(int)
    width = np.maximum(right - left, 1)
    return np.asarray((total[np.maximum(right, left)] - total[left]) / width)


def _edges(
    times: Doubles, activity: NDArray[np.floating], seconds: float, shots: NDArray[np.integer]
) -> NDArray[np.intp]:
    """First frames of all spans, and N."""
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(shots)) + 1, [len(times)]])
    ends = np.append(times[cuts[:-1]], times[-1] + (times[-1] - times[-2] if len(times) > 1 else 0))
    picks = _picks(times, speech_around(times, activity, AROUND_S, AROUND_S), seconds)
    near = np.searchsorted(ends, times[picks])
    gap = np.minimum(times[picks] - ends[np.maximum(near - 1, 0)], ends[np.minimum(near, len(ends) - 1)] - times[picks])
    kept = (gap >= seconds / 4) & (times[picks] <= times[-1] - seconds / 2)
    return np.unique(np.concatenate([cuts, picks[kept]])).astype(np.intp)


def _picks(times: Doubles, cost: Doubles, seconds: float) -> NDArray[np.intp]:
    """One frame near every multiple of `seconds`: the one in its window where least is spoken."""
    place = (times - times[0]) / seconds
    window = np.round(place)
    away = np.abs(place - window)
    inside = np.flatnonzero((away <= ROOM) & (window > 0))
    if not inside.size:
        return inside
    total = cost[inside] + PLACE_WEIGHT * away[inside] / ROOM
    order = inside[np.lexsort((total, window[inside]))]
    return np.asarray(order[np.unique(window[order], return_index=True)[1]])
