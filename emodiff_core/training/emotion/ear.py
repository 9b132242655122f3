"""What an emotion model hears: log-mel, or the rows of a saved speech model."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import BINS, SILENCE, log_mel
from emodiff_core.audio.speech_model import SpeechModel
from emodiff_core.refusal import Refusal

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Ear:
    """features: log-mel, or a speech model's folder or name; digest: of that model; bins: of a row."""

    features: str = "log-mel"
    digest: str = ""
    bins: int = BINS

    @property
    def silence(self) -> float:
        """The value of rows where there is no sound."""
        return 0.0 if self.digest else SILENCE

    def rows(self, samples: Floats) -> Floats:
        """(M, bins) of samples (n,) at 16 kHz, 100 rows a second."""
        return _speech_model(self.features).rows(samples) if self.digest else log_mel(samples)


def ear(features: str) -> Ear:
    """The ear of a name. Raises Refusal MODEL_MISSING."""
    if features == "log-mel":
        return Ear()
    try:
        model = _speech_model(features)
    except OSError as error:
        hint = "name a folder with a saved wav2vec 2.0 or HuBERT model, or leave it at log-mel"
        raise Refusal("MODEL_MISSING", f"the speech model {features} cannot be loaded: {error}", hint) from error
    return Ear(features, model.digest, model.dims)


@lru_cache(1)
def _speech_model(name: str) -> SpeechModel:
    return SpeechModel(name)
