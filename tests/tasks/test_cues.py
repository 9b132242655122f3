"""Cue files: spans of time with an emotion of their own."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emodiff_core.emotion import cue_weights
from infra.errors import InputError
from tasks.cues import Cue, parse_cues, reaching, read_cues
from tasks.jobs import Emotion

EMOTIONS = st.sampled_from(list(Emotion))
CUE = st.builds(
    lambda start, tenths, emotion, ramp: Cue(
        start=start / 10, end=(start + tenths) / 10, emotion=emotion, ramp_in=ramp * tenths / 20
    ),
    *(st.integers(0, 60), st.integers(1, 40), EMOTIONS, st.sampled_from([0.0, 0.5, 1.0])),
)


def test_csv_json_and_jsonl_say_the_same(tmp_path):
    rows = [{"start": 0.5, "end": 2, "emotion": "happy", "intensity": 0.5, "ramp_in": 0.2, "ramp_out": 0.4}]
    (tmp_path / "c.csv").write_text("start,end,emotion,intensity,ramp_in,ramp_out\n0.5,2,happy,0.5,0.2,0.4\n")
    (tmp_path / "c.json").write_text(json.dumps(rows))
    (tmp_path / "c.jsonl").write_text(json.dumps(rows[0]) + "\n")
    for name in ("c.csv", "c.json", "c.jsonl"):
        assert read_cues(tmp_path / name) == [Cue(**rows[0])]


def test_what_is_not_said_has_a_default_that_fits_the_span():
    long, short = parse_cues(b"start,end,emotion\n0,2,sad\n3,3.2,fear\n", "c.csv")
    assert (long.intensity, long.ramp_in, long.ramp_out) == (1.0, 0.3, 0.3)
    assert short.ramp_in == short.ramp_out == pytest.approx(0.1)


def test_rows_keep_their_order_because_the_later_lies_on_top():
    assert [cue.start for cue in parse_cues(b"start,end,emotion\n5,9,sad\n0,9,happy\n", "c.csv")] == [5, 0]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2,1,sad,,,", "end lies after start"),
        ("0,1,sad,,0.8,0.8", "no longer than the span"),
        ("-1,1,sad,,,", "column start"),
        ("0,x,sad,,,", "column end"),
        ("0,1,hapy,,,", "did you mean happy?"),
        ("0,1,sad,1.5,,", "column intensity"),
        ("nan,1,sad,,,", "column start"),
        ("0,inf,sad,,,", "column end"),
        (",1,sad,,,", "a value is needed"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row, said):
    with pytest.raises(InputError) as caught:
        parse_cues(f"start,end,emotion,intensity,ramp_in,ramp_out\n{row}\n".encode(), "c.csv")
    assert caught.value.code == "CUES_INVALID" and said in caught.value.message and "row 2" in caught.value.message


def test_an_unknown_column_is_named_with_what_was_meant():
    with pytest.raises(InputError, match="did you mean ramp_in"):
        parse_cues(b"start,end,emotion,ramp_inn\n0,1,sad,1\n", "c.csv")


@pytest.mark.parametrize("data", [b"", b"start,end,emotion\n", b"[1]", b"[[]]", b"\x00\x01", b"PK\x03\x04", b"[{]"])
def test_a_file_that_is_no_cue_file_is_refused(data):
    with pytest.raises(InputError, match="CUES_INVALID"):
        parse_cues(data, "c.csv")


def test_a_missing_file_is_an_error_of_the_input(tmp_path):
    with pytest.raises(InputError, match="CUES_MISSING"):
        read_cues(tmp_path / "none.csv")
    with pytest.raises(InputError, match="CUES_MISSING"):
        read_cues(tmp_path)


@given(st.lists(CUE, max_size=6), st.integers(0, 50), st.integers(1, 50))
def test_frames_show_the_cues_that_reach_them_and_no_others(cues, first, count):
    times = (first + np.arange(count)) / 10

    def shown(chosen):
        spans = [(c.start, c.end, str(c.emotion), c.intensity, c.ramp_in, c.ramp_out) for c in chosen]
        return cue_weights(times, "neutral", 0.5, spans)

    assert np.array_equal(shown(cues), shown(reaching(cues, times[0], times[-1])))
