"""Features: a fixed clock, fixed numbers, and the same answer as an independent implementation."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from emodiff_core.audio import RATE, SILENCE, features_at, log_mel, mel_bank


def tone(hertz: float, seconds: float, level: float = 1.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_the_filter_bank_equals_the_one_of_transformers():
    golden = mel_filter_bank(201, 80, 0, 8000, RATE, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_bank(), golden, atol=1e-7)


def test_the_spectrogram_equals_the_one_of_transformers():
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    bank = mel_filter_bank(201, 80, 0, 8000, RATE, norm="slaney", mel_scale="slaney")
    golden = spectrogram(noise, window_function(400, "hann"), 400, 160, power=2, mel_filters=bank, pad_mode="constant")
    expected = (np.log10(np.maximum(golden.T, 1e-6)) + 2) / 4
    np.testing.assert_allclose(log_mel(noise), expected[:100], atol=2e-4)


@pytest.mark.parametrize(("samples", "rows"), [(0, 0), (1, 1), (160, 1), (161, 2), (16000, 100), (16001, 101)])
def test_a_second_has_exactly_a_hundred_rows(samples, rows):
    assert log_mel(np.zeros(samples, np.float32)).shape == (rows, 80)


def test_silence_is_minus_one_and_a_full_scale_tone_is_near_one():
    assert np.all(log_mel(np.zeros(3200, np.float32)) == SILENCE)
    assert 0.9 < log_mel(tone(1000, 1))[50].max() < 1.3


def test_a_click_is_loudest_in_the_row_centred_on_it():
    samples = np.zeros(RATE, np.float32)
    samples[37 * 160] = 1
    assert log_mel(samples).sum(1).argmax() == 37


def test_a_row_does_not_depend_on_what_follows_far_away():
    head, loud = tone(300, 1, 0.01), tone(900, 1, 1.0)
    np.testing.assert_allclose(log_mel(np.concatenate([head, loud]))[:90], log_mel(head)[:90], atol=1e-6)


def test_a_long_sound_is_the_same_as_its_parts():
    noise = np.random.default_rng(1).normal(0, 0.1, 100 * RATE).astype(np.float32)
    np.testing.assert_allclose(log_mel(noise)[9000:9050], log_mel(noise[89 * RATE :])[100:150], atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(rate=st.sampled_from(["24000/1001", "24", "25", "30000/1001", "50", "60000/1001"]), first=st.integers(0, 500000))
def test_a_window_is_centred_on_its_frame_at_every_rational_rate(rate, first):
    """Rows that hold their own time must give back the time that was asked for, even hours into a film."""
    times = [Fraction(first + k) / Fraction(rate) for k in range(5)]
    start = int(times[0] * 100) - 50
    rows = (np.arange(200) / 100).astype(np.float32)[:, None]
    window = features_at(rows, [t - Fraction(start, 100) for t in times], 3)
    np.testing.assert_allclose(window[:, 3, 0], [float(t - Fraction(start, 100)) for t in times], atol=1e-4)
    np.testing.assert_allclose(np.diff(window[:, :, 0]), 0.01, atol=1e-4)


def test_beyond_the_ends_a_window_hears_silence():
    window = features_at(np.zeros((10, 2), np.float32), np.array([0.0, 0.09]), 2)
    np.testing.assert_array_equal(window[0, :, 0], [SILENCE, SILENCE, 0, 0, 0])
    np.testing.assert_array_equal(window[1, :, 0], [0, 0, 0, SILENCE, SILENCE])
