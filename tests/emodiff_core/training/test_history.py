"""Histories: what a model without a guide learns from, and that it learns."""

import numpy as np
import pytest
import torch

from emodiff_core.generator.model import build
from emodiff_core.training.generator import Plan, Run
from emodiff_core.training.history import History, draw, watch, write
from emodiff_core.training.shards import shards


def moving(seed):
    """A bright bar that wanders; the frames before show it further back."""
    random = np.random.default_rng(seed)
    frames = np.full((8, 3, 3, 128, 128), 40, np.uint8)
    for k, at in enumerate(random.integers(30, 90, 8)):
        for late in range(3):
            frames[k, late, :, :, at - 4 * late : at - 4 * late + 20] = 200
    masks = np.zeros((8, 5, 128, 128), np.uint8)
    return History(
        frames, masks, frames[0, 0], np.zeros((8, 53), np.float32), np.zeros((8, 11, 320), np.float32)
    )  # fmt: skip


@pytest.fixture
def data(tmp_path):
    for number in range(4):
        write(tmp_path / "train", f"p{number}", moving(number))
        write(tmp_path / "validation", f"p{number}", moving(10 + number))
    return tmp_path


def test_a_batch_tells_the_frames_before_and_is_decided_by_its_step(data):
    people = shards(data / "train")
    one, again, other = (draw(people, 8, 0, step) for step in (1, 1, 2))
    assert torch.equal(one.truth, again.truth) and not torch.equal(one.truth, other.truth)
    assert one.conditions.motion.shape == (8, 6, 128, 128)
    assert one.conditions.picture(build("paper-demo").inputs).shape == (8, 9, 128, 128)


def test_the_papers_form_is_trained_by_the_same_loop_and_resumes(data):
    plan = Plan("paper-demo", steps=2, batch=4, every=1, warmup=1)
    first = Run(plan, data, data / "run")
    figures = [watch(data / "validation").figures(model)["face"] for model in (first.averaged(), first.train())]
    assert figures[1] > figures[0]
    assert Run(plan, data, data / "run").step == 2
