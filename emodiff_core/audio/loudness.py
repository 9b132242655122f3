"""Programme loudness after ITU-R BS.1770-5, and peak level, measured on a stream."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

Floats = NDArray[np.float32]

RATE = 48000
_STEP = RATE // 10
# BS.1770-5, tables 1 and 2: the head as a shelf, then a high-pass, for 48 kHz.
_K_WEIGHTING = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)


@dataclass(frozen=True)
class Levels:
    """loudness: LUFS, -inf where nothing passes the gate; peak: dBFS of the largest sample, -inf in digital silence."""

    loudness: float
    peak: float


def measure_levels(chunks: Iterable[Floats]) -> Levels:
    """Integrated loudness and sample peak of chunks (n, 1 or 2) float32 at 48 kHz."""
    state: NDArray[np.float64] | None = None
    energies, rest, peak = [], np.zeros((0, 1)), 0.0
    for chunk in chunks:
        peak = max(peak, float(np.abs(chunk).max(initial=0)))
        state = np.zeros((2, 2, chunk.shape[1])) if state is None else state
        weighted, state = sosfilt(_K_WEIGHTING, chunk.astype(np.float64), axis=0, zi=state)
        rest = np.concatenate([rest[:, : chunk.shape[1]], weighted]) if len(rest) else weighted
        whole = len(rest) // _STEP * _STEP
        energies.append((rest[:whole] ** 2).reshape(-1, _STEP, chunk.shape[1]).mean(1).sum(1))
        rest = rest[whole:]
    return Levels(_gated(np.concatenate(energies) if energies else np.zeros(0)), _decibel(peak, 20))


def _gated(steps: NDArray[np.float64]) -> float:
    """Mean of 400 ms blocks, each 100 ms after the last, over -70 LUFS and then over 10 LU below their mean."""
    if len(steps) < 4:
        return _lufs(float(steps.mean())) if len(steps) else -np.inf
    blocks = np.convolve(steps, np.full(4, 0.25), "valid")
    blocks = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    if not len(blocks):
        return -np.inf
    return _lufs(float(blocks[blocks > blocks.mean() / 10].mean()))


def _lufs(energy: float) -> float:
    return -0.691 + _decibel(energy, 10)


def _decibel(value: float, factor: float) -> float:
    return float(factor * np.log10(value)) if value > 0 else -np.inf
