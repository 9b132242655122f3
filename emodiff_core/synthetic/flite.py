"""Speech from recorded people with known phoneme times: the voices of Flite (Debian's `flite`), where it is installed.

espeak-ng is made of formulas; these few voices are cut or averaged from recordings (CMU ARCTIC and KAL, free to use).
They are never needed: training takes some where they are, so that a real voice is less of a surprise.
"""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from scipy.signal import resample_poly

from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.speech import NATIVE_RATE, SILENCE, Phoneme, Speech

VOICES = ("kal16", "awb", "slt")
HELD_OUT = "rms"
"""A man whose voice is for measuring only."""

_IPA = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ",
    "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ", "pau": SILENCE,
}  # fmt: skip


def installed() -> bool:
    """Whether Flite's command is on this machine."""
    return shutil.which("flite") is not None


def flite(text: str, voice: str, slowness: float = 1.0) -> Speech:
    """English `text` by one of Flite's voices; slowness stretches it without changing the pitch.

    Raises Refusal SPEECH_ENGINE_MISSING where the program `flite` is not installed.
    """
    if not installed():
        raise Refusal("SPEECH_ENGINE_MISSING", "flite is not installed", "apt-get install flite, or go without")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        stretch = f"duration_stretch={slowness:.3f}"
        command = ["flite", "-voice", voice, "--setf", stretch, "-psdur", "-t", text, "-o", str(path)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        sound, rate = soundfile.read(path, dtype="float32")
    ends = [(_IPA[name], float(end)) for name, end in re.findall(r"(\w+):([\d.]+)", printed)]
    starts = [0.0, *(end for _, end in ends[:-1])]
    phonemes = tuple(Phoneme(start, end, symbol) for start, (symbol, end) in zip(starts, ends, strict=True))
    native = resample_poly(sound, NATIVE_RATE // 50, rate // 50)
    return Speech(native.astype(np.float32), phonemes)
