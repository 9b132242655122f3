"""Sampling: the path from noise to picture, its seeds and its guidance."""

from dataclasses import dataclass

import pytest
import torch

from emodiff_core.generator.sampler import Guidance, sample, span_noise
from tests.emodiff_core.generator.worlds import conditions, small_model


@dataclass
class Oracle:
    """A model that knows the answer; counts how often it is asked."""

    clean: torch.Tensor
    asked: int = 0

    def __call__(self, state, time, given):
        self.asked += 1
        return self.clean + 0.5 * given.has_audio[:, None, None, None]

    def picture_of(self, state, given):
        return state


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_every_number_of_steps_ends_at_the_answer_of_a_model_that_knows_it(steps):
    oracle = Oracle(torch.rand(2, 3, 8, 8))
    out = sample(oracle, conditions(2, 8), torch.randn(2, 3, 8, 8), steps)
    assert torch.allclose(out, oracle.clean + 0.5, atol=1e-6)
    assert oracle.asked == steps


def test_guidance_goes_past_the_answer_away_from_the_one_without_the_condition():
    oracle = Oracle(torch.zeros(1, 3, 8, 8))
    out = sample(oracle, conditions(1, 8), torch.randn(1, 3, 8, 8), 1, Guidance(audio=2.0))
    assert torch.allclose(out, torch.ones(1, 3, 8, 8))


def test_less_than_one_step_is_refused():
    with pytest.raises(ValueError, match="steps"):
        sample(Oracle(torch.zeros(1)), conditions(1, 8), torch.randn(1, 3, 8, 8), 0)


def test_the_noise_of_a_span_depends_on_job_span_window_and_seed_only():
    one = span_noise(7, "job", 3, "mouth", 16)
    assert torch.equal(one, span_noise(7, "job", 3, "mouth", 16))
    others = [(8, "job", 3, "mouth"), (7, "jab", 3, "mouth"), (7, "job", 4, "mouth"), (7, "job", 3, "face")]
    assert not any(torch.equal(one, span_noise(*other, 16)) for other in others)


def test_sampling_twice_gives_the_same_bits():
    model, given, noise = small_model(), conditions(4), torch.randn(4, 3, 32, 32)
    assert torch.equal(sample(model, given, noise, 4), sample(model, given, noise, 4))
