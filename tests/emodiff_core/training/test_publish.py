"""Publishing: what lies in the folder of built-in weights, and what its card says."""

import json

import pytest
import torch

from emodiff_core.generator.model import build
from emodiff_core.training.checkpoints import save
from emodiff_core.training.generator import Plan
from emodiff_core.training.publish import WEIGHTS, publish, table, write_card


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(1)
    average = build("demo").state_dict()
    shard = tmp_path / "data" / "train" / "p000003"
    shard.mkdir(parents=True)
    (shard / "shard.json").write_text(json.dumps({"frames": 5}))
    plan = Plan().__dict__
    save(tmp_path / "checkpoint.pt", {"average": average, "plan": plan, "step": 7, "seconds": 60, "names": ["p000003"]})
    return tmp_path


def test_weights_are_stored_in_halves_and_come_back_whole(run):
    model = publish(run, run / "out")
    assert (run / "out" / WEIGHTS).stat().st_size < 16e6
    assert next(model.parameters()).dtype == torch.float32
    stored = build("demo").state_dict().keys()
    assert stored == model.state_dict().keys()


def test_the_card_says_what_the_model_was_made_of(run):
    model = publish(run, run / "out")
    figures = {"clips": 2, "frames": 10, "metrics": {"default_steps": 1}, "table": {"guide alone": {"psnr": 30.0}}}
    write_card(run / "data", run, run / "out", model, figures, "A note.")
    card = (run / "out" / "card.md").read_text("utf8")
    assert "7.3 M parameters" in card and "20 windows" in card and "A note." in card
    assert "| guide alone | 30 |" in card
    assert "ICT-FaceKit" in card


def test_a_table_leaves_what_is_not_known_empty():
    assert table({"truth": {"mouth_corr": 1.0}}).splitlines()[-1] == "| truth |  |  |  |  |  | 1 |  |  |"
