"""Smoothing without lag: what is noise goes, what is motion stays, and nothing arrives late."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Doubles = NDArray[np.float64]

BANDS = ((0.6, 25), (2.5, 7))
"""Hz where the bands begin that are kept only as far as they stand out of the noise, and the frames that judge it."""
NOISE_FACTOR = 1.5  # of the estimated noise energy that is taken off, for an estimate is sometimes low


def lowpass(values: Doubles, rate: float, cutoff: float, weight: Doubles | None = None) -> Doubles:
    """Whittaker smoothing of values (N, C), second differences penalised; zero phase, half amplitude at `cutoff` Hz.

    weight: (N,) 0 to 1, how far a row is to be believed; rows of weight 0 are filled in from both sides.
    """
    n = len(values)
    if n < 3:
        return values.copy()
    trust = np.ones(n) if weight is None else np.maximum(weight, 1e-6)
    penalty = _penalty(cutoff, rate)
    bands = np.zeros((3, n))
    for offset, factors in ((0, (1, 4, 1)), (1, (-2, -2)), (2, (1,))):
        for k, factor in enumerate(factors):
            bands[2 - offset, k + offset : n - 2 + k + offset] += penalty * factor
    bands[2] += trust
    return np.asarray(solveh_banded(bands, values * trust[:, None]))


def _penalty(cutoff: float, rate: float) -> float:
    return float(1 / max(2 - 2 * np.cos(min(2 * np.pi * cutoff / rate, np.pi)), 1e-9) ** 2)


def _passed(cutoff: float, rate: float) -> Doubles:
    """What lowpass leaves of the amplitude at 512 frequencies up to half the rate."""
    wave = 2 - 2 * np.cos(np.linspace(0, np.pi, 512))
    return np.asarray(1 / (1 + _penalty(cutoff, rate) * wave**2))


def noise_of(values: Doubles) -> float:
    """Standard deviation of the noise in values (N, C): third differences, at the quietest quarter of time."""
    if len(values) < 8:
        return 0.0
    energy = np.square(np.diff(values, n=3, axis=0)).mean(1) / 20
    return float(np.sqrt(np.quantile(_window_mean(energy, 7), 0.25)))


def steady(values: Doubles, rate: float, ceiling: float, weight: Doubles | None = None) -> Doubles:
    """Values (N, C) of one moving thing with their noise taken off.

    Slow motion is kept whole; faster motion is kept, band by band, as far as its local energy stands above the noise
    (Wiener). ceiling: the most that may be called noise, in the unit of values; rate: frames a second.
    """
    if len(values) < 8:
        return values.copy()
    noise = min(noise_of(values), ceiling)
    slower = [lowpass(values, rate, cutoff, weight) for cutoff, _ in BANDS]
    passed = [_passed(cutoff, rate) for cutoff, _ in BANDS]
    out = slower[0].copy()
    for k, (_, window) in enumerate(BANDS):
        above, through = (slower[k + 1], passed[k + 1]) if k + 1 < len(BANDS) else (values, np.ones(512))
        share = float(np.square(through - passed[k]).mean())
        out += _kept(above - slower[k], noise**2 * share, window, weight)
    return out


def _kept(band: Doubles, noise: float, window: int, weight: Doubles | None) -> Doubles:
    """The part of a band (N, C) that stands above noise of so much energy."""
    energy = _window_mean(np.square(band).mean(1), window)
    keep = np.clip(1 - NOISE_FACTOR * noise / np.maximum(energy, 1e-18), 0, 1)
    return band * (keep if weight is None else keep * weight)[:, None]


def _window_mean(energy: Doubles, window: int) -> Doubles:
    """Mean over a window of frames, fewer at the ends."""
    kernel = np.hanning(min(window, len(energy)) + 2)[1:-1]
    return np.convolve(energy, kernel, "same") / np.convolve(np.ones_like(energy), kernel, "same")
