"""Log-mel spectrogram on a fixed clock: exactly 100 rows a second, row k centred on k/100 s."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS = 100
"""Rows a second of every feature in this project."""
RATE = 16000
"""Samples a second that features are computed from."""
BINS = 80
SILENCE = -1.0
"""The value of every bin in digital silence, and of rows before the first and after the last."""

_HOP = RATE // ROWS
_WINDOW = 400
_FLOOR = 1e-6
_AT_ONCE = 64
_BLOCK = 8192


def log_mel(samples: Floats, gain: float = 1) -> Floats:
    """(M, 80) float32 of samples (n,) float32 in [-1, 1] at 16 kHz; M = ceil(n / 160).

    Hann window of 25 ms, power spectrum, 80 Slaney mel bands of unit area from 0 to 8 kHz (Whisper's, so that the two
    can be compared), log10 floored at 1e-6 and scaled by fixed numbers: -1 is silence, speech at -23 LUFS lies
    around 0, a full-scale tone near 1. Nothing is normalised by file: a row does not depend on what comes later.
    Sound outside the file is silence. gain: factor on the samples. Needs little more memory than its result.
    """
    mel = np.empty((-(-len(samples) // _HOP), BINS), np.float32)
    first = 0
    for block in mel_blocks(samples, gain):
        mel[first : first + len(block)] = block
        first += len(block)
    return mel


def mel_blocks(samples: Floats, gain: float = 1) -> Iterator[Floats]:
    """The rows of `log_mel`, some at a time."""
    rows = -(-len(samples) // _HOP)
    for first in range(0, rows, _BLOCK):
        yield _block(_windows(samples, first, min(_BLOCK, rows - first)) * np.float32(gain))


def _windows(samples: Floats, first: int, count: int) -> Floats:
    """(count, 400) samples around rows first, first + 1, ...; zeros where there is no sound."""
    start = first * _HOP - _WINDOW // 2
    end = start + (count - 1) * _HOP + _WINDOW
    inside = np.asarray(samples[max(0, start) : end], np.float32)
    padded = np.pad(inside, (max(0, -start), max(0, end - len(samples))))
    return np.asarray(sliding_window_view(padded, _WINDOW)[::_HOP])


def mel_bank(bins: int = BINS, size: int = _WINDOW, rate: int = RATE) -> Floats:
    """(size // 2 + 1, bins) triangular filters of unit area on Slaney's mel scale, 0 Hz to rate / 2."""
    edges = _hertz(np.linspace(0, _mels(np.array(rate / 2)), bins + 2))
    frequency = np.arange(size // 2 + 1) * rate / size
    slope = (frequency[:, None] - edges) / np.concatenate([[1.0], np.diff(edges)])
    rising = slope[:, 1:-1] + 1
    falling = -slope[:, 2:]
    bank = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    return bank.astype(np.float32)


def _block(frames: Floats) -> Floats:
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    value = (np.log10(np.maximum(_banded(power), _FLOOR)) + 2) / 4
    return np.asarray(value, np.float32)


def _banded(power: Floats) -> Floats:
    """Bands of rows, always so many rows at once: a product of another shape ends in other bits."""
    rows = np.pad(power, ((0, -len(power) % _AT_ONCE), (0, 0))).reshape(-1, _AT_ONCE, power.shape[1])
    return np.asarray((rows @ _bank()).reshape(-1, BINS)[: len(power)])


@lru_cache
def _bank() -> Floats:
    return mel_bank()


@lru_cache
def _hann() -> Floats:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)


def _mels(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney (Auditory Toolbox, 1998): linear to 1 kHz, then 27 logarithmic steps for a factor of 6.4."""
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1e-9) / 1000) / np.log(6.4))


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))
