"""Closing lips: a held picture and late lips fail, the truth and a faithful result pass."""

import numpy as np

from emodiff_core.quality.closings import closings

TRUTH = np.tile(np.array([0, 0, 0.1, 0.2, 0.2, 0.1, 0, 0], np.float32), 6)
SHUT = TRUTH == 0


def test_the_truth_closes_wherever_it_is_asked_to():
    assert closings(TRUTH, TRUTH, SHUT).all() and len(closings(TRUTH, TRUTH, SHUT)) == SHUT.sum()


def test_a_quieter_mouth_with_a_little_noise_passes_and_one_that_stays_ajar_does_not():
    noise = np.random.default_rng(0).normal(0, 0.005, len(TRUTH)).astype(np.float32)
    assert closings(0.7 * TRUTH + noise, TRUTH, SHUT).all()
    assert not closings(np.maximum(TRUTH, 0.1), TRUTH, SHUT).any()


def test_a_mouth_that_is_held_shut_fails_though_it_is_shut():
    assert not closings(np.zeros_like(TRUTH), TRUTH, SHUT).any()


def test_lips_that_come_three_frames_late_fail():
    assert closings(np.roll(TRUTH, 3), TRUTH, SHUT).mean() < 0.3


def test_silence_far_from_speech_is_not_judged():
    quiet = np.concatenate([np.zeros(40, np.float32), TRUTH])
    assert len(closings(quiet, quiet, quiet == 0)) == SHUT.sum() + 2
