"""A learned front end lies on the same rows as log-mel."""

import numpy as np
import pytest
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model

from emodiff_core.audio import log_mel
from emodiff_core.audio.speech_model import SpeechModel

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


@pytest.fixture(params=["wav2vec2", "hubert"])
def model(request, tmp_path) -> SpeechModel:
    torch.manual_seed(0)
    made = Wav2Vec2Model(Wav2Vec2Config(**SMALL)) if request.param == "wav2vec2" else HubertModel(HubertConfig(**SMALL))
    made.save_pretrained(tmp_path / "model")
    return SpeechModel(tmp_path / "model")


@pytest.mark.parametrize("samples", [1, 200, 3200, 16000, 40001])
def test_rows_are_those_of_log_mel(model, samples):
    sound = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    assert model.rows(sound).shape == (len(log_mel(sound)), 32)


def test_the_published_geometry_is_understood(model):
    assert (model.stride, model.field) == (320, 400)


def test_a_long_sound_in_pieces_lies_on_one_grid(model, monkeypatch):
    """The model hears all at once, so that pieces differ a little; a shift by one frame would show."""
    sound = np.random.default_rng(0).normal(0, 0.1, 5 * 16000).astype(np.float32)
    whole = model.rows(sound)
    monkeypatch.setattr("emodiff_core.audio.speech_model._CHUNK", 20000)
    pieces = model.rows(sound)
    assert pieces.shape == whole.shape
    aligned = np.abs(pieces - whole).mean()
    assert aligned < 0.5 * np.abs(pieces[2:] - whole[:-2]).mean()
