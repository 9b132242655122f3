"""Lip figures: what they say of mouths that follow, trail, ignore or outlive the speech."""

import numpy as np
import pytest

from emodiff_core.audio import SILENCE, log_mel, speech_activity
from emodiff_core.quality.lips import LipReader, least_correlation, lip_figures, mouth_opening, speech_at, voiced
from emodiff_core.synthetic.speech import utterance
from tests.talking import CROP, landmarks, models, mouth_open, portrait

TEXT = "After a long night the ship came home. Nobody had believed it any more."


@pytest.fixture(scope="module")
def sound() -> tuple[np.ndarray, np.ndarray]:
    speech = utterance(TEXT).padded(1, 1.5).then(utterance("Open the door.").padded(0, 1.5)).samples
    return speech_activity(speech), voiced(log_mel(speech))


def mouth(sound, times: np.ndarray, late: float = 0.0) -> np.ndarray:
    """An opening that follows the loudness of the vowels, as lips do, with a tracker's jitter."""
    activity, energy = sound
    loud = (energy + SILENCE + 1) * activity
    jitter = np.random.default_rng(0).normal(0, 0.004, len(times))
    return (0.02 + 0.2 * speech_at(times - late, loud) + jitter).astype(np.float32)


@pytest.mark.parametrize("rate", [24000 / 1001, 25, 50])
def test_lips_that_follow_the_speech_correlate_without_lag(rate, sound):
    times = np.arange(round(len(sound[0]) / 100 * rate)) / rate
    figures = lip_figures(times, mouth(sound, times), *sound)
    assert figures.correlation > 0.8 and abs(figures.lag) < 0.02
    assert figures.moving > 5 * figures.resting


@pytest.mark.parametrize("late", [-0.2, -0.08, 0.12, 0.24])
def test_the_lag_is_measured_finer_than_a_frame(late, sound):
    times = np.arange(round(len(sound[0]) / 4)) / 25
    figures = lip_figures(times, mouth(sound, times, late), *sound)
    assert figures.lag == pytest.approx(late, abs=0.02)
    assert figures.best > 0.8


def test_unrelated_lips_do_not_correlate(sound):
    times = np.arange(round(len(sound[0]) / 4)) / 25
    figures = lip_figures(times, mouth(sound, times)[::-1].copy(), *sound)
    assert figures.correlation < 0.35


def test_a_still_mouth_does_not_move(sound):
    times = np.arange(round(len(sound[0]) / 4)) / 25
    still = np.random.default_rng(0).normal(0.05, 0.004, len(times)).astype(np.float32)
    assert lip_figures(times, still, *sound).moving < 0.006


def test_frames_without_a_face_are_bridged(sound):
    times = np.arange(round(len(sound[0]) / 4)) / 25
    opening = mouth(sound, times)
    opening[::9] = np.nan
    assert lip_figures(times, opening, *sound).correlation > 0.8


def test_where_nobody_speaks_nothing_is_judged():
    times = np.arange(50) / 25
    silent = np.zeros(200, np.float32), np.zeros(200, np.float32)
    figures = lip_figures(times, np.full(50, 0.1, np.float32), *silent)
    assert figures.correlation is figures.lag is figures.moving is None
    assert figures.resting is not None


def test_nothing_is_said_of_no_frames(sound):
    assert lip_figures(np.zeros(0), np.zeros(0, np.float32), *sound).moving is None


def judged(sound, seconds: float, follows: float) -> float:
    """Share of lines, cut anywhere out of the speech, whose lips are found to be unrelated to it. follows: how much of
    their motion is the speech's, the rest wanders."""
    random, found = np.random.default_rng(1), []
    for start in random.uniform(0.9, 4.6 - seconds, 40):
        times = start + np.arange(round(25 * seconds)) / 25
        own = mouth(sound, times) - 0.02
        wander = np.convolve(random.normal(0, 1, len(times) + 7), np.hanning(8), "valid")
        lips = follows * own / own.std() + (1 - follows) * wander / wander.std()
        figures = lip_figures(times, (0.1 + 0.03 * lips).astype(np.float32), *sound)
        if figures.correlation is not None:
            found.append(figures.correlation < least_correlation(0.15, figures.samples))
    return float(np.mean(found))


def test_a_short_line_is_not_failed_for_what_a_good_dub_may_show(sound):
    assert judged(sound, 1.0, 0.45) <= 0.05 and judged(sound, 3.0, 0.45) <= 0.05
    assert judged(sound, 3.0, 0.0) > 0.5, "lips of no speech at all"


def test_the_limit_falls_only_where_there_is_little_to_see():
    assert [least_correlation(0.15, n) for n in (4, 1000)] == [-1, 0.15]
    assert -0.7 < least_correlation(0.15, 5) < least_correlation(0.15, 10) < 0.15 == least_correlation(0.15, 25)


def test_samples_count_how_often_the_lips_turn(sound):
    times = np.arange(round(len(sound[0]) / 4)) / 25
    figures = lip_figures(times, mouth(sound, times), *sound)
    assert times[-1] < figures.samples < 10 * times[-1], "syllables, not frames"


def test_the_reader_follows_a_real_mouth():
    reader = LipReader(models(), CROP)
    openings = [reader(mouth_open(pixels)) for pixels in (0, 6, 10, 14)]
    assert all(opening is not None for opening in openings)
    assert openings == sorted(openings) and openings[-1] > openings[0] + 0.08
    assert openings[0] == pytest.approx(mouth_opening(landmarks()), abs=0.03)


def test_the_reader_loses_the_face_and_finds_it_again():
    reader = LipReader(models(), CROP)
    nothing = np.full_like(portrait(), 128)
    seen = [reader(picture) is not None for picture in (portrait(), nothing, portrait())]
    assert seen == [True, False, True]
