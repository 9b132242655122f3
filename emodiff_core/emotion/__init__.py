"""From sound, emotion and intensity to an expression trajectory: psi(t) = psi_speech(t) + a(t) (mu_e + G_e(t))."""

from emodiff_core.emotion.cues import Cue, cue_weights
from emodiff_core.emotion.model import EmotionModel, Trajectory, load_builtin_emotion, shape_of
from emodiff_core.synthetic.emotions import EMOTIONS

__all__ = ["EMOTIONS", "Cue", "EmotionModel", "Trajectory", "cue_weights", "load_builtin_emotion", "shape_of"]
