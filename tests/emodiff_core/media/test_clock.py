"""The rounding between pictures and samples, and the languages of MP4."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emodiff_core.media import frame_times, frames_for, samples_for
from emodiff_core.media.encode import track_scale
from emodiff_core.media.language import iso639

RATES = st.sampled_from([Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])


@given(samples=st.integers(1, 48000 * 7200), rate=RATES)
def test_pictures_cover_the_sound_and_not_one_more(samples, rate):
    frames, seconds = frames_for(samples, 48000, rate), Fraction(samples, 48000)
    assert (frames - 1) / rate < seconds <= frames / rate


@given(frames=st.integers(0, 500000), rate=RATES)
def test_sound_stays_within_half_a_sample(frames, rate):
    assert abs(Fraction(samples_for(frames / rate, 48000), 48000) - frames / rate) <= Fraction(1, 96000)


@given(frames=st.integers(1, 100), rate=RATES)
def test_times_are_exact_in_the_track_of_an_mp4(frames, rate):
    scale = track_scale(1 / rate)
    assert scale >= 10000 and all((time * scale).denominator == 1 for time in frame_times(frames, rate))


@pytest.mark.parametrize(
    ("tag", "code"),
    [("en", "eng"), ("pt-BR", "por"), ("zh-Hant-TW", "zho"), ("cmn", "cmn"), ("de_AT", "deu"), ("x-klingon", "und")],
)
def test_languages_have_three_letters(tag, code):
    assert iso639(tag) == code
