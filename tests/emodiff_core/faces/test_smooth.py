import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emodiff_core.faces.smooth import lowpass, noise_of, steady

RATE = 25.0


def _shift(true, fitted):
    """Frames by which fitted comes late, by a parabola through the peak of the correlation."""
    match = [np.corrcoef(true[6:-6], np.roll(fitted, -s)[6:-6])[0, 1] for s in (-2, -1, 0, 1, 2)]
    top = int(np.clip(np.argmax(match), 1, 3))
    a, b, c = match[top - 1 : top + 2]
    return top - 2 + 0.5 * (a - c) / (a - 2 * b + c)


def test_half_the_amplitude_is_left_at_the_cutoff():
    time = np.arange(400) / RATE
    wave = np.sin(2 * np.pi * 2.5 * time)[:, None]
    assert np.std(lowpass(wave, RATE, 2.5)[50:-50]) / np.std(wave) - 0.5 < 0.02


def test_a_still_thing_comes_to_rest():
    rng = np.random.default_rng(0)
    shaken = rng.normal(size=(200, 30)) * 0.5
    assert steady(shaken, RATE, ceiling=1.0).std() < 0.25 * shaken.std()


def test_motion_stays_and_does_not_come_late():
    rng = np.random.default_rng(1)
    time = np.arange(300) / RATE
    wave = np.sin(2 * np.pi * 5 * time) * (np.sin(2 * np.pi * 0.4 * time) > 0)
    shaken = wave[:, None] + rng.normal(size=(300, 20)) * 0.1
    out = steady(shaken, RATE, ceiling=0.3).mean(1)
    assert abs(_shift(wave, out)) < 0.05
    moving = np.abs(wave) > 0.5
    assert np.abs(out[moving] / wave[moving]).mean() > 0.9


def test_noise_is_measured_where_the_thing_is_quiet():
    rng = np.random.default_rng(2)
    time = np.arange(400) / RATE
    wave = np.sin(2 * np.pi * 6 * time) * (time > 10)
    assert abs(noise_of(wave[:, None] + rng.normal(size=(400, 40)) * 0.2) - 0.2) < 0.04


@given(st.floats(-1e3, 1e3), st.floats(-10, 10), st.integers(3, 60))
def test_straight_lines_pass_unchanged(start, slope, count):
    line = (start + slope * np.arange(count))[:, None]
    np.testing.assert_allclose(lowpass(line, RATE, 2.5), line, rtol=1e-6, atol=1e-6)


def test_rows_that_are_not_believed_are_filled_from_both_sides():
    line = np.arange(40.0)[:, None].repeat(2, 1)
    weight = np.ones(40)
    weight[15:18] = 0
    broken = line.copy()
    broken[15:18] = 999
    np.testing.assert_allclose(lowpass(broken, RATE, 2.5, weight=weight), line, atol=0.1)


def test_time_turned_around_gives_the_same_turned_around():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 4)).cumsum(0)
    np.testing.assert_allclose(steady(values[::-1], RATE, 1.0)[::-1], steady(values, RATE, 1.0), atol=1e-8)


@given(st.integers(1, 40))
def test_clips_of_any_length_keep_their_length(count):
    assert steady(np.random.default_rng(0).normal(size=(count, 3)), RATE, 1.0).shape == (count, 3)
