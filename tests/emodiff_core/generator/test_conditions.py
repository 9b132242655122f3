"""Conditions: guides, known pixels and sound as tensors."""

import numpy as np
import torch

from emodiff_core.faces.warp import Guide
from emodiff_core.generator.conditions import TOKENS, audio_tokens, from_guides, joined


def guides(count, size=16):
    random = np.random.default_rng(0)

    def draw(*shape):
        return random.random(shape, dtype=np.float32)

    shapes = (size, size, 3), (size, size), (size, size, 3), (size, size, 5)
    return [Guide(*(draw(*shape) for shape in shapes)) for _ in range(count)]


def test_guides_become_tensors_with_colours_between_minus_one_and_one():
    some = guides(3)
    out = from_guides(some, some[0].image, np.zeros((3, 53), np.float32), "mouth")
    assert torch.allclose(out.guide[1], torch.from_numpy(some[1].image).permute(2, 0, 1) * 2 - 1)
    assert out.window.tolist() == [1, 1, 1]
    assert not out.has_audio.any() and out.has_expression.all()
    assert out.picture(("guide", "valid", "masks", "normals", "identity", "known")).shape == (3, 16, 16, 16)


def test_known_pixels_of_footage_replace_the_guide_and_are_valid():
    some, truth = guides(2), np.random.default_rng(1).random((2, 16, 16, 3), dtype=np.float32)
    known = np.zeros((2, 16, 16), np.float32)
    known[:, :8] = 1
    out = from_guides(some, some[0].image, np.zeros((2, 53), np.float32), "face", known=known, truth=truth)
    assert torch.allclose(out.guide[:, :, :8], torch.from_numpy(truth[:, :8]).permute(0, 3, 1, 2) * 2 - 1)
    assert (out.valid[:, :, :8] == 1).all()


def test_the_middle_token_holds_the_rows_around_the_frame_whatever_the_rate():
    mel = np.repeat(np.arange(200, dtype=np.float32)[:, None], 80, 1)
    tokens = audio_tokens(mel, np.array([0.5, 1.0]))
    assert tokens.shape == (2, TOKENS, 320)
    assert tokens[0, 5].reshape(4, 80)[:, 0].tolist() == [48, 49, 50, 51]
    assert tokens[1, 0].reshape(4, 80)[0, 0] == 100 - 22


def test_joined_conditions_hold_one_after_the_other():
    a, b = (from_guides(guides(n), guides(1)[0].image, np.zeros((n, 53), np.float32), "eye_l") for n in (1, 2))
    assert len(joined([a, b])) == 3
