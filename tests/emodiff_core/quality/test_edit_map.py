"""The edit map: runs of changed frames, and two ways of handing them to an editor."""

from fractions import Fraction

import pytest

from emodiff_core.quality.edit_map import Edit, as_edl, as_json, edits_of, from_json
from emodiff_core.quality.timecode import clock_of

NTSC = Fraction(30000, 1001)
EDITS = [Edit(1795, 1805, (10, 20, 30, 40), "speech"), Edit(1805, 17982, (8, 20, 30, 40), "rest")]


def test_neighbours_with_one_reason_are_one_edit_around_all_their_pixels():
    frames = [(3, (5, 5, 10, 10), "speech"), (4, (2, 8, 4, 20), "speech"), (5, None, ""), (6, (0, 0, 1, 1), "speech")]
    assert edits_of([*frames, (7, (0, 0, 2, 2), "rest")]) == [
        Edit(3, 5, (2, 5, 13, 23)),
        Edit(6, 7, (0, 0, 1, 1)),
        Edit(7, 8, (0, 0, 2, 2), "rest"),
    ]


def test_the_document_holds_frames_timecodes_and_seconds_and_reads_back():
    times = [k / NTSC for k in range(18000)]
    document = as_json(EDITS, clock_of(NTSC), times, NTSC)
    assert (document["frames"], document["changed_frames"], document["drop_frame"]) == (18000, 16187, True)
    first, second = document["events"]
    assert (first["first_frame"], first["last_frame"]) == (1795, 1804)
    assert (first["in"], first["out"]) == ("00:00:59;25", "00:01:00;07")
    assert second["out"] == "00:10:00;00"
    assert first["end_seconds"] == pytest.approx(1805 * 1001 / 30000, abs=1e-6)
    assert from_json(document) == EDITS


def test_the_last_edit_may_end_with_the_film():
    times = [k / NTSC for k in range(10)]
    (event,) = as_json([Edit(8, 10, (0, 0, 2, 2))], clock_of(NTSC), times, NTSC)["events"]
    assert event["end_seconds"] == pytest.approx(10 * 1001 / 30000, abs=1e-6)


def test_an_edit_list_is_what_editing_programs_read():
    assert as_edl(EDITS, clock_of(NTSC), "A Noite São", "a-noite.mp4").splitlines() == [
        "TITLE: A NOITE S?O",
        "FCM: DROP FRAME",
        "",
        "001  AX       V     C        00:00:59;25 00:01:00;07 00:00:59;25 00:01:00;07",
        "* FROM CLIP NAME: A-NOITE.MP4",
        "* COMMENT: SPEECH 30X40 AT 10,20",
        "002  AX       V     C        00:01:00;07 00:10:00;00 00:01:00;07 00:10:00;00",
        "* FROM CLIP NAME: A-NOITE.MP4",
        "* COMMENT: REST 30X40 AT 8,20",
    ]


def test_a_list_without_drop_frame_says_so_and_more_than_999_edits_are_not_hidden():
    many = [Edit(2 * k, 2 * k + 1, (0, 0, 1, 1)) for k in range(1001)]
    lines = as_edl(many, clock_of(Fraction(25)), "t", "c").splitlines()
    assert lines[1] == "FCM: NON-DROP FRAME"
    assert lines[-1] == "* COMMENT: 2 MORE EDITS DO NOT FIT INTO THIS FORMAT"


@pytest.mark.parametrize("wrong", [{}, {"version": 9, "events": []}, {"version": 1, "events": [{}]}])
def test_what_is_no_edit_map_is_refused(wrong):
    with pytest.raises(ValueError, match="edit map"):
        from_json(wrong)
