"""When somebody speaks: a probability for each row of the features' clock."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from emodiff_core.audio.mel import RATE, mel_blocks

Floats = NDArray[np.float32]

_DECIBEL = 40.0
"""A log-mel value times this is decibels: log10 was divided by 4."""
_FLOOR_ROWS = 150
_RISE, _SLOPE = 10.0, 2.5
_FAINT = -36.0
_MAX_GAIN = 200.0
_HANG, _GAP, _BURST = 8, 12, 4
_ON, _OFF = 0.6, 0.3
_LOUD, _CHUNK = 99.9, 1 << 20


def speech_activity(samples: Floats) -> Floats:
    """(M,) float32 in [0, 1] on the rows of `log_mel`, for samples (n,) at 16 kHz, at any level.

    A row counts when its energy between 120 Hz and 5 kHz rises over the noise floor of the three seconds around it;
    hysteresis keeps words whole; a stretch as even as a fan, hum or hiss that holds no voice is no speech. Made for
    dialogue stems: music is not told from speech.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    gain = _gain(samples)
    level = uniform_filter1d(_level(samples, gain), 3, mode="nearest")
    score = 1 / (1 + np.exp(-(level - _noise(level) - _RISE) / _SLOPE))
    score = np.where(level < _FAINT, 0, score)
    spoken = np.zeros(len(level), bool)
    for start, end in _stretches(score):
        spoken[start:end] = _is_speech(level[start:end], samples[start * 160 : end * 160] * np.float32(gain))
    return np.where(spoken, np.maximum(score, _ON), np.minimum(score, _OFF) * 0.5).astype(np.float32)


def _gain(samples: Floats) -> float:
    """Factor to a common level, in steps of 3 dB: one changed line of a track is no reason to hear the others anew."""
    wanted = min(_MAX_GAIN, 0.5 / max(_loud(samples), 1e-9))
    return float(2 ** (round(2 * np.log2(wanted)) / 2))


def _loud(samples: Floats) -> float:
    """The percentile _LOUD of all magnitudes, without a copy of hours of sound: only the loudest are kept."""
    place = _LOUD / 100 * (len(samples) - 1)
    kept = len(samples) - int(place)
    loudest = np.zeros(0, np.float32)
    for first in range(0, len(samples), _CHUNK):
        loudest = np.concatenate([loudest, np.abs(samples[first : first + _CHUNK])])
        if len(loudest) > kept:
            loudest = np.partition(loudest, len(loudest) - kept)[-kept:]
    return float(np.percentile(np.sort(loudest)[:2], 100 * (place % 1)))


def _level(samples: Floats, gain: float) -> NDArray[np.float64]:
    """(M,) decibels: mean power of the bands that carry speech; -60 is the floor, about 10 full scale."""
    blocks = (block[:, 4:68].astype(np.float64) for block in mel_blocks(samples, gain))
    power = np.concatenate([(10.0 ** (block * 4)).mean(1) for block in blocks])
    return np.asarray(10 * np.log10(power) - 20)


def _noise(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) decibels: the quietest of each three seconds, smoothed, and never under what any room holds."""
    floor = minimum_filter1d(uniform_filter1d(level, 10, mode="nearest"), 2 * _FLOOR_ROWS, mode="nearest")
    return np.maximum(uniform_filter1d(floor, _FLOOR_ROWS, mode="nearest"), _FAINT - 8)


def _stretches(score: NDArray[np.float64]) -> list[tuple[int, int]]:
    """[start, end) where the score went over the upper threshold, until it fell under the lower one for a while."""
    high = score > _OFF
    edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(np.int8)))
    runs = [(a, b) for a, b in edges.reshape(-1, 2).tolist() if score[a:b].max() > _ON]
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] < _GAP:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(a, min(b + _HANG, len(score))) for a, b in joined if b - a >= _BURST]


def _is_speech(level: NDArray[np.float64], samples: Floats) -> bool:
    """Whether a stretch of rows has the rise and fall of syllables, or a voice in it."""
    inner = level[5 : -5 - _HANG] if len(level) > 40 else level
    return len(level) <= 40 or float(np.percentile(inner, 90) - np.percentile(inner, 10)) > 4 or _voiced(samples) > 0.1


def _voiced(samples: Floats) -> float:
    """Share of 40 ms windows with a fundamental between 70 and 400 Hz that moves, as a voice's does."""
    if len(samples) < 1280:
        return 0.0
    windows = sliding_window_view(samples, 640)[::320].astype(np.float64)
    windows = windows - windows.mean(1, keepdims=True)
    spectrum = np.fft.rfft(windows, 2048, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, RATE // 400 : RATE // 70]
    peak = correlation.max(1) / np.maximum((windows**2).sum(1), 1e-12)
    pitch = correlation.argmax(1)
    clear = peak > 0.5
    return float(clear.mean()) if clear.any() and np.ptp(pitch[clear]) > 3 else 0.0
