"""An emotion model that hears a wav2vec 2.0: trained, and used by the stages as the settings say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
import torch
from PIL import Image
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emodiff_core.emotion import EmotionModel
from emodiff_core.refusal import Refusal
from emodiff_core.training.commands import EMOTION_PLANS, train_emotion
from emodiff_core.training.emotion.clips import clips
from emodiff_core.training.emotion.ear import ear
from emodiff_core.training.emotion.loop import Run
from infra.errors import SetupError
from infra.settings import Settings
from tasks.audio import Audio
from tasks.crop import Crop
from tasks.expression import Expression
from tasks.generate import Generate
from tasks.jobs import Job
from tasks.licences import settled
from tasks.stage import Item, Span
from tests.voice import say

(TINY,) = EMOTION_PLANS["tiny"]
JOB = Job(job_id="one", picture="x", speech="y", language="en", emotion="happy", intensity=1.0)
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def speech_model(folder: Path, seed: int) -> str:
    """A wav2vec 2.0 of random weights, saved as transformers does it."""
    torch.manual_seed(seed)
    config = Wav2Vec2Config(**SMALL, conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)
    Wav2Vec2Model(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two speech models, and an emotion model that was trained to hear the first."""
    folder = tmp_path_factory.mktemp("place")
    heard = speech_model(folder / "first", 0)
    speech_model(folder / "second", 1)
    train_emotion([replace(TINY, features=heard)], folder / "work", folder / "emotion", lambda _: None)
    return folder


def settings_of(place: Path, features: str) -> Settings:
    return Settings(audio={"features": features}, generate={"emotion": str(place / "emotion")}, picture={"rate": "5/1"})


def rendered(folder: Path, settings: Settings) -> np.ndarray:
    """Codes (N, 53) of a photograph that says a line, through the four stages."""
    Image.fromarray(skimage.data.astronaut()[:256, 96:352]).save(folder / "portrait.png")
    files = {"picture": folder / "portrait.png", "speech": say(folder / "line.wav", "Good night")}
    done: dict[str, Path] = {}
    for stage in (Crop(), Expression(), Audio(), Generate()):
        out = done[stage.name] = folder / stage.name
        out.mkdir()
        stage.setup(settings)
        span = Span(0, 0, 4) if stage.name == "generate" else None
        stage.run(Item(JOB, files | {k: v for k, v in done.items() if v != out}, out, settings, span))
    return np.array(pq.read_table(folder / "generate/take.parquet")["expression"].to_pylist())


def test_it_learns_from_what_it_hears_and_says_so_on_its_card(place: Path, tmp_path: Path) -> None:
    heard = ear(str(place / "first"))
    few = clips("train", 3, ear=heard)
    assert few[0].sound.shape == (len(few[0].activity), 32)
    run = Run(replace(TINY, steps=1000, features=str(place / "first")))
    losses = [run.advance(few)["mouth"] for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    card = (place / "emotion" / "card.md").read_text()
    assert heard.digest in card and "32 values, 100 rows a second" in card
    assert EmotionModel.load(place / "emotion").network.shape.digest == heard.digest


def test_the_face_follows_the_features_that_the_speech_was_given(place: Path, tmp_path: Path) -> None:
    settings = settled(settings_of(place, str(place / "first")))
    codes = rendered(tmp_path, settings)
    assert codes.shape == (4, 53) and np.isfinite(codes).all()
    (tmp_path / "other").mkdir()
    plain = rendered(tmp_path / "other", Settings(picture={"rate": "5/1"}))
    assert np.abs(codes - plain).max() > 0.01, "another model speaks"


def test_features_of_another_model_are_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the emotion model reads") as refused:
        rendered(tmp_path, settings_of(place, str(place / "second")))
    assert refused.value.code == "FEATURES"
    assert ear(str(place / "first")).digest[:12] in refused.value.message


def test_a_batch_whose_models_do_not_fit_is_refused_before_anything_runs(place: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="FEATURES"):
        settled(settings_of(place, "log-mel"))
    with pytest.raises(SetupError, match="the built-in emotion model ignores"):
        settled(Settings(audio={"features": str(place / "first")}))
    with pytest.raises(SetupError, match="WEIGHTS_MISSING"):
        settled(Settings(generate={"emotion": str(tmp_path)}))


def test_a_speech_model_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be loaded") as refused:
        ear(str(tmp_path / "nothing"))
    assert refused.value.code == "MODEL_MISSING"
