"""Paste: colour, grain and mask of a made-up face in a made-up picture, where the truth is known."""

import cv2
import numpy as np
import pytest

from emodiff_core.faces.paste import colour_matched, face_mask, grain, regrained, ring_of
from emodiff_core.faces.points import FACE_OVAL
from emodiff_core.quality.seam import grain_of, seam_figures

SIZE = (160, 160)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
EVERYWHERE = np.ones(SIZE, bool)


def oval(down: float = 0.0) -> np.ndarray:
    """Points (468, 3) whose outline is an ellipse of 60 by 80 pixels."""
    points = np.zeros((468, 3), np.float32)
    angle = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    points[FACE_OVAL, 0] = 80 + 30 * np.sin(angle)
    points[FACE_OVAL, 1] = 80 - 40 * np.cos(angle) + down * (np.cos(angle) < 0)
    return points


def scene(noise: float, seed: int = 0, blur: float = 0.0) -> np.ndarray:
    """A soft gradient with grain of `noise` of 255, (H, W, 3) in [0, 1]."""
    clean = np.stack([0.3 + 0.2 * ROWS / 160, 0.4 + 0.1 * COLUMNS / 160, 0.5 + 0 * ROWS], -1)
    grains = np.random.default_rng(seed).standard_normal((*SIZE, 3)).astype(np.float32)
    if blur:
        grains = cv2.GaussianBlur(grains, (0, 0), blur)
        grains /= grains.std()
    return (clean + grains * noise / 255).astype(np.float32)


def test_the_mask_is_a_face_that_follows_the_jaw_and_fades():
    closed, opened = face_mask(oval(), oval(), SIZE), face_mask(oval(), oval(12), SIZE)
    assert closed[80, 80] == 1 and closed[80, 80 + 29] == 1
    assert 0 < closed[80, 80 + 33] < 1 and closed[80, 80 + 45] == 0
    assert opened[128, 80] == 1 and closed[128, 80] == 0
    assert np.abs(np.diff(opened, axis=0)).max() < 0.35
    assert not opened[0].any() and not opened[:, -1].any()


@pytest.mark.parametrize("offset", [(0.04, -0.03, 0.02), (-0.05, 0.0, 0.05)])
def test_a_cast_is_taken_out_and_what_was_right_stays(offset):
    source, share = scene(0), face_mask(oval(), oval(), SIZE)
    ring = ring_of(share, 5)
    mended = colour_matched(source + np.float32(offset), source, share, ring, 4)
    inside = share > 0.9
    assert np.abs(mended - source)[inside].max() < 0.1 * np.abs(offset).max()
    np.testing.assert_allclose(colour_matched(source, source, share, ring, 4), source, atol=1e-6)


@pytest.mark.parametrize("blur", [0.0, 0.55, 0.8])
@pytest.mark.parametrize("noise", [1.5, 4.0])
def test_grain_is_measured_with_its_coarseness(noise, blur):
    spread, found = grain(scene(noise, blur=blur), EVERYWHERE)
    assert np.sqrt(np.trace(spread @ spread.T) / 3) * 255 == pytest.approx(noise, rel=0.2)
    assert found == pytest.approx(blur, abs=0.15)


@pytest.mark.parametrize("blur", [0.0, 0.65])
def test_a_smooth_patch_gets_the_grain_around_it_and_a_grainy_one_none(blur):
    source, share = scene(3, blur=blur), np.ones(SIZE, np.float32)
    filled = regrained(scene(0), source, share, EVERYWHERE, seed=3)
    assert grain_of(filled[..., 1], EVERYWHERE) == pytest.approx(grain_of(source[..., 1], EVERYWHERE), rel=0.15)
    again = regrained(scene(3, seed=9, blur=blur), source, share, EVERYWHERE, seed=3)
    assert grain_of(again[..., 1], EVERYWHERE) < 1.25 * grain_of(source[..., 1], EVERYWHERE)
    np.testing.assert_array_equal(filled, regrained(scene(0), source, share, EVERYWHERE, seed=3))


def test_a_picture_without_grain_is_left_alone():
    share = np.ones(SIZE, np.float32)
    np.testing.assert_array_equal(regrained(scene(0), scene(0), share, EVERYWHERE, 1), scene(0))


def test_a_seam_is_seen_where_there_is_one():
    """A cast shows in the step, a patch without grain in the grain, a mask that trembles in the flicker."""
    share = face_mask(oval(), oval(), SIZE)
    masks = [(255 * (share > 0.5)).astype(np.uint8)] * 5
    source = [np.round(255 * scene(2, seed=k)).astype(np.uint8) for k in range(5)]
    same = seam_figures(source, source, masks)
    assert (same.step, same.flicker, same.grain) == (1, 1, 1)
    inside = (share > 0.5)[..., None]
    cast = [np.where(inside, p + 9, p).astype(np.uint8) for p in source]
    assert seam_figures(cast, source, masks).step > 1.5
    smooth = [np.where(inside, cv2.GaussianBlur(p, (0, 0), 1.5), p) for p in source]
    assert seam_figures(smooth, source, masks).grain < 0.4
    nervous = [np.where(inside, p + 12 * (k % 2), p).astype(np.uint8) for k, p in enumerate(source)]
    assert seam_figures(nervous, source, masks).flicker > 1.5
    with pytest.raises(ValueError, match="three"):
        seam_figures(source[:2], source[:2], masks[:2])
