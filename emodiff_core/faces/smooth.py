"""Smoothing without lag: what is noise goes, what is motion stays, and nothing arrives late."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Doubles = NDArray[np.float64]

CUTOFF = 2.5  # Hz: below it everything stays; above it what stands out of the noise
NOISE_FACTOR = 1.5  # of the estimated noise energy that is taken off, for an estimate is sometimes low


def lowpass(values: Doubles, rate: float, cutoff: float = CUTOFF, weight: Doubles | None = None) -> Doubles:
    """Whittaker smoothing of values (N, C), second differences penalised; zero phase, half amplitude at `cutoff` Hz.

    weight: (N,) 0 to 1, how far a row is to be believed; rows of weight 0 are filled in from both sides.
    """
    n = len(values)
    if n < 3:
        return values.copy()
    trust = np.ones(n) if weight is None else np.maximum(weight, 1e-6)
    penalty = 1 / max(2 - 2 * np.cos(min(2 * np.pi * cutoff / rate, np.pi)), 1e-9) ** 2
    bands = np.zeros((3, n))
    for offset, factors in ((0, (1, 4, 1)), (1, (-2, -2)), (2, (1,))):
        for k, factor in enumerate(factors):
            bands[2 - offset, k + offset : n - 2 + k + offset] += penalty * factor
    bands[2] += trust
    return np.asarray(solveh_banded(bands, values * trust[:, None]))


def noise_of(values: Doubles) -> float:
    """Standard deviation of the noise in values (N, C): third differences, at the quietest quarter of time."""
    if len(values) < 8:
        return 0.0
    energy = np.square(np.diff(values, n=3, axis=0)).mean(1) / 20
    return float(np.sqrt(np.quantile(_window_mean(energy), 0.25)))


def steady(values: Doubles, rate: float, ceiling: float, weight: Doubles | None = None) -> Doubles:
    """Values (N, C) of one moving thing with their noise taken off.

    Slow motion is kept whole; the faster rest is kept as far as its local energy stands above the noise (Wiener).
    ceiling: the most that may be called noise, in the unit of values; rate: frames a second.
    """
    if len(values) < 8:
        return values.copy()
    slow = lowpass(values, rate, weight=weight)
    rest = values - slow
    noise = min(noise_of(values), ceiling)
    energy = _window_mean(np.square(rest).mean(1))
    keep = np.clip(1 - NOISE_FACTOR * noise**2 / np.maximum(energy, 1e-18), 0, 1)
    if weight is not None:
        keep = keep * weight
    return slow + rest * keep[:, None]


def _window_mean(energy: Doubles) -> Doubles:
    """Mean over seven frames, fewer at the ends."""
    kernel = np.array([0.5, 1, 1, 1, 1, 1, 0.5])
    same = np.convolve(np.ones_like(energy), kernel, "same")
    return np.convolve(energy, kernel, "same") / same
