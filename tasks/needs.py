"""What each frame of the speaking face needs: the dub's words, lips at rest, or nothing at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.talk import mouth_moves
from emodiff_core.shots import runs
from tasks.spans import speech_around

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

SPEECH, REST, EASE, SOURCE = "speech", "rest", "ease", "source"
"""The dub speaks; it is silent while the mouth in the picture speaks; on the way between the two faces; untouched."""

LEAD_S, TRAIL_S = 0.12, 0.2
"""Lips part before their sound and close after it."""
EASE_S = 0.16
GAP_S = 0.4  # a rest this short is no rest: going back to the source's lips and away again would be a twitch


@dataclass(frozen=True)
class Needs:
    """For N frames: kind, SPEECH, REST, EASE or SOURCE; weight (N,) 0 to 1, how far the face is ours and not the
    source's, eased at both ends of what is rendered, but neither at a cut nor at the film's ends."""

    kind: tuple[str, ...]
    weight: NDArray[np.float32]

    @property
    def rendered(self) -> Flags:
        """(N,) False where the source's pixels pass through."""
        return np.asarray(self.weight > 0)


def needs(
    times: Doubles,
    shots: NDArray[np.integer],
    fit: Flags,
    opening: NDArray[np.floating],
    activity: NDArray[np.floating],
    everything: bool = False,
) -> Needs:
    """The needs of N frames.

    times: (N,) seconds; shots: (N,); fit: (N,) whether the face can be worked on; opening: (N,) gap of the lips in
    distances of the eyes' corners; activity: (M,) of the dub, 100 rows a second; everything: render every frame that
    can be, for an emotion that is not the source's holds in silence too.
    """
    speaks = speech_around(times, (np.asarray(activity) > 0.5).astype(np.float32), TRAIL_S, LEAD_S) > 0
    moves = mouth_moves(times, shots, fit, opening)
    wanted = fit & (np.ones_like(fit) if everything else speaks | moves)
    wanted = _without_gaps(times, shots, fit, wanted)
    weight = _eased(times, shots, fit, wanted)
    kind = np.select([(weight > 0) & (weight < 1), wanted & speaks, wanted], [EASE, SPEECH, REST], SOURCE)
    return Needs(tuple(kind.tolist()), weight)


def _without_gaps(times: Doubles, shots: NDArray[np.integer], fit: Flags, wanted: Flags) -> Flags:
    out = wanted.copy()
    for start, end in runs(shots, fit & ~wanted):
        between = start > 0 and end < len(times) and wanted[start - 1] and wanted[end]
        if between and shots[start - 1] == shots[end] and times[end] - times[start] < GAP_S:
            out[start:end] = True
    return out


def _eased(times: Doubles, shots: NDArray[np.integer], fit: Flags, wanted: Flags) -> NDArray[np.float32]:
    """1 where wanted, falling to 0 within EASE_S around it, and within what can be worked on where that ends first."""
    weight = np.zeros(len(times))
    for start, end in runs(shots, fit):
        clock = times[start:end]
        away = _distance(clock, clock[wanted[start:end]])
        room = np.full(end - start, np.inf)
        if start > 0 and shots[start - 1] == shots[start]:
            room = np.minimum(room, clock - times[start - 1])
        if end < len(times) and shots[end] == shots[end - 1]:
            room = np.minimum(room, times[end] - clock)
        ramp = np.clip(np.minimum(1 - away / EASE_S, room / EASE_S), 0, 1)
        weight[start:end] = ramp * ramp * (3 - 2 * ramp)
    return weight.astype(np.float32)


def _distance(clock: Doubles, marked: Doubles) -> Doubles:
    """Seconds from each time to the nearest marked one."""
    if not len(marked):
        return np.full(len(clock), np.inf)
    after = np.clip(np.searchsorted(marked, clock), 0, len(marked) - 1)
    before = np.maximum(after - 1, 0)
    return np.asarray(np.minimum(np.abs(clock - marked[after]), np.abs(clock - marked[before])))
