"""Evaluation on held-out people."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emodiff_core.flame import load_builtin
from emodiff_core.generator.model import build
from emodiff_core.generator.target import MOUTH
from emodiff_core.quality.autoregressive import unguided
from emodiff_core.quality.baselines import GuideAlone
from emodiff_core.quality.evaluate import World, speed
from emodiff_core.quality.held_out import rendered
from emodiff_core.quality.scores import correlation, pixel_scores

MODELS = Path.home() / ".cache" / "emodiff" / "models"


@pytest.fixture(scope="module")
def clip():
    times = np.array([0.5, 0.8, 1.1, 1.4], np.float32)
    return World([load_builtin()], MODELS).clip(1, times)


def test_the_warp_is_nearer_to_the_truth_than_the_picture_held_still(clip):
    warped = rendered(clip, load_builtin(), GuideAlone())
    held = np.repeat(clip.picture[None], len(clip.truth), 0)
    assert pixel_scores(clip, warped)["psnr"] > pixel_scores(clip, held)["psnr"] + 1
    assert pixel_scores(clip, held)["flicker_ratio"] == 0


def test_the_truth_scores_without_error(clip):
    scores = pixel_scores(clip, clip.truth)
    assert scores["psnr"] == float("inf") and scores["ssim"] == pytest.approx(1)
    assert scores["flicker_ratio"] == pytest.approx(1)


def test_a_line_that_begins_again_says_the_same_at_both_ends():
    times = np.array([0.9, 1.3, 18.4 + 0.9, 18.4 + 1.3], np.float32)
    spoken = World([load_builtin()], MODELS).clip(1, times, again=18.4).plan.codes.expression[1:, MOUTH]
    assert spoken[0].max() > 0.1 and np.allclose(spoken[:2], spoken[2:], atol=0.02)
    assert not np.allclose(spoken[0], spoken[1], atol=0.1)


def test_lips_that_come_late_agree_best_at_their_lag():
    truth = np.sin(np.arange(50) * 0.7).astype(np.float32)
    late = np.roll(truth, 2)
    best = max(range(-5, 6), key=lambda lag: correlation(late, truth, lag))
    assert best == 2
    assert correlation(np.zeros(50, np.float32), truth, 0) == 0


def test_the_papers_form_makes_every_frame_from_those_before_it(clip):
    torch.manual_seed(0)
    model = build("paper-demo").eval()
    for parameter in model.unet.conv_out.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    frames = unguided(model, clip.some(slice(0, 3)), load_builtin(), steps=1)
    again = unguided(model, clip.some(slice(1, 3)), load_builtin(), steps=1)
    assert frames.shape == (3, *clip.picture.shape)
    assert np.array_equal(frames[:, :20, :20], np.repeat(clip.picture[None, :20, :20], 3, 0))
    assert not np.array_equal(frames[1], again[0])


def test_speed_is_told_for_every_batch():
    assert set(speed(build("demo").eval(), 1, (1, 2))) == {"1", "2"}
