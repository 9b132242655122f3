"""Verify: a deliverable that is its source but for the face passes, and each way of damaging one is named."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.audio import read_wav
from emodiff_core.quality.edit_map import Edit
from emodiff_core.quality.hearing import sound_print
from emodiff_core.quality.tally import Ordered
from emodiff_core.quality.verify import Verdict, verify
from tests.poison import ffmpeg, write_wav

BOX = (120, 100, 64, 48)
EDITS = [Edit(10, 30, BOX)]
FACE = f"drawbox=enable='between(n,10,29)':x={BOX[0]}:y={BOX[1]}:w={BOX[2]}:h={BOX[3]}:color=teal:t=fill"
CODING = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "8"]
LOSSLESS = ["-c:v", "ffv1"]
COLOURS = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
PAIR = ["-map", "0:v", "-map", "1:a", "-map", "0:a", "-c:a:0", "aac", "-c:a:1", "copy"]
TIMES = ["-fps_mode", "passthrough", "-enc_time_base", "1/12800", "-video_track_timescale", "12800"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def speech(folder) -> Path:
    """Two seconds of bursts of noise, that begin 0.2 s in."""
    random = np.random.default_rng(0)
    bursts = np.repeat(random.random(40) * (random.random(40) > 0.4), 2400)
    bursts[: 48000 // 5] = 0
    return write_wav(folder / "speech.wav", random.normal(0, 0.2, 96000) * bursts)


@pytest.fixture(scope="module")
def source(folder) -> Path:
    """A test card with a tone, a timecode, chapters, a language."""
    path, chapters = folder / "source.mov", folder / "chapters.txt"
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=one\n")
    tagged = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    card, tone = f"testsrc2=s=320x240:r=25:d=2,hue=s=0.3,{tagged}", "sine=440:r=48000:d=2"
    inputs = ["-f", "lavfi", "-i", card, "-f", "lavfi", "-i", tone, "-i", chapters, "-map_metadata", "2"]
    tags = ["-timecode", "10:00:00:00", "-metadata:s:a:0", "language=eng", *COLOURS]
    ffmpeg(*inputs, *CODING, "-pix_fmt", "yuv420p", "-c:a", "aac", *tags, "-movie_timescale", "48000", path)
    return path


def dubbed(
    path: Path, source: Path, speech: Path, *more: str, picture: str = FACE, sound: str = "anull", code=CODING
) -> Path:
    """The source with another face and another sound, made by nobody but ffmpeg."""
    tags = ["-timecode", "10:00:00:00", "-metadata:s:a:0", "language=por", *COLOURS]
    steps = ["-vf", picture, "-filter:a:0", f"aresample=48000,{sound}", *code, *PAIR, *tags]
    ffmpeg("-i", source, "-i", speech, *steps, *TIMES, "-movie_timescale", "48000", *more, path)
    return path


@pytest.fixture(scope="module")
def delivery(folder, source, speech) -> Path:
    return dubbed(folder / "good.mov", source, speech)


@pytest.fixture(scope="module")
def ordered(speech) -> Ordered:
    return Ordered(EDITS, speech=speech, language="por")


def failed(verdict: Verdict) -> dict[str, str]:
    return {row.code: f"{row.delivery} {row.message}" for row in verdict.rows if row.state == "FAIL"}


def test_a_deliverable_as_it_should_be_passes_every_row(delivery, source, ordered):
    verdict = verify(delivery, source, ordered)
    assert failed(verdict) == {} and verdict.good
    assert verdict.figures["frames_in"] == verdict.figures["frames_out"] == 50
    assert verdict.figures["outside_db"] > 50
    assert abs(verdict.figures["sound_offset_ms"]) < 0.1
    seen = {row.code for row in verdict.rows}
    assert {"TIMECODE", "CHAPTERS", "TRACKS", "MATRIX", "ASPECT", "ROTATION", "TIMES", "SOUND_LENGTH"} <= seen


def test_a_lossless_codec_must_be_identical_outside_and_is(folder, source, speech, ordered):
    good = dubbed(folder / "good.mkv", source, speech, code=LOSSLESS)
    verdict = verify(good, source, ordered)
    assert failed(verdict) == {} and verdict.figures["outside_identical"] == 1
    wide = verify(good, source, Ordered([Edit(10, 30, (BOX[0], BOX[1], BOX[2], BOX[3] - 2))], language="por"))
    assert set(failed(wide)) == {"PIXELS_OUTSIDE", "PIXELS_ALTERED"}


def test_one_pixel_is_enough_where_nothing_is_lost(folder, source, speech, ordered):
    dot = f"{FACE},drawbox=enable='eq(n,33)':x=6:y=8:w=1:h=1:color=white:t=fill"
    bad = dubbed(folder / "dot.mkv", source, speech, picture=dot, code=LOSSLESS)
    found = failed(verify(bad, source, ordered))
    assert set(found) == {"PIXELS_OUTSIDE", "PIXELS_ALTERED"} and "frame 33 (10:00:01:08" in found["PIXELS_ALTERED"]


def test_a_dropped_frame_is_named_with_its_time(folder, source, speech, ordered):
    bad = dubbed(folder / "dropped.mov", source, speech, picture=f"{FACE},select='not(eq(n,17))'")
    found = failed(verify(bad, source, ordered))
    assert set(found) == {"FRAMES", "RATE"}
    assert "49 1 missing, first frame 17 (10:00:00:17, 0.680 s)" in found["FRAMES"]


def test_a_dropped_frame_that_others_moved_up_for_is_named_too(folder, source, speech, ordered):
    gone = f"{FACE},select='not(eq(n,17))',setpts=N/25/TB"
    found = failed(verify(dubbed(folder / "closed.mov", source, speech, picture=gone), source, ordered))
    assert {"FRAMES", "PIXELS_ALTERED"} <= set(found) and "first frame 17" in found["PIXELS_ALTERED"]


def test_a_frame_shown_at_another_time_is_named(folder, source, speech, ordered):
    late = f"{FACE},setpts='PTS+eq(N,21)*0.01/TB'"
    found = failed(verify(dubbed(folder / "late.mov", source, speech, picture=late), source, ordered))
    assert set(found) == {"TIMES"} and "frame 21 is shown +10.000 ms" in found["TIMES"]


@pytest.mark.parametrize("shift", [-960, 720, 4800])
def test_sound_that_was_moved_is_measured_against_the_dub(shift, folder, source, speech, ordered):
    moved = f"adelay={shift}S:all=1" if shift > 0 else f"atrim=start_sample={-shift},asetpts=N/SR/TB"
    bad = dubbed(folder / "moved.mov", source, speech, sound=f"{moved},apad=whole_len=96000,atrim=end_sample=96000")
    verdict = verify(bad, source, ordered)
    assert set(failed(verdict)) == {"SOUND_OFFSET"}
    assert verdict.figures["sound_offset_ms"] == pytest.approx(shift / 48, abs=0.05)


def test_a_print_of_the_dub_in_the_record_tells_the_same(folder, source, speech, delivery):
    record = json.loads(json.dumps(sound_print(read_wav(speech))))
    assert len(json.dumps(record)) < 10_000
    told = Ordered(EDITS, print_=record)
    assert failed(verify(delivery, source, told)) == {}
    late = (
        "adelay=1200S:all=1,atrim=end_sample=96000,aeval=0.7*val(0)+0.05*sin(2*PI*220*t),aformat=channel_layouts=mono"
    )
    verdict = verify(dubbed(folder / "printed.mov", source, speech, sound=late), source, told)
    assert set(failed(verdict)) == {"SOUND_OFFSET"}
    assert verdict.figures["sound_offset_ms"] == pytest.approx(25, abs=1.1)


def test_a_dub_that_starts_late_or_breaks_off_needs_no_record(folder, source, speech, delivery):
    late = folder / "starts.mov"
    streams = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-movie_timescale", "48000"]
    ffmpeg("-i", delivery, "-itsoffset", "0.2", "-i", delivery, *streams, late)
    assert {"SOUND_START", "SOUND_LENGTH"} <= set(failed(verify(late, source)))
    short = dubbed(folder / "short.mov", source, speech, sound="atrim=end=1.2")
    assert {"SOUND_LENGTH", "SOUND_BREAKS_OFF"} <= set(failed(verify(short, source)))


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("ASPECT", ["-aspect", "2:1"]),
        ("LANGUAGE", ["-metadata:s:a:0", "language=spa"]),
        ("TIMECODE", ["-timecode", "01:00:00:00"]),
        ("CHAPTERS", ["-map_chapters", "-1"]),
    ],
)
def test_a_wrong_tag_is_named(code, more, folder, source, speech, ordered):
    assert set(failed(verify(dubbed(folder / "tag.mov", source, speech, *more), source, ordered))) == {code}


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("PRIMARIES", "colour_primaries=9"),
        ("TRANSFER", "transfer_characteristics=16"),
        ("MATRIX", "matrix_coefficients=6"),
    ],
)
def test_a_wrong_colour_is_named(code, tag, folder, source, delivery, ordered):
    """A wrong matrix shows in the pixels too, as it will at the viewer's; the container still says the right one."""
    bad, streams = folder / "colour.mov", ["-map", "0:v", "-map", "0:a", "-c", "copy"]
    ffmpeg("-i", delivery, *streams, "-bsf:v", f"h264_metadata={tag}", "-movie_timescale", "48000", bad)
    found = set(failed(verify(bad, source, ordered)))
    assert code in found and found <= {code, "COLOUR", "PIXELS_OUTSIDE", "PIXELS_ALTERED"}


def test_a_picture_that_players_turn_is_named(folder, source, delivery, ordered):
    turned = folder / "turned.mov"
    ffmpeg("-display_rotation:v:0", "90", "-i", delivery, "-map", "0:v", "-map", "0:a", "-c", "copy", turned)
    assert {"ROTATION", "SIZE"} <= set(failed(verify(turned, source, ordered)))


def test_a_mark_outside_the_face_is_named_with_its_place(folder, source, speech, ordered):
    mark = f"{FACE},drawbox=enable='between(n,40,41)':x=200:y=20:w=16:h=12:color=white:t=fill"
    found = failed(verify(dubbed(folder / "mark.mov", source, speech, picture=mark), source, ordered))
    assert "PIXELS_ALTERED" in found and "2 frames first frame 40 (10:00:01:15, 1.600 s)" in found["PIXELS_ALTERED"]


def test_a_worse_picture_is_named(folder, source, speech, ordered):
    coarse = dubbed(folder / "coarse.mov", source, speech, code=["-c:v", "libx264", "-crf", "30"])
    assert "PIXELS_OUTSIDE" in failed(verify(coarse, source, ordered))


def test_a_file_cut_short_is_named_wherever_its_index_lies(folder, source, delivery, ordered):
    data = delivery.read_bytes()
    end = folder / "end.mov"
    end.write_bytes(data[: len(data) * 2 // 3])
    assert set(failed(verify(end, source, ordered))) == {"READABLE"}
    fast = folder / "fast.mov"
    ffmpeg("-i", delivery, "-map", "0:v", "-map", "0:a", "-c", "copy", "-movflags", "+faststart", fast)
    fast.write_bytes(fast.read_bytes()[: len(data) * 2 // 3])
    found = failed(verify(fast, source, ordered))
    assert "WHOLE" in found and {"FRAMES", "STREAM"} & set(found)


def test_the_source_itself_is_no_deliverable(source, ordered):
    assert {"DUB", "EDITS"} <= set(failed(verify(source, source, ordered)))


def test_a_track_that_was_left_out_is_named(folder, source, speech):
    two = folder / "two.mov"
    ffmpeg("-i", source, "-f", "lavfi", "-i", "sine=880:r=48000:d=2", "-map", "0:v", "-map", "0:a", "-map", "1:a", two)
    bad = dubbed(folder / "lone.mov", source, speech, "-map", "-0:a")
    assert "TRACKS" in failed(verify(bad, two))


def test_without_an_edit_map_it_says_what_was_changed(delivery, source):
    verdict = verify(delivery, source)
    (row,) = [row for row in verdict.rows if row.code == "PIXELS"]
    assert verdict.good and row.state == "note"
    assert row.delivery == "20 frames changed" and "from frame 10 (10:00:00:10" in row.message


def test_ten_bits_are_compared_in_ten_bits(folder, speech):
    deep, good = folder / "deep.mkv", folder / "deeper.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=1", "-pix_fmt", "yuv422p10le", "-c:v", "ffv1", deep)
    ffmpeg("-i", deep, "-i", speech, "-t", "1", "-metadata:s:a:0", "language=por", "-c:v", "ffv1", good)
    assert failed(verify(good, deep, Ordered([]))) == {}
    off = folder / "off.mkv"
    lifted = "lutyuv=y=val+1:u=val:v=val"
    ffmpeg("-i", deep, "-i", speech, "-t", "1", "-vf", lifted, "-metadata:s:a:0", "language=por", "-c:v", "ffv1", off)
    verdict = verify(off, deep, Ordered([]))
    assert set(failed(verdict)) == {"PIXELS_OUTSIDE", "PIXELS_ALTERED"}
    assert verdict.figures["outside_db"] > 55


def test_times_are_exact_fractions_and_start_where_they_did(folder, speech):
    ntsc, good = folder / "ntsc.mp4", folder / "ntsc-dub.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x120:r=30000/1001:d=2", *CODING, "-pix_fmt", "yuv420p", ntsc)
    ffmpeg("-i", ntsc, "-i", speech, "-c:v", "copy", "-metadata:s:a:0", "language=por", good)
    verdict = verify(good, ntsc)
    assert failed(verdict) == {}, "a container that counts milliseconds rounds"
    assert Fraction(next(row for row in verdict.rows if row.code == "RATE").source) == Fraction(30000, 1001)
