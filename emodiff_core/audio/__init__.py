"""Sound: decoded, measured, and turned into features on a clock of exactly 100 rows a second."""

from emodiff_core.audio.mel import BINS, RATE, ROWS, SILENCE, log_mel, mel_bank
from emodiff_core.audio.window import features_at

__all__ = ["BINS", "RATE", "ROWS", "SILENCE", "features_at", "log_mel", "mel_bank"]
