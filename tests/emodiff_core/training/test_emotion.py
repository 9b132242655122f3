import dataclasses

import numpy as np
import pytest
import torch

from emodiff_core.emotion import EMOTIONS, EmotionModel
from emodiff_core.synthetic.visemes import lip_gap
from emodiff_core.training.emotion import Settings, measure, train, train_several
from emodiff_core.training.emotion.batches import batch
from emodiff_core.training.emotion.clips import clip, clips
from emodiff_core.training.emotion.loop import Run

TINY = Settings(steps=4, size=2, rows=128, clips=3, held=2, every=2, judged=0.5)


@pytest.fixture(scope="module")
def few():
    return clips("train", 3)


def test_a_clip_keeps_sound_and_mouth_on_one_clock(few):
    for made in few:
        rows = len(made.sound)
        assert rows % 4 == 0 and len(made.mouth) == len(made.other) == len(made.activity) == rows
        assert len(made.feeling) == rows // 4 and 0 <= made.emotion[0] < len(EMOTIONS)
        assert lip_gap(made.mouth.astype(np.float32))[made.silent > 0.5].max() < 0.05
        assert lip_gap(made.mouth.astype(np.float32))[made.shut > 0.98].max() < 0.05


def test_clips_are_decided_by_their_number_and_split():
    one, again, other = clip("train", 4), clip("train", 4), clip("validation", 4)
    assert np.array_equal(one.sound, again.sound)
    assert one.sound.shape != other.sound.shape or not np.array_equal(one.sound, other.sound)


def test_kept_clips_are_the_made_ones_in_half_precision(tmp_path, few):
    first, kept = clips("train", 3, tmp_path), clips("train", 3, tmp_path)
    for a, b, made in zip(first, kept, few, strict=True):
        assert np.array_equal(a.sound, b.sound) and np.allclose(a.sound, made.sound, atol=1e-3)
        assert np.array_equal(b.emotion, made.emotion)


def test_a_step_decides_its_batch(few):
    one, again, next_one = (batch(few, 2, 128, 4, seed=1, step=s) for s in (7, 7, 8))
    assert torch.equal(one.sound, again.sound) and not torch.equal(one.sound, next_one.sound)
    assert one.sound.shape == (2, 128, 80) and one.feeling.shape == (2, 32, 53) and one.noise.shape == (2, 32, 4)
    assert one.sound.min() >= -1


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, few):
    whole, first, second = (Run(TINY) for _ in range(3))
    for _ in range(4):
        whole.advance(few)
    for _ in range(2):
        first.advance(few)
    torch.save(first.state(), tmp_path / "kept.pt")
    second.restore(torch.load(tmp_path / "kept.pt", weights_only=True))
    for _ in range(2):
        second.advance(few)
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_lowers_the_loss_and_leaves_weights_and_a_card(tmp_path):
    said = []
    settings = dataclasses.replace(TINY, steps=12, every=6)
    train(settings, tmp_path / "work", tmp_path / "out", said.append)
    assert len(said) == 2 and "mouth_corr" in said[0]
    card = (tmp_path / "out" / "card.md").read_text("utf8")
    assert "sha256" in card and "mouth_corr" in card and "ICT-FaceKit" in card
    train(settings, tmp_path / "work", tmp_path / "out", said.append)
    assert "resumed at step 12" in said[2]
    train(settings, tmp_path / "work", tmp_path / "elsewhere", said.append)
    assert (tmp_path / "elsewhere" / "model.safetensors").exists()
    figures = measure(EmotionModel.load(tmp_path / "out"), clips("validation", 1))
    assert -1 <= figures.mouth_corr <= 1 and 0 <= figures.silence_closed <= 1


def test_networks_trained_apart_are_joined_into_one_that_speaks_their_average(tmp_path):
    plans = [TINY, dataclasses.replace(TINY, seed=2, steps=6)]
    train_several(plans, tmp_path / "work", tmp_path / "out", lambda _: None)
    whole = EmotionModel.load(tmp_path / "out")
    parts = [EmotionModel.load(tmp_path / "work" / number / "out") for number in "12"]
    sound = torch.randn(1, 64, 80)
    with torch.inference_mode():
        codes, logit, features = whole.network(sound)
        told = [part.network(sound) for part in parts]
    assert torch.allclose(codes, (told[0][0] + told[1][0]) / 2, atol=1e-5)
    assert torch.allclose(logit, (told[0][1] + told[1][1]) / 2, atol=1e-5) and torch.equal(features, told[0][2])
    assert torch.equal(whole.network.mean, parts[0].network.mean)
    card = (tmp_path / "out" / "card.md").read_text("utf8")
    assert "2 networks" in card and "| steps | 4, 6 |" in card and "| size | 2 |" in card


def test_the_run_learns(few):
    run = Run(dataclasses.replace(TINY, steps=1000))
    losses = [run.advance(few) for _ in range(30)]
    assert np.mean([x["mouth"] for x in losses[-5:]]) < 0.8 * np.mean([x["mouth"] for x in losses[:5]])
