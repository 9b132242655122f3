"""The files in examples/speech: a line of dialogue in five languages. `python -m emodiff_core.synthetic.examples`."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from emodiff_core.audio.loudness import measure_levels
from emodiff_core.synthetic.speech import NATIVE_RATE, Speech, utterance

Floats = NDArray[np.float32]

LOUDNESS = -20.0
"""LUFS of every file; peaks stay under -1 dBFS."""


@dataclass(frozen=True)
class Example:
    """Two sentences with a pause between them, by a timbre and of clauses that no model was trained on."""

    language: str
    voice: str
    variant: str
    rate: int
    pitch: int
    first: str
    second: str

    def spoken(self) -> Speech:
        """0.3 s of silence, the first sentence, at least 0.5 s of silence, the second, 0.3 s of silence."""
        one, two = (
            utterance(text, self.voice, self.rate, self.pitch, self.variant) for text in (self.first, self.second)
        )
        whole = trimmed(one).padded(0.3, 0.6).then(trimmed(two).padded(0.0, 0.3))
        return Speech(_levelled(whole.native), whole.phonemes)


EXAMPLES = (
    Example("en", "en-us", "Alicia", 172, 45, "Good evening, my name is Emma.", "Welcome to our big premiere!"),
    Example("de", "de", "m7", 165, 45, "Guten Abend, mein Name ist Bruno.", "Willkommen zu unserer Premiere!"),
    Example("es", "es", "f5", 158, 50, "Buenas noches, me llamo Emma.", "¡Bienvenidos a nuestro estreno!"),
    Example("fr", "fr", "pedro", 145, 50, "Bonsoir, je m'appelle Pablo.", "Bienvenue à notre première !"),
    Example("hi", "hi", "Alicia", 175, 48, "नमस्ते, मेरा नाम एमा है।", "आपका बहुत बहुत स्वागत है।"),
)


def write(folder: Path) -> list[Path]:
    """Write the examples as FLAC, mono, 22,050 Hz, 16 bit; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"premiere-{e.language}.flac" for e in EXAMPLES]
    for path, example in zip(paths, EXAMPLES, strict=True):
        soundfile.write(path, example.spoken().native, NATIVE_RATE, subtype="PCM_16")
    return paths


def trimmed(speech: Speech) -> Speech:
    """Without the silence around the sound, which espeak-ng makes of varying length."""
    loud = np.flatnonzero(np.abs(speech.native) > 0.003)
    first, last = int(loud[0]), int(loud[-1]) + 1
    start, end = first / NATIVE_RATE, last / NATIVE_RATE
    inside = [p for p in speech.phonemes if p.end > start and p.start < end]
    moved = (p._replace(start=max(p.start, start) - start, end=min(p.end, end) - start) for p in inside)
    return Speech(speech.native[first:last], tuple(moved))


def _levelled(sound: Floats) -> Floats:
    """At the examples' loudness, with peaks softened under -1 dBFS where it takes that."""
    at_48k = resample_poly(sound, 320, 147).astype(np.float32)[:, None]
    gain = 10 ** ((LOUDNESS - measure_levels([at_48k]).loudness) / 20)
    ceiling, loud = 10 ** (-1.5 / 20), sound * gain
    knee = 0.6 * ceiling
    over = np.maximum(np.abs(loud) - knee, 0)
    soft = np.minimum(np.abs(loud), knee) + (ceiling - knee) * np.tanh(over / (ceiling - knee))
    return np.asarray(np.sign(loud) * soft, np.float32)


if __name__ == "__main__":
    for path in write(Path(sys.argv[1] if len(sys.argv) > 1 else "examples/speech")):
        print(path)
