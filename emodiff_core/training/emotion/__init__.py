"""Training of the emotion model on the project's own speech: `python -m emodiff_core.training.emotion`."""

from emodiff_core.training.emotion.loop import Settings, train, train_several
from emodiff_core.training.emotion.measures import Figures, measure

__all__ = ["Figures", "Settings", "measure", "train", "train_several"]
