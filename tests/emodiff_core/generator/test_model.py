"""The diffusion model: sizes, conditions that matter, saving."""

from dataclasses import replace

import pytest
import torch

from emodiff_core.generator.model import Generator, build, parameters
from tests.emodiff_core.generator.worlds import conditions, small_model


@pytest.mark.parametrize(("preset", "millions"), [("demo", 7.3), ("paper", 208.7), ("large", 303.8)])
def test_presets_have_the_sizes_that_are_stated(preset, millions):
    with torch.device("meta"):
        model = build(preset)
    assert parameters(model) / 1e6 == pytest.approx(millions, abs=0.1)


def test_a_fresh_model_says_what_the_guide_says_where_it_is_valid():
    torch.manual_seed(0)
    model = Generator(32, 4, (16, 32), (False, True), 1, 2, audio_width=16).eval()
    given = conditions(2)
    state = model(torch.randn(2, 3, 32, 32), torch.ones(2), given)
    given = replace(given, valid=torch.ones_like(given.valid))
    assert torch.allclose(model.picture_of(state, given), given.guide)


def test_state_and_picture_are_each_others_inverse():
    model, given = small_model(), conditions(2)
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    assert torch.allclose(model.picture_of(model.state_of(picture, given), given), picture, atol=1e-6)


def test_known_pixels_stay_as_they_are():
    model, given = small_model(), conditions(2)
    known = torch.zeros(2, 1, 32, 32)
    known[:, :, :16] = 1
    given = replace(given, known=known)
    picture = model.picture_of(torch.randn(2, 3, 32, 32), given)
    assert torch.equal(picture[:, :, :16], given.guide[:, :, :16])
    assert not torch.equal(picture[:, :, 16:], given.guide[:, :, 16:])


@pytest.mark.parametrize("left_out", ["audio", "expression"])
def test_a_left_out_condition_no_longer_matters_and_is_not_the_same_as_zeros(left_out):
    model, given = small_model(), conditions(2)
    state, time = torch.randn(2, 3, 32, 32), torch.full((2,), 0.7)

    def answer(conditions_):
        with torch.no_grad():
            return model(state, time, conditions_)

    zeros = replace(given, **{left_out: torch.zeros_like(getattr(given, left_out))})
    assert not torch.equal(answer(given), answer(zeros))
    null = {left_out: True}
    assert torch.equal(answer(given.without(**null)), answer(zeros.without(**null)))
    assert not torch.equal(answer(zeros), answer(zeros.without(**null)))


def test_a_saved_model_comes_back_with_its_configuration(tmp_path):
    model, given = small_model(), conditions(2)
    model.save_pretrained(tmp_path)
    again = Generator.from_pretrained(tmp_path).eval()
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    state, time = torch.randn(2, 3, 32, 32), torch.ones(2)
    with torch.no_grad():
        assert torch.allclose(model(state, time, given), again(state, time, given), atol=1e-5)


def test_a_model_without_a_guide_asks_for_its_motion_frames():
    torch.manual_seed(0)
    model = Generator(32, 1, (16, 32), (False, True), 1, 2, ("identity", "motion"), 16, 3).eval()
    with pytest.raises(ValueError, match="motion"):
        model(torch.randn(1, 3, 32, 32), torch.ones(1), conditions(1))
    given = replace(conditions(1), motion=torch.zeros(1, 6, 32, 32))
    assert model(torch.randn(1, 3, 32, 32), torch.ones(1), given).shape == (1, 3, 32, 32)
