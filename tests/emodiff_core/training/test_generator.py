"""The training loop: it learns, and a killed run goes on bit by bit."""

import csv

import numpy as np
import pytest
import torch

from emodiff_core.generator.model import Generator
from emodiff_core.training import generator
from emodiff_core.training.generator import Plan, Run, schedule
from emodiff_core.training.pairs import Pairs
from emodiff_core.training.shards import write


def bright_pairs(seed):
    """The truth is the guide, darker where the mouth is open."""
    random = np.random.default_rng(seed)
    windows = np.zeros((16, 4, 15, 32, 32), np.uint8)
    windows[:, :, 3:6] = random.integers(120, 200, (16, 4, 3, 1, 1), dtype=np.uint8)
    windows[:, :, 6] = 255
    windows[:, :, 8, 12:20, 8:24] = 255
    windows[:, :, :3] = windows[:, :, 3:6]
    windows[:, :, :3, 12:20, 8:24] //= 4
    identity = windows[0, :, 3:6].copy()
    return Pairs(windows, identity, np.zeros((16, 53), np.float32), np.zeros((16, 11, 320), np.float32), False)


@pytest.fixture
def data(tmp_path, monkeypatch):
    for number in range(4):
        write(tmp_path / "train", f"p{number}", bright_pairs(number))
        write(tmp_path / "validation", f"p{number}", bright_pairs(10 + number))

    def small(preset):
        return Generator(32, 4, (16, 32), (False, True), 1, 2, audio_width=16)

    monkeypatch.setattr(generator, "build", small)
    return tmp_path


def plan(**more):
    return Plan(**{"steps": 6, "batch": 4, "side": 32, "every": 3, "warmup": 2, **more})


def test_a_run_that_was_killed_ends_with_the_same_bits(data):
    whole = Run(plan(), data, data / "whole").train()
    first = Run(plan(), data, data / "parts")
    batches = first._batches()
    for _ in range(3):
        first._update(next(batches))
        first.step += 1
    first._save()
    second = Run(plan(), data, data / "parts")
    assert second.step == 3
    resumed = second.train()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_it_learns_to_darken_open_mouths_and_keeps_a_curve_and_sheets(data):
    Run(plan(steps=60, every=30, rate=3e-3, decay=0.8), data, data / "run").train()
    rows = list(csv.DictReader((data / "run" / "curve.csv").open()))
    assert [row["step"] for row in rows] == ["30", "60"]
    assert float(rows[-1]["inside"]) > float(rows[-1]["inside_guide"]) + 2
    assert (data / "run" / "sheets" / "000060.png").stat().st_size > 1000


def test_the_rate_warms_up_and_settles_to_a_tenth():
    p = plan(steps=100, warmup=10, settle=0.5)
    assert schedule(p, 0) == pytest.approx(0.1)
    assert schedule(p, 30) == pytest.approx(1)
    assert schedule(p, 100) == pytest.approx(0.1)
