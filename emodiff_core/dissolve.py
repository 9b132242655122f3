"""Where one shot dissolves into the next: every frame between is a mixture of both ends, more and more of the second.

Found from the inner products of frames seen very small: what lies between two frames that share nothing is compared
with their mixture. A camera or a person that moves makes pictures that are like neither end; a light that changes makes
ends that share their structure. Fades through black are not looked for here, see `shots`.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LENGTHS = (*range(5, 25), 26, 28, 30, 33, 36, 40, 44, 48)
"""Frames from the last of one shot to the first of the next that are tried."""
AFTER = 8
"""Frames after one that are looked at before it is decided: what goes on dissolving has not ended."""
_UNLIKE = 0.45
"""Share of what the two ends differ by that a frame between may be off their mixture: motion mostly leaves it
under .4, a wipe has .5 to 1, a pan 1 and more."""
_ALIKE = 0.6  # correlation of the two ends from which on they may be one scene in another light
_UNEVEN = 0.2  # of the way that a frame may be ahead of its time or behind
_FLAT = 0.1  # of the way that may be gone before it begins or after it ended


class DissolveFinder:
    """Feed it frame after frame; tells where a dissolve ended AFTER frames ago. Memory is constant."""

    def __init__(self) -> None:
        self._count = LENGTHS[-1] + 2 * AFTER + 1
        self._frames: Floats = np.zeros((0, 0), np.float32)
        self._inner: Doubles = np.zeros((0, 0))

    def add(self, grey: Floats) -> None:
        """The next frame, small and grey (H, W)."""
        flat = (grey - grey.mean()).reshape(1, -1)
        kept = slice(-self._count + 1, None)
        self._frames = np.concatenate([self._frames[kept], flat]) if len(self._frames) else flat
        newest = (self._frames @ flat[0]).astype(np.float64)
        inner = np.zeros((len(newest), len(newest)))
        inner[:-1, :-1] = self._inner[kept, kept]
        inner[-1], inner[:, -1] = newest, newest
        self._inner = inner

    def ended(self, most: int) -> int | None:
        """Whether the frame AFTER frames ago is the first after a dissolve: how many frames before it the last of the
        shot before is; None where it is not. most: frames before it that are in one shot."""
        last = len(self._frames) - 1 - AFTER
        tried = [(self._unlike(last - int(n), last), int(n)) for n in self._likely(last, min(most, last))]
        unlike, length = min(tried, default=(np.inf, 0))
        return length if unlike < _UNLIKE else None

    def _likely(self, last: int, most: int) -> NDArray[np.intp]:
        """Lengths up to `most` whose ends differ and whose middle lies between them, told at once for all."""
        lengths = np.array([n for n in LENGTHS if n <= most], np.intp)
        first, middle = last - lengths, last - lengths // 2
        inner, squares = self._inner, self._inner.diagonal()
        a, b, both = squares[first], squares[last], inner[first, last]
        apart = np.maximum(a + b - 2 * both, 1e-6)
        way = (inner[middle, last] - inner[middle, first] + a - both) / apart
        differ = (apart > self._frames.shape[1]) & (both <= _ALIKE * np.sqrt(a * b))
        return np.asarray(lengths[differ & (np.abs(way - 1 + lengths // 2 / lengths) <= _UNEVEN)])

    def _unlike(self, first: int, last: int) -> float:
        """How unlike mixtures of frames first and last those between are; infinite where they go another way."""
        inner, rows = self._inner, slice(max(0, first - AFTER), last + AFTER + 1)
        a, b, both = inner[first, first], inner[last, last], inner[first, last]
        apart = a + b - 2 * both
        time = (np.arange(rows.start, rows.stop) - first) / (last - first)
        to_first, to_last = inner[first, rows], inner[last, rows]
        way = (to_last - to_first + a - both) / apart
        between = (time > 0) & (time < 1)
        if way[time > 1].max(initial=1) > 1 + _FLAT or way[time < 0].min(initial=0) < -_FLAT:
            return np.inf
        if np.abs(way - time)[between].max() > _UNEVEN:
            return np.inf
        mixed = (1 - way) ** 2 * a + way**2 * b + 2 * way * (1 - way) * both
        off = inner.diagonal()[rows] + mixed - 2 * ((1 - way) * to_first + way * to_last)
        return float(np.median((off / (np.abs(time * (1 - time)) * apart + 1e-9))[between]))
