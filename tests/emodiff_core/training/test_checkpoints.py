"""Checkpoints and the average of weights."""

import torch
from torch import nn

from emodiff_core.training.checkpoints import Average, load, save


def test_there_is_no_checkpoint_before_the_first(tmp_path):
    assert load(tmp_path / "checkpoint.pt") is None


def test_a_checkpoint_comes_back_and_a_broken_attempt_leaves_the_one_before(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save(path, {"step": 3, "names": ["a"], "model": {"w": torch.ones(2)}})
    path.with_suffix(".part").write_bytes(b"half")
    state = load(path)
    assert state["step"] == 3 and torch.equal(state["model"]["w"], torch.ones(2))


def test_the_average_follows_quickly_at_first_and_slowly_later():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    early, late = Average.of(model, 0.99), Average.of(model, 0.99)
    nn.init.ones_(model.weight)
    early.update(model, 0)
    late.update(model, 100_000)
    assert early.weights["weight"].item() == torch.tensor(0.9)
    assert torch.isclose(late.weights["weight"], torch.tensor(0.01)).item()
