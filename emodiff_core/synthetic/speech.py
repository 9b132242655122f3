"""Speech with known phoneme times: libespeak-ng through ctypes (flag and struct names of its speak_lib.h)."""

import _ctypes
import ctypes
import ctypes.util
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from emodiff_core.refusal import Refusal

Floats = NDArray[np.float32]

NATIVE_RATE = 22050
RATE = 16000
SILENCE = "_"
ASPIRATION = "ʰ"


class Phoneme(NamedTuple):
    """start and end in seconds; symbol in IPA with its stress and length marks, `SILENCE` for a pause."""

    start: float
    end: float
    symbol: str


@dataclass(frozen=True)
class Speech:
    """One spoken utterance. native: mono float32 at 22,050 Hz in [-1, 1]; phonemes in order, without gaps."""

    native: Floats
    phonemes: tuple[Phoneme, ...]

    @property
    def samples(self) -> Floats:
        """The sound at 16 kHz, mono float32."""
        return resample_poly(self.native, 320, 441).astype(np.float32)

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.native) / NATIVE_RATE

    def padded(self, before: float, after: float) -> "Speech":
        """The same utterance between silences of `before` and `after` seconds."""
        head, tail = (np.zeros(round(s * NATIVE_RATE), np.float32) for s in (before, after))
        shift = len(head) / NATIVE_RATE
        moved = tuple(Phoneme(p.start + shift, p.end + shift, p.symbol) for p in self.phonemes)
        native = np.concatenate([head, self.native, tail])
        first = (Phoneme(0.0, shift, SILENCE),) if before else ()
        last = (Phoneme(moved[-1].end, len(native) / NATIVE_RATE, SILENCE),) if moved and after else ()
        return Speech(native, first + moved + last)

    def then(self, other: "Speech") -> "Speech":
        """This utterance and straight after it another."""
        late = tuple(Phoneme(p.start + self.seconds, p.end + self.seconds, p.symbol) for p in other.phonemes)
        return Speech(np.concatenate([self.native, other.native]), self.phonemes + late)

    def stretched(self, factor: float) -> "Speech":
        """Played `factor` times as long: slower and lower, as a longer vocal tract would sound."""
        count = round(len(self.native) * factor)
        native = np.interp(np.arange(count) / factor, np.arange(len(self.native)), self.native)
        times = tuple(Phoneme(p.start * factor, p.end * factor, p.symbol) for p in self.phonemes)
        return replace(self, native=native.astype(np.float32), phonemes=times)


def utterance(
    text: str, voice: str = "en-us", rate: int = 165, pitch: int = 50, variant: str | None = None, lilt: int = 50
) -> Speech:
    """Speak `text`. The same arguments give the same samples; threads of a process wait for each other.

    voice: a language file of espeak-ng such as en-us, de, fr, hi; rate: words a minute, 80 to 450; pitch and lilt
    (how much it moves): 0 to 100; variant: a timbre such as f3. Raises Refusal SPEECH_ENGINE_MISSING, UNKNOWN_VOICE.
    """
    with _LOCK, closing(_Engine()) as engine:
        name = voice if variant is None else f"{voice}+{variant}"
        if engine.library.espeak_SetVoiceByName(name.encode()):
            raise Refusal("UNKNOWN_VOICE", f"espeak-ng has no voice {name!r}", "list them with: espeak-ng --voices")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, lilt)):
            engine.library.espeak_SetParameter(parameter, value, 0)
        sound, events = engine.speak(text)
    return Speech(sound, tuple(_phonemes(sound, events)))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_SYNCHRONOUS, _UTF8, _PHONEME_EVENT = 2, 1, 7
_PHONEME_EVENTS_IN_IPA_WITHOUT_EXIT = 1 | 2 | 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_LOCK = threading.Lock()


class _Engine:
    """The library, loaded afresh for every utterance (9 ms): its noise and phases live on in static variables."""

    def __init__(self) -> None:
        self.library, data = _library()
        self._chunks: list[NDArray[np.int16]] = []
        self._events: list[tuple[float, str]] = []
        rate = self.library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS_IN_IPA_WITHOUT_EXIT)
        if rate != NATIVE_RATE:
            raise Refusal("SPEECH_ENGINE_MISSING", f"espeak-ng did not start (answer {rate})")
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self._callback = _CALLBACK(self._receive)
        self.library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._chunks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == _PHONEME_EVENT:
                symbol = events[index].id.decode("utf8", "ignore")
                self._events.append((events[index].sample / NATIVE_RATE, symbol))
            index += 1
        return 0

    def speak(self, text: str) -> tuple[Floats, list[tuple[float, str]]]:
        """A sentence as samples (n,) at NATIVE_RATE, and its phonemes, each with the second at which it begins."""
        self._chunks, self._events = [], []
        coded = text.encode()
        self.library.espeak_Synth(coded, len(coded) + 1, 0, 1, 0, _UTF8, None, None)
        sound = np.concatenate([*self._chunks, np.zeros(1, np.int16)])
        return (sound / 32768).astype(np.float32), self._events

    def close(self) -> None:
        self.library.espeak_Terminate()
        _ctypes.dlclose(self.library._handle)


def _library() -> tuple[Any, bytes | None]:
    try:
        import espeakng_loader
    except ImportError:
        found = ctypes.util.find_library("espeak-ng")
        if not found:
            hint = "pip install 'emodiff[train]' brings espeakng-loader"
            raise Refusal("SPEECH_ENGINE_MISSING", "libespeak-ng is not installed", hint) from None
        return ctypes.CDLL(found), None
    data = str(Path(espeakng_loader.get_data_path()))
    return ctypes.CDLL(espeakng_loader.get_library_path()), data.encode()


def _phonemes(sound: Floats, events: list[tuple[float, str]]) -> list[Phoneme]:
    """Events to segments; names of language switches are in brackets and carry no sound."""
    marks = [(start, symbol or SILENCE) for start, symbol in events if not symbol.startswith("(")]
    ends = [start for start, _ in marks[1:]] + [len(sound) / NATIVE_RATE]
    out: list[Phoneme] = [Phoneme(0.0, marks[0][0], SILENCE)] if marks and marks[0][0] > 0 else []
    quiet = _quietness(sound)
    for (start, symbol), end in zip(marks, ends, strict=True):
        out.extend(_with_closure(out, Phoneme(start, max(end, start), symbol), quiet))
    return [p for p in out if p.end > p.start]


def _with_closure(before: list[Phoneme], phoneme: Phoneme, quiet: Callable[[float], bool]) -> list[Phoneme]:
    """espeak-ng reports a voiceless stop at its burst: its closure is the silence before, its own time is breath."""
    plain = phoneme.symbol.strip("ˈˌː")
    if not plain or plain[0] not in "ptkqcʈ":
        return [phoneme]
    start = phoneme.start
    while phoneme.start - start < _LONGEST_CLOSURE and quiet(start - 0.005):
        start -= 0.005
    start = max(0.0, start)
    while before and before[-1].start >= start:
        before.pop()
    if before:
        before[-1] = before[-1]._replace(end=start)
    burst = min(phoneme.start + 0.01, phoneme.end)
    return [Phoneme(start, burst, phoneme.symbol), Phoneme(burst, phoneme.end, ASPIRATION)]


_LONGEST_CLOSURE = 0.09


def _quietness(sound: Floats) -> Callable[[float], bool]:
    width = NATIVE_RATE // 200
    whole = sound[: len(sound) // width * width].reshape(-1, width)
    level = np.sqrt((whole**2).mean(1)) if len(whole) else np.zeros(1)
    floor = 0.06 * float(np.percentile(level, 95))
    return lambda time: 0 <= time < len(level) / 200 and bool(level[int(time * 200)] < floor)
