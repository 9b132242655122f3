"""The inside of a mouth that opens: teeth are ivory, the throat is red, and what the picture shows stays."""

import numpy as np
import pytest

from emodiff_core.faces.warp import FACE, INTERIOR, LIPS, TEETH, Warp
from emodiff_core.generator.detail import View, gate
from emodiff_core.generator.interior import lit
from emodiff_core.generator.windows import inverse

SIZE = 120
WHOLE = (slice(0, SIZE), slice(0, SIZE))
GREY = np.full((SIZE, SIZE, 3), 0.4, np.float32)
THROAT, CROWN, SKIN = (70, 60), (52, 60), (15, 60)


def opened(valid=0.0):
    """An ellipse of a mouth in pale skin, teeth in its upper half; its inside was in sight or not."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    inside = (np.hypot((x - 60) / 35, (y - 60) / 20) < 1).astype(np.float32)
    lips = (np.hypot((x - 60) / 45, (y - 60) / 30) < 1) - inside
    teeth = inside * (y < 58)
    masks = np.stack([lips, inside, teeth, 0 * inside, np.ones_like(inside)], -1).astype(np.float32)
    assert (LIPS, INTERIOR, TEETH, FACE) == (0, 1, 2, 4)
    image = np.broadcast_to(np.array([0.8, 0.6, 0.5], np.float32), (SIZE, SIZE, 3)).copy()
    normal = np.zeros((SIZE, SIZE, 3), np.float32)
    normal[..., 2] = 1
    return Warp(image, np.zeros((SIZE, SIZE, 2), np.float32), 1 - inside * np.float32(1 - valid), normal, masks)


def test_a_grey_mouth_becomes_red_behind_ivory_teeth():
    shown = lit(GREY, opened(), WHOLE)
    red, green, blue = shown[THROAT]
    assert red > 1.4 * green > 1.4 * 0.9 * blue
    crown = shown[CROWN]
    assert crown.mean() > 1.05 * shown[THROAT].mean() and crown.max() < 1.35 * crown.min()
    assert np.array_equal(shown[SKIN], GREY[SKIN])


def test_an_inside_that_the_picture_shows_is_left_alone():
    assert np.array_equal(lit(GREY, opened(valid=1.0), WHOLE), GREY)


def test_teeth_darken_towards_the_corners():
    shown = lit(GREY, opened(), WHOLE)
    assert shown[55, 30].mean() < 0.95 * shown[55, 60].mean()


def test_teeth_that_diffusion_leaves_in_the_dark_are_no_grey_band():
    upper_only = np.where(np.arange(SIZE)[:, None, None] < 50, np.float32(0.7), np.float32(0.15)) * np.ones_like(GREY)
    red, green, _ = lit(upper_only, opened(), WHOLE)[56, 60]
    assert red > 1.5 * green


def test_bars_between_teeth_are_closed():
    barred = GREY.copy()
    barred[45:57, 58:61] = 0.05
    assert lit(barred, opened(), WHOLE)[50, 59].mean() > 0.3


@pytest.mark.parametrize(("valid", "least", "most"), [(1.0, 0.05, 0.15), (0.0, 0.9, 1.0)])
def test_lips_take_diffusions_change_as_far_as_the_mouth_shows_something_new(valid, least, most):
    warp = opened(valid)
    view = View("mouth", inverse(np.eye(2, 3, dtype=np.float32)), None, GREY)  # type: ignore[arg-type]
    assert least <= gate(view, warp, WHOLE)[60 + 25, 60] <= most
