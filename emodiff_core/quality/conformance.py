"""Whether a deliverable is what was ordered: frames, times, lengths, offsets, language; each deviation named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from emodiff_core.audio import read_wav, stream_sound
from emodiff_core.media.files import opened

Floats = NDArray[np.float32]

RATE = 48000
_HEARD = 10 * RATE
_REACH = RATE // 2


@dataclass(frozen=True)
class Expected:
    """times: exact seconds of every frame; seconds: length of picture and sound; language: ISO 639-2/T."""

    times: Sequence[Fraction]
    seconds: Fraction
    language: str


@dataclass(frozen=True)
class Found:
    """What a file holds, each stream decoded to its end. offset: seconds by which the speech comes late, None where it
    is silent; picture_seconds, sound_seconds: as the container states them; samples: decoded, per channel."""

    times: Sequence[Fraction]
    picture_seconds: Fraction
    picture_start: Fraction
    sound_seconds: Fraction
    sound_start: Fraction
    samples: int
    language: str
    offset: float | None


@dataclass(frozen=True)
class Deviation:
    """One way in which a deliverable is not what was ordered; time: seconds of the picture where that is one place."""

    code: str
    message: str
    time: float | None = None


def examine(path: Path, times: Sequence[Fraction], speech: Path) -> Found:
    """What the deliverable holds. times: of its frames, from decoding them; speech: the WAV that should be heard.

    Decodes the sound to its end. Raises Refusal where a stream breaks.
    """
    with opened(path) as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        ticks, beats = picture.time_base or Fraction(1), sound.time_base or Fraction(1)
        lengths = (picture.duration or 0) * ticks, (sound.duration or 0) * beats
        starts = (picture.start_time or 0) * ticks, (sound.start_time or 0) * beats
        language = str(sound.language or sound.metadata.get("language", "und"))
    samples, offset = listen(path, speech)
    return Found(times, lengths[0], starts[0], lengths[1], starts[1], samples, language, offset)


def listen(path: Path, speech: Path) -> tuple[int, float | None]:
    """Samples of the deliverable's sound, and seconds by which the speech in it comes late.

    The ten seconds in which the speech begins to be heard are laid over each other; None where it is silent.
    """
    return place(stream_sound(path, RATE, 1), read_wav(speech))


def place(sound: Iterable[Floats], speech: Iterable[Floats]) -> tuple[int, float | None]:
    """As `listen`, of chunks (n, 1) of the deliverable's sound and (n, channels) of the speech, 48,000 samples a
    second."""
    given, begin = _first_words(speech)
    heard, samples = _stretch(sound, begin - _REACH, len(given) + 2 * _REACH)
    if not len(given) or not heard.any():
        return samples, None
    match = correlate(heard, given, "valid", "fft")
    return samples, (int(match.argmax()) - _REACH) / RATE


def deviations(expected: Expected, found: Found, offset_limit: float) -> list[Deviation]:
    """Everything in which found is not expected. offset_limit: seconds that the speech may come early or late."""
    return [*_frames(expected, found), *_lengths(expected, found), *_sound(expected, found, offset_limit)]


def _frames(expected: Expected, found: Found) -> Iterable[Deviation]:
    if len(found.times) != len(expected.times):
        yield Deviation("FRAME_COUNT", f"{len(found.times)} frames, {len(expected.times)} were ordered")
    for k, (is_, should) in enumerate(zip_longest(found.times, expected.times)):
        if is_ != should and is_ is not None and should is not None:
            message = f"frame {k} is shown at {float(is_):.6f} s instead of {float(should):.6f} s"
            yield Deviation("FRAME_TIME", message, float(should))
            return


def _lengths(expected: Expected, found: Found) -> Iterable[Deviation]:
    tick = Fraction(1, 10000)
    if abs(found.picture_seconds - expected.seconds) > tick:
        yield Deviation("PICTURE_LENGTH", _versus("the picture lasts", found.picture_seconds, expected.seconds))
    if abs(found.sound_seconds - expected.seconds) > tick:
        yield Deviation("SOUND_LENGTH", _versus("the sound lasts", found.sound_seconds, expected.seconds))
    if Fraction(found.samples, RATE) < expected.seconds - tick:
        decoded = Fraction(found.samples, RATE)
        yield Deviation("SOUND_BREAKS_OFF", _versus("the sound decodes to", decoded, expected.seconds), float(decoded))
    for name, start in (("picture", found.picture_start), ("sound", found.sound_start)):
        if start:
            yield Deviation("START_OFFSET", f"the {name} starts at {float(start):.6f} s", 0.0)


def _sound(expected: Expected, found: Found, limit: float) -> Iterable[Deviation]:
    if found.language != expected.language:
        yield Deviation("LANGUAGE", f"the sound is tagged {found.language}, {expected.language} was ordered")
    if found.offset is not None and abs(found.offset) > limit:
        side = "late" if found.offset > 0 else "early"
        yield Deviation("SOUND_OFFSET", f"the speech comes {abs(found.offset) * 1000:.1f} ms {side}", 0.0)


def _versus(what: str, is_: Fraction, should: Fraction) -> str:
    return f"{what} {float(is_):.6f} s instead of {float(should):.6f} s"


def _first_words(chunks: Iterable[Floats]) -> tuple[Floats, int]:
    """Ten seconds of mono sound from where it is first louder than -40 dBFS, and the sample at which they begin."""
    begin, kept, position = None, [np.zeros(0, np.float32)], 0
    for chunk in chunks:
        mono = chunk.mean(1)
        loud = np.flatnonzero(np.abs(mono) > 0.01)
        if begin is None and len(loud):
            begin = position + int(loud[0])
        if begin is not None:
            kept.append(mono[max(0, begin - position) :])
        position += len(mono)
        if begin is not None and position - begin >= _HEARD:
            break
    return np.concatenate(kept)[:_HEARD], begin or 0


def _stretch(chunks: Iterable[Floats], start: int, length: int) -> tuple[Floats, int]:
    """Samples [start, start + length) of a mono stream, silence outside it, and how many samples it has in all."""
    kept, position = np.zeros(length, np.float32), 0
    for chunk in chunks:
        low, high = max(start, position), min(start + length, position + len(chunk))
        if low < high:
            kept[low - start : high - start] = chunk[low - position : high - position, 0]
        position += len(chunk)
    return kept, position
