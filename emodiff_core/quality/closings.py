"""Whether lips shut when they should: judged only beside frames in which they are open, so that a mouth that never
moves and one that moves at the wrong time both fail."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

REACH = 4
"""Frames on either side within which the truth has to open."""
OPEN = 0.04
"""By how much it has to open there, in distances of the eyes' corners; a wide vowel opens 0.15 to 0.3."""
SHUT_WITHIN = 0.25
"""Share of that opening by which a result may be wider than the truth where the truth is shut."""
OPENS_BY = 0.5
"""Share of it by which the result itself has to open where the truth is widest."""


def closings(result: Floats, truth: Floats, shut: Flags, reach: int = REACH) -> Flags:
    """(K,) whether the result closes, for each frame in which it is asked to beside an open one.

    result, truth: (N,) openings of the lips, both by the face mesh; shut: (N,) frames in which the truth's lips are
    shut. Frames with no open neighbour within `reach` are not judged.
    """
    out = []
    for at in map(int, np.flatnonzero(shut)):
        low = max(at - reach, 0)
        widest = low + int(truth[low : at + reach + 1].argmax())
        rise = truth[widest] - truth[at]
        if rise >= OPEN:
            closes = result[at] - truth[at] < SHUT_WITHIN * rise
            out.append(bool(closes and result[widest] - result[at] > OPENS_BY * rise))
    return np.array(out, bool)
