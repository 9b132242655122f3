"""Speech for tests, spoken by the project's own espeak-ng binding: no program on the machine is needed."""

from pathlib import Path

from emodiff_core.synthetic.speech import NATIVE_RATE, utterance
from tests.poison import write_wav


def say(path: Path, text: str, voice: str = "en-us", before: float = 0.0, after: float = 0.0) -> Path:
    """Write text spoken as a 16-bit WAV at 22,050 Hz, with silence of `before` and `after` seconds around it."""
    return write_wav(path, utterance(text, voice).padded(before, after).native, NATIVE_RATE)
