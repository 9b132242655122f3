"""The soundtrack: speech from the picture's first frame on, music under it, exactly as long as the picture."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio.decode import probe_sound, stream_sound
from emodiff_core.audio.wav import read_wav

Floats = NDArray[np.float32]

_BLOCK = 48000


def soundtrack(
    speech: Path, samples: int, rate: int, music: Path | None = None, music_gain: float = 1, lead: int = 0
) -> Iterator[Floats]:
    """Chunks (n, channels) float32 that sum to exactly `samples`, silence where speech or music has ended.

    speech: the 16-bit WAV of the audio stage, at `rate`; music: any file with sound, summed as it is times music_gain.
    Stereo where one of the two is. lead: samples of silence before both, where the picture starts late.
    """
    spoken = _blocks(_after(lead, read_wav(speech)), samples)
    if music is None:
        yield from spoken
        return
    stereo = probe_sound(music).channels > 1
    under = _blocks(_after(lead, stream_sound(music, rate)), samples, channels=2 if stereo else 1)
    for voice, bed in zip(spoken, under, strict=True):
        yield voice + bed * np.float32(music_gain)


def _after(lead: int, chunks: Iterable[Floats]) -> Iterator[Floats]:
    """The chunks, after so many samples of silence in as many channels."""
    for chunk in chunks:
        while lead > 0:
            yield np.zeros((min(lead, _BLOCK), chunk.shape[1]), np.float32)
            lead -= _BLOCK
        yield chunk


def _blocks(chunks: Iterable[Floats], samples: int, channels: int = 1) -> Iterator[Floats]:
    """The same samples in blocks of a second, cut or padded to `samples` in all. channels: where there is no chunk."""
    left, held = samples, np.zeros((0, channels), np.float32)
    source = iter(chunks)
    while left > 0:
        while len(held) < min(_BLOCK, left) and (chunk := next(source, None)) is not None:
            held = np.concatenate([held, chunk]) if len(held) else chunk
        size = min(_BLOCK, left)
        block, held = held[:size], held[size:]
        yield np.pad(block, ((0, size - len(block)), (0, 0)))
        left -= size
