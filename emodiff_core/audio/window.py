"""From the features' clock (100 rows a second) to the picture's: a window of rows around any time."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio.mel import ROWS, SILENCE

Floats = NDArray[np.float32]


def features_at(
    rows: Floats,
    times: NDArray[np.float64] | Sequence[Fraction],
    context: int,
    outside: float = SILENCE,
    first: int = 0,
) -> Floats:
    """(N, 2 * context + 1, dims): for each time in seconds the rows from context/100 s before to context/100 s after.

    rows: (M, dims), row k at k/100 s; times: (N,) seconds or Fractions of the picture, any rate, any spacing.
    Token j lies at exactly time + (j - context)/100 s, linearly between the two rows around it; `outside` stands for
    rows before the first and after the last, so that a window at the ends hears silence, not an echo. first: the row
    of the whole track that `rows` begins with, where it is a part.
    """
    position = np.array([float(t * ROWS) for t in times], np.float64)[:, None] + np.arange(-context, context + 1)
    position -= first
    low = np.floor(position).astype(np.int64)
    part = (position - low).astype(np.float32)[..., None]
    padded = np.pad(np.asarray(rows, np.float32), ((1, 1), (0, 0)), constant_values=outside)
    below = padded[np.clip(low + 1, 0, len(rows) + 1)]
    above = padded[np.clip(low + 2, 0, len(rows) + 1)]
    return np.asarray(below * (1 - part) + above * part, np.float32)
