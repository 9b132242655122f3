"""Who speaks: how mouths move, against the speech that is heard."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.mesh import EYE_CORNERS
from emodiff_core.faces.points import LIP_BOTTOM, LIP_TOP
from emodiff_core.shots import runs

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

MOVES = 0.012
"""Spread of the mouth's opening that is no tremor of the mesh (.004), in distances of the eyes' corners."""
_AROUND_S = 0.2
_UTTERANCE_S = 0.5  # what is shorter is a breath, a laugh, or the edge of a word
_SEEN_S = 0.3  # of an utterance that began before the face came into sight, or goes on after it
_BREATH_S = 1.0
_STILL = 0.15


def openings(points: Floats) -> Floats:
    """(N,) gap of the inner lips over the distance of the eyes' outer corners, of face-mesh points (N, 468, 3)."""
    flat = points[..., :2].astype(np.float64)
    gap = np.linalg.norm(flat[:, LIP_TOP] - flat[:, LIP_BOTTOM], axis=1)
    eyes = np.linalg.norm(flat[:, EYE_CORNERS[0]] - flat[:, EYE_CORNERS[1]], axis=1)
    return np.asarray(gap / np.maximum(eyes, 1e-6), np.float32)


def mouth_motion(times: Doubles, shots: NDArray[np.integer], seen: Flags, opening: NDArray[np.floating]) -> Doubles:
    """(N,) standard deviation of the opening around each frame, 0 where the face is not seen.

    times: (N,) seconds; shots: (N,) number of the shot; seen: (N,); opening: (N,) as `openings` says.
    """
    out = np.zeros(len(times))
    for start, end in runs(shots, seen):
        clock, value = times[start:end], np.asarray(opening[start:end], np.float64)
        left, right = np.searchsorted(clock, clock - _AROUND_S), np.searchsorted(clock, clock + _AROUND_S, "right")
        sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (value - value.mean(), (value - value.mean()) ** 2)]
        mean, square = ((s[right] - s[left]) / (right - left) for s in sums)
        out[start:end] = np.sqrt(np.maximum(square - mean**2, 0))
    return out


def mouth_moves(times: Doubles, shots: NDArray[np.integer], seen: Flags, opening: NDArray[np.floating]) -> Flags:
    """(N,) whether the mouth is moving as a speaking one does; see `mouth_motion`."""
    return mouth_motion(times, shots, seen, opening) > MOVES


def talking(motion: Doubles, heard: Flags, size: Doubles) -> float:
    """How much of the speech that is heard this face seems to say: motion (N,) while heard (N,), by size (N,)."""
    return float((np.clip(motion - MOVES, 0, 4 * MOVES) * heard * size).sum())


def off_screen(times: Doubles, shots: NDArray[np.integer], seen: Flags, moves: Flags, heard: Flags) -> Flags:
    """(N,) frames of whole utterances during which this mouth rests: somebody else speaks, or nobody in sight.

    A face that never moves its mouth while speech is heard may be a picture that is to be made to speak: for it there
    is no such frame.
    """
    out = np.zeros(len(times), bool)
    if not (moves & heard & seen).any():
        return out
    for first, last in runs(np.zeros(len(times), np.int64), heard):
        if _lasts(times, first, last) < _UTTERANCE_S:
            continue
        for start, end in runs(shots[first:last], seen[first:last]):
            here = slice(first + start, first + end)
            if _lasts(times, here.start, here.stop) >= _SEEN_S and moves[here].mean() < _STILL:
                out[here] = True
    return out | _breaths(times, shots, seen & ~moves, out)


def _breaths(times: Doubles, shots: NDArray[np.integer], rests: Flags, away: Flags) -> Flags:
    """(N,) pauses in what others say, while this mouth rests on: between two utterances, or one and a cut."""
    out = np.zeros(len(times), bool)
    for start, end in runs(shots, rests & ~away):
        before = start == 0 or shots[start - 1] != shots[start] or away[start - 1]
        after = end == len(times) or shots[end] != shots[start] or away[end]
        beside = (start > 0 and away[start - 1]) or (end < len(times) and away[end])
        if before and after and beside and _lasts(times, start, end) < _BREATH_S:
            out[start:end] = True
    return out


def _lasts(times: Doubles, start: int, end: int) -> float:
    """Seconds from frame start to frame end."""
    return float(times[min(end, len(times) - 1)] - times[start])
