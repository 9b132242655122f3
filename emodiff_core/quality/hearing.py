"""The sound of a film on the film's own clock, and a print of a speech small enough to travel in a record."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from emodiff_core.media.files import opened, refused

Floats = NDArray[np.float32]

RATE = 48000
_STEP = 48  # samples of one value of a print: a millisecond
_VALUES = 6000
_REACH = 500


def heard(path: Path, index: int = 0) -> Iterator[Floats]:
    """Mono chunks (n, 1), 48,000 samples a second, of the index-th audio stream, beginning at the film's time 0.

    A stream that starts late begins with silence, one that starts early loses what lies before. Raises CORRUPT_MEDIA.
    """
    with opened(path) as file:
        stream = file.streams.audio[index]
        resampler = av.AudioResampler("fltp", "mono", RATE)
        skip: int | None = None
        try:
            for frame in file.decode(stream):
                if skip is None:
                    skip = -round((frame.time or 0.0) * RATE)
                    yield np.zeros((max(0, -skip), 1), np.float32)
                frame.pts = None
                for part in resampler.resample(frame):
                    samples = _mono(part)
                    yield samples[max(0, skip) :]
                    skip -= min(max(0, skip), len(samples))
            yield from (_mono(part) for part in resampler.resample(None))
        except av.error.FFmpegError as error:
            raise refused(path, error) from error


def _mono(frame: av.AudioFrame) -> Floats:
    return np.asarray(frame.to_ndarray(), np.float32).reshape(-1, 1)


def sound_print(speech: Iterable[Floats]) -> dict[str, Any]:
    """The loudness of six seconds of a speech from where it begins, a value a millisecond, as JSON can hold it.

    speech: chunks (n, channels) at 48,000 samples a second. Three kilobytes and a half per second of it are enough to
    place it within a millisecond, and nobody can hear it.
    """
    levels = _levels(speech)
    loud = np.flatnonzero(levels > 0.01)
    begin = int(loud[0]) if len(loud) else 0
    kept = np.sqrt(np.clip(levels[begin : begin + _VALUES], 0, 1))
    return {"begin_ms": begin, "values": base64.b64encode(np.round(kept * 255).astype(np.uint8).tobytes()).decode()}


def print_offset(sound: Iterable[Floats], print_: Mapping[str, Any]) -> float | None:
    """Seconds by which the speech of a print comes late in a sound, None where either is silent."""
    given = np.frombuffer(base64.b64decode(print_["values"]), np.uint8).astype(np.float32)
    begin = int(print_["begin_ms"])
    levels = np.sqrt(np.clip(_levels(sound, begin + len(given) + _REACH), 0, 1))
    around = np.zeros(len(given) + 2 * _REACH, np.float32)
    low = max(0, begin - _REACH)
    part = levels[low : begin + len(given) + _REACH]
    around[low - begin + _REACH :][: len(part)] = part
    if not len(given) or not given.std() or not around.std():
        return None
    return (int(_likeness(around, given - given.mean()).argmax()) - _REACH) / 1000


def _likeness(around: Floats, given: Floats) -> Floats:
    """Normalised correlation of a print with each place of a longer one: not the loudest wins."""
    count = len(given)
    sums = np.convolve(around, np.ones(count), "valid")
    squares = np.convolve(np.square(around), np.ones(count), "valid")
    spread = np.sqrt(np.maximum(squares - sums**2 / count, 1e-6))
    return np.asarray(correlate(around, given, "valid") / spread, np.float32)


def _levels(sound: Iterable[Floats], most: int | None = None) -> Floats:
    """Root mean square of each millisecond, of the first `most` ones."""
    kept: list[Floats] = []
    rest, count = np.zeros(0, np.float32), 0
    for chunk in sound:
        rest = np.concatenate([rest, chunk.mean(1)])
        whole = len(rest) // _STEP * _STEP
        kept.append(np.sqrt(np.square(rest[:whole]).reshape(-1, _STEP).mean(1)))
        rest, count = rest[whole:], count + whole // _STEP
        if most is not None and count >= most:
            break
    return np.concatenate([np.zeros(0, np.float32), *kept])
