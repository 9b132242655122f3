"""Paste: colour, grain and mask of a made-up face in a made-up picture, where the truth is known."""

import cv2
import numpy as np
import pytest

from emodiff_core.faces import paste
from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.paste import Grain, Matcher, colour_matched, face_mask, freshness, regrained, ring_of
from emodiff_core.faces.points import FACE_OVAL
from emodiff_core.faces.warp import FACE, Guide, Warp, pixel_grid, sample
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


def white(seed: int) -> np.ndarray:
    """White noise (H, W, 3)."""
    return np.random.default_rng(seed).standard_normal((*SIZE, 3), dtype=np.float32)


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
    like = paste.grain_of(scene(noise, blur=blur), EVERYWHERE)
    assert np.sqrt(np.trace(like.spread @ like.spread.T) / 3) * 255 == pytest.approx(noise, rel=0.2)
    assert like.blur == pytest.approx(blur, abs=0.15)


@pytest.mark.parametrize("blur", [0.0, 0.65])
def test_a_smooth_patch_gets_the_grain_around_it_and_a_grainy_one_none(blur):
    source, nowhere = scene(3, blur=blur), np.zeros(SIZE, np.float32)
    like, at = paste.grain_of(source, EVERYWHERE), pixel_grid(SIZE)
    filled = regrained(scene(0), source, like, at, nowhere, white(3))
    assert grain_of(filled[..., 1], EVERYWHERE) == pytest.approx(0.9 * grain_of(source[..., 1], EVERYWHERE), rel=0.15)
    again = regrained(scene(3, seed=9, blur=blur), source, like, at, nowhere, white(3))
    assert grain_of(again[..., 1], EVERYWHERE) < 1.15 * grain_of(source[..., 1], EVERYWHERE)
    np.testing.assert_array_equal(filled, regrained(scene(0), source, like, at, nowhere, white(3)))


def test_where_the_source_itself_is_calm_no_grain_is_added():
    """One half of the picture has grain: what was taken from the other half stays as it was."""
    source = np.where((COLUMNS < 80)[..., None], scene(4), scene(0)).astype(np.float32)
    known = np.ones(SIZE, np.float32)
    like = paste.grain_of(source, COLUMNS < 70)
    blurred = cv2.GaussianBlur(source, (0, 0), 1.0)
    out = regrained(blurred, source, like, pixel_grid(SIZE), known, white(3))
    assert grain_of(out[..., 1], COLUMNS < 60) > 0.75 * grain_of(source[..., 1], COLUMNS < 60)
    np.testing.assert_allclose(out[:, 110:], blurred[:, 110:], atol=1e-4)


def test_a_picture_without_grain_is_left_alone():
    none = paste.grain_of(scene(0), EVERYWHERE)
    assert none == Grain(none.spread, 0.0) and not none.level
    out = regrained(scene(0), scene(0), none, pixel_grid(SIZE), np.ones(SIZE, np.float32), white(1))
    np.testing.assert_array_equal(out, scene(0))


def shifted(picture: np.ndarray) -> Warp:
    """The picture drawn half a pixel aside: what a warp does to grain."""
    flow = pixel_grid(SIZE) + np.float32(0.5)
    masks = np.zeros((*SIZE, 5), np.float32)
    masks[..., FACE] = polygon(oval()[FACE_OVAL, :2], SIZE)
    image = sample(picture, flow, cv2.INTER_CUBIC).astype(np.float32)
    return Warp(image, flow, np.ones(SIZE, np.float32), np.zeros((*SIZE, 3), np.float32), masks)


def test_a_clip_keeps_its_grain_through_the_warp_without_more_or_less_trembling():
    share, matcher = face_mask(oval(), oval(), SIZE), Matcher(seed=5)
    masks = [(255 * (share > 0)).astype(np.uint8)] * 5
    source = [np.round(255 * scene(4, seed=k)).astype(np.uint8) for k in range(5)]
    warps = [shifted(picture / np.float32(255)) for picture in source]
    plain = [w.image for w in warps]
    made = [matcher.grained(w.image, p, w, share, k) for k, (p, w) in enumerate(zip(source, warps, strict=True))]

    def figures(images):
        laid = [np.where(share[..., None] > 0, 255 * i, p) for i, p in zip(images, source, strict=True)]
        return seam_figures([np.round(np.clip(p, 0, 255)).astype(np.uint8) for p in laid], source, masks)

    assert figures(plain).grain < 0.7 and figures(plain).shimmer < 0.8
    assert figures(made).grain == pytest.approx(0.93, abs=0.12)
    assert figures(made).shimmer == pytest.approx(1, abs=0.2)
    alone = Matcher(seed=5)
    alone.like = matcher.like
    np.testing.assert_array_equal(made[3], alone.grained(warps[3].image, source[3], warps[3], share, 3))
    assert (made[2][0, 0] == warps[2].image[0, 0]).all()


def test_grain_that_a_codec_holds_still_is_not_made_to_shimmer():
    share = face_mask(oval(), oval(), SIZE)
    masks = [(255 * (share > 0)).astype(np.uint8)] * 5
    held = [np.round(255 * (0.85 * scene(4) + 0.15 * scene(4, seed=k + 1))).astype(np.uint8) for k in range(5)]
    alive = [np.round(255 * scene(4, seed=k)).astype(np.uint8) for k in range(5)]
    assert freshness(alive) == pytest.approx(1, abs=0.05) and freshness(held) < 0.3
    assert freshness(held[:1]) == 1

    def moved(matcher: Matcher) -> float:
        warps = [shifted(p / np.float32(255)) for p in held]
        made = [matcher.grained(w.image, p, w, share, k) for k, (p, w) in enumerate(zip(held, warps, strict=True))]
        return seam_figures([np.round(255 * p).astype(np.uint8) for p in made], held, masks).shimmer

    assert moved(Matcher(5)) > 3 and moved(Matcher(5, held)) < 1.4, (moved(Matcher(5)), moved(Matcher(5, held)))


def test_a_cast_of_the_whole_face_is_taken_back_and_a_mouth_that_changed_is_not():
    side, told = 160, scene(0)
    masks = np.zeros((side, side, 5), np.float32)
    masks[..., FACE] = polygon(oval()[FACE_OVAL, :2], SIZE)
    guide = Guide(told, np.ones(SIZE, np.float32), np.zeros_like(told), masks)
    answer = told + np.float32([0.03, 0.01, -0.02])
    answer[95:105, 70:90] = 0.1
    level = Matcher(1).levelled("face", answer, guide)
    skin = (masks[..., FACE] > 0.9) & (np.abs(ROWS - 100) > 15)
    assert np.abs(level - told)[skin].max() < 0.006
    assert np.abs(level[96:104, 72:88] - 0.1).max() < 0.04
    np.testing.assert_array_equal(Matcher(1).levelled("mouth", answer, guide), answer)
    np.testing.assert_allclose(Matcher(1).levelled("face", told, guide), told, atol=1e-6)


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
    assert seam_figures(smooth, source, masks).sharpness < 0.8 and seam_figures(smooth, source, masks).shimmer < 0.5
    nervous = [np.where(inside, p + 12 * (k % 2), p).astype(np.uint8) for k, p in enumerate(source)]
    assert seam_figures(nervous, source, masks).flicker > 1.5
    with pytest.raises(ValueError, match="three"):
        seam_figures(source[:2], source[:2], masks[:2])
