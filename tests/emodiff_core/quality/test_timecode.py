"""Timecode against the numbers of SMPTE ST 12-1 and of editing tables."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emodiff_core.quality.timecode import Clock, clock_of

NTSC, DOUBLE, FILM = Fraction(30000, 1001), Fraction(60000, 1001), Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("frame", "drop", "plain"),
    [
        (0, "00:00:00;00", "00:00:00:00"),
        (1799, "00:00:59;29", "00:00:59:29"),
        (1800, "00:01:00;02", "00:01:00:00"),
        (3597, "00:01:59;29", "00:01:59:27"),
        (3598, "00:02:00;02", "00:01:59:28"),
        (17981, "00:09:59;29", "00:09:59:11"),
        (17982, "00:10:00;00", "00:09:59:12"),
        (107892, "01:00:00;00", "00:59:56:12"),
        (2589407, "23:59:59;29", "23:58:33:17"),
        (2589408, "00:00:00;00", "23:58:33:18"),
    ],
)
def test_frames_of_ntsc_are_counted_as_tables_have_it(frame, drop, plain):
    assert clock_of(NTSC).at(frame) == drop
    assert Clock(30, False).at(frame) == plain


@pytest.mark.parametrize(
    ("frame", "written"),
    [(3599, "00:00:59;59"), (3600, "00:01:00;04"), (35964, "00:10:00;00"), (215784, "01:00:00;00")],
)
def test_double_rate_leaves_out_four(frame, written):
    assert clock_of(DOUBLE).at(frame) == written


def test_an_hour_of_drop_frame_is_an_hour_of_the_wall():
    """108 numbers are left out, so that after an hour timecode is off by 3.6 ms, not by 3.6 s."""
    number = clock_of(NTSC).number("01:00:00;00")
    assert number == 108000 - 108
    assert abs(float(number / NTSC) - 3600) < 0.004


@pytest.mark.parametrize(("rate", "drop"), [(FILM, False), (Fraction(25), False), (Fraction(30), False), (NTSC, True)])
def test_only_rates_of_30_over_1001_drop(rate, drop):
    assert clock_of(rate).drop is drop


def test_the_source_decides_where_counting_begins_and_how():
    assert clock_of(NTSC, "01:00:00:00").at(1800) == "01:01:00:00"
    assert clock_of(NTSC, "01:00:00;00").at(1800) == "01:01:00;02"
    assert clock_of(FILM, "09:59:59:23").at(1) == "10:00:00:00"


@pytest.mark.parametrize("wrong", ["00:01:00;00", "00:01:00;01", "24:00:00;00", "00:00:60;00", "00:00:00;30", "1:2:3"])
def test_a_timecode_that_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match=r"timecode|exist"):
        clock_of(NTSC, "00:00:00;00").number(wrong)


@given(st.integers(0, 24 * 3600 * 24 - 1), st.sampled_from([NTSC, DOUBLE, FILM, Fraction(25), Fraction(50)]))
def test_reading_a_timecode_gives_its_frame_back(frame, rate):
    clock = clock_of(rate)
    assert clock.number(clock.at(frame)) == frame


@given(st.integers(0, 10**6))
def test_each_frame_has_a_later_number_than_the_one_before(frame):
    clock = clock_of(NTSC)
    assert clock.at(frame + 1) > clock.at(frame)
