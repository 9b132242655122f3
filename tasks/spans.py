"""Where a track is cut into spans: at pauses of the speech, a few seconds apart."""

import numpy as np
from numpy.typing import NDArray

from tasks.stage import Span

ROWS_PER_SECOND = 100
# A cut is worth more in silence than at the exact length: quarter of the target's length weighs like half speech.
LENGTH_WEIGHT = 0.5
AROUND_S = 0.1


def plan_spans(times: NDArray[np.float64], activity: NDArray[np.floating], seconds: float) -> list[Span]:
    """Spans that hold each frame exactly once, in order.

    times: (N,) seconds, rising; activity: (M,) speech probability, row k centred on k/100 s; seconds: length aimed at.
    A span lasts between half and one and a half of that, or less where the track itself is shorter.
    """
    cost = _speech(times, activity)
    spans: list[Span] = []
    start = 0
    while start < len(times):
        end = _cut(times, cost, start, seconds)
        spans.append(Span(len(spans), start, end))
        start = end
    return spans


def _speech(times: NDArray[np.float64], activity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean speech activity around each frame; silence where there is no sound any more."""
    total = np.concatenate([[0.0], np.cumsum(activity, dtype=np.float64)])
    left = np.clip(np.round((times - AROUND_S) * ROWS_PER_SECOND), 0, len(activity)).astype(int)
    right = np.clip(np.round((times + AROUND_S) * ROWS_PER_SECOND) + 1, 0, len(activity)).astype(int)
    width = np.maximum(right - left, 1)
    return np.asarray((total[np.maximum(right, left)] - total[left]) / width)


def _cut(times: NDArray[np.float64], cost: NDArray[np.float64], start: int, seconds: float) -> int:
    """The frame that begins the next span, or the end of the track."""
    elapsed = times[start:] - times[start]
    if elapsed[-1] <= 1.5 * seconds:
        return len(times)
    latest = min(1.5 * seconds, elapsed[-1] - 0.5 * seconds)
    inside = np.flatnonzero((elapsed >= 0.5 * seconds) & (elapsed <= latest))
    if inside.size == 0:
        return start + max(1, int(np.searchsorted(elapsed, seconds)))
    total = cost[start + inside] + LENGTH_WEIGHT * np.abs(elapsed[inside] / seconds - 1)
    return start + int(inside[np.argmin(total)])
