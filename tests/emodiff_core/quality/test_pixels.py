"""Measures between pictures, against numbers known beforehand."""

import cv2
import numpy as np
import pytest

from emodiff_core.quality.pixels import detail_share, flicker, flicker_ratio, psnr, ssim


def test_an_error_of_a_tenth_everywhere_is_twenty_decibels():
    truth = np.full((4, 8, 8, 3), 0.5, np.float32)
    assert psnr(truth + 0.1, truth) == pytest.approx(20, abs=1e-4)
    assert psnr(truth, truth) == float("inf")


def test_only_the_weighted_pixels_count():
    truth = np.zeros((8, 8, 3), np.float32)
    result, weight = truth.copy(), np.zeros((8, 8), np.float32)
    result[:4] = 1
    weight[2:6] = 1
    assert psnr(result, truth, weight) == pytest.approx(-10 * np.log10(0.5))
    with pytest.raises(ValueError, match="zero everywhere"):
        psnr(result, truth, np.zeros((8, 8), np.float32))


def test_ssim_is_one_for_equal_pictures_and_less_for_noise():
    truth = np.random.default_rng(0).random((2, 32, 32, 3), dtype=np.float32)
    assert ssim(truth, truth) == pytest.approx(1)
    assert ssim(1 - truth, truth) < 0


def test_detail_is_the_truths_own_alone_whatever_noise_lies_over_it():
    random = np.random.default_rng(0)
    truth, weight = random.random((2, 64, 64, 3), dtype=np.float32), np.zeros((2, 64, 64), np.float32)
    weight[:, 8:56, 8:56] = 1
    blurred = np.stack([cv2.GaussianBlur(one, (0, 0), 1.0) for one in truth])
    noise = random.normal(0, 0.3, truth.shape).astype(np.float32)
    assert detail_share(truth, truth, weight) == pytest.approx(1)
    assert detail_share(truth * 2, truth, weight) == pytest.approx(2, abs=1e-3)
    assert 0.02 < detail_share(blurred, truth, weight) < 0.3
    assert detail_share(noise, truth, weight) == pytest.approx(0, abs=0.03)
    assert detail_share(truth + noise, truth, weight) == pytest.approx(1, abs=0.03)
    elsewhere = truth.copy()
    elsewhere[:, :1] = 0
    assert detail_share(elsewhere, truth, weight) == pytest.approx(1)


def test_a_steady_change_does_not_flicker_and_an_alternation_does():
    ramp = np.linspace(0, 1, 9, dtype=np.float32)[:, None, None, None] * np.ones((1, 4, 4, 3), np.float32)
    assert flicker(ramp) == pytest.approx(0, abs=1e-4)
    blink = np.tile(np.array([0, 1], np.float32), 5)[:, None, None, None] * np.ones((1, 4, 4, 3), np.float32)
    assert flicker(blink / 255) == pytest.approx(2)
    assert flicker_ratio(blink, blink) == pytest.approx(1)
    with pytest.raises(ValueError, match="three"):
        flicker(ramp[:2])
