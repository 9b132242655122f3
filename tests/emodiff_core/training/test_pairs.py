"""Pairs: a synthetic person through the renderer, the face mesh, the fit and the warp."""

from pathlib import Path

import numpy as np
import pytest

from emodiff_core.flame import load_builtin
from emodiff_core.training.pairs import LAYERS, eyes_of, pairs
from emodiff_core.training.scenes import scene

MODELS = Path.home() / ".cache" / "emodiff" / "models"


@pytest.fixture(scope="module")
def made():
    head = load_builtin()
    return pairs("validation", 1, head, head, eyes_of(MODELS), targets=3)


def test_a_scene_is_the_same_for_the_same_number_and_another_in_another_split():
    head = load_builtin()
    one, again, other = (scene(split, 4, head, 3) for split in ("validation", "validation", "held_out"))
    assert np.array_equal(one.codes.expression, again.codes.expression)
    assert np.array_equal(one.tokens, again.tokens)
    assert one.person == again.person != other.person
    assert one.codes.expression.min() >= 0 and one.codes.expression.max() <= 1


def test_what_was_seen_before_a_frame_is_the_same_scene_a_moment_earlier():
    head = load_builtin()
    now, before = (scene("validation", 4, head, 6, early) for early in (0.0, 0.04))
    assert np.array_equal(now.codes.expression[0], before.codes.expression[0])
    step = np.abs(now.codes.rotation[1:] - before.codes.rotation[1:]).max(1)
    assert 0 < step.max() < 0.05
    assert np.abs(now.codes.rotation[2:] - now.codes.rotation[1:-1]).max() > 2 * step.max()


def test_pairs_have_windows_of_every_kind(made):
    assert made.windows.shape == (3, 4, LAYERS, 128, 128) and made.windows.dtype == np.uint8
    assert made.identity.shape == (4, 3, 128, 128)
    assert made.expression.shape == (3, 53) and made.tokens.shape == (3, 11, 320)


def test_the_guide_looks_like_the_truth_where_it_is_valid(made):
    truth, guide = made.windows[:, 0, :3].astype(float), made.windows[:, 0, 3:6].astype(float)
    valid = made.windows[:, 0, 6] > 250
    error = np.sqrt(np.square(truth - guide).mean(1)[valid].mean())
    assert valid.mean() > 0.9
    assert error < 20
