"""Sound: decoded, measured, and turned into features on a clock of exactly 100 rows a second."""

from emodiff_core.audio.activity import speech_activity
from emodiff_core.audio.decode import Sound, probe_sound, read_sound, stream_sound
from emodiff_core.audio.loudness import Levels, measure_levels
from emodiff_core.audio.mel import BINS, RATE, ROWS, SILENCE, log_mel, mel_bank
from emodiff_core.audio.wav import Written, read_wav, write_wav
from emodiff_core.audio.window import features_at

__all__ = [
    "BINS",
    "RATE",
    "ROWS",
    "SILENCE",
    "Levels",
    "Sound",
    "Written",
    "features_at",
    "log_mel",
    "measure_levels",
    "mel_bank",
    "probe_sound",
    "read_sound",
    "read_wav",
    "speech_activity",
    "stream_sound",
    "write_wav",
]
