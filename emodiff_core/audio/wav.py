"""Speech as a plain file: 16-bit WAV, written and read as a stream."""

import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FULL = 32767
_CHUNK = 48000


@dataclass(frozen=True)
class Written:
    """samples: per channel; peak: of the sound before gain, 1 is full scale; gain: 1, or less where it would clip."""

    samples: int
    channels: int
    peak: float
    gain: float


def write_wav(path: Path, sound: Callable[[], Iterable[Floats]], rate: int) -> Written:
    """Write chunks (n, channels) of a sound that can be asked for twice; no dither, same samples same bytes.

    Where the sum of a downmix passes full scale the whole file is written again, turned down to just reach it: a
    clipped consonant is worse than half a decibel.
    """
    first = _write(path, sound(), rate, 1.0)
    return first if first.peak <= 1 else _write(path, sound(), rate, 1 / first.peak)


def read_wav(path: Path) -> Iterator[Floats]:
    """Chunks (n, channels) float32 of a 16-bit WAV; `write_wav` and back is exact."""
    with wave.open(str(path), "rb") as file:
        channels = file.getnchannels()
        while data := file.readframes(_CHUNK):
            yield np.frombuffer(data, "<i2").reshape(-1, channels).astype(np.float32) / np.float32(_FULL)


def _write(path: Path, chunks: Iterable[Floats], rate: int, gain: float) -> Written:
    samples, channels, peak = 0, 0, 0.0
    with wave.open(str(path), "wb") as file:
        for chunk in chunks:
            if not channels:
                channels = chunk.shape[1]
                file.setnchannels(channels)
                file.setsampwidth(2)
                file.setframerate(rate)
            file.writeframes(np.clip(np.rint(chunk * gain * _FULL), -32768, 32767).astype("<i2").tobytes())
            samples, peak = samples + len(chunk), max(peak, float(np.abs(chunk).max(initial=0)))
        if not channels:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
    return Written(samples, channels, peak, gain)
