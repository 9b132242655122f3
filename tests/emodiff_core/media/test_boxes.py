from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from emodiff_core.media.boxes import picture_end, tell_languages, tell_light
from emodiff_core.media.light import Light
from tests.poison import ffmpeg

TONE = ("-f", "lavfi", "-i", "sine=d=0.4")


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """Twelve frames with B-frames, whose index comes last."""
    path = tmp_path_factory.mktemp("boxes") / "v.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=80x64:r=25:d=0.48", "-c:v", "libx264", "-movie_timescale", "600", path)
    return path


def test_an_edit_list_tells_where_the_picture_ends(video):
    assert picture_end(video) == (Fraction(12, 25), Fraction(1, 600))


def test_a_file_without_an_edit_list_or_of_another_kind_tells_nothing(video, tmp_path):
    bare, other = tmp_path / "bare.mp4", tmp_path / "v.mkv"
    ffmpeg("-i", video, "-c", "copy", "-use_editlist", "0", bare)
    ffmpeg("-i", video, "-c", "copy", other)
    assert picture_end(bare) is picture_end(other) is None


def test_a_bent_index_is_no_crash(video, tmp_path):
    whole, random, bent = video.read_bytes(), np.random.default_rng(0), tmp_path / "bent.mp4"
    start = whole.index(b"moov") - 4
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(start, len(data), 4):
            data[place] = random.choice([0, 1, 127, 255])
        bent.write_bytes(data[: random.integers(start, len(data) + 1)])
        found = picture_end(bent)
        assert found is None or found[0] > 0


def test_light_is_not_added_before_the_frames(video, tmp_path):
    fast = tmp_path / "fast.mp4"
    ffmpeg("-i", video, "-c", "copy", "-movflags", "+faststart", fast)
    before = fast.read_bytes()
    with pytest.raises(ValueError, match="does not end with its index"):
        tell_light(fast, Light(levels=(1000, 400)))
    assert fast.read_bytes() == before


@pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")])
def test_languages_without_a_number_of_apples_are_read_from_a_mov(video, tmp_path, flags):
    path = tmp_path / "v.mov"
    ffmpeg(
        "-i", video, *TONE, *TONE, *TONE, "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-t", "0.4", *flags, path
    )
    before = path.stat().st_size
    tell_languages(path, ["swe", "deu", "und", "yue"])
    with av.open(str(path)) as file:
        assert [stream.metadata.get("language", "und") for stream in file.streams] == ["swe", "deu", "und", "yue"]
        assert sum(1 for _ in file.decode(video=0)) > 8
    assert path.stat().st_size == before
    told = path.read_bytes()
    tell_languages(path, ["", "German", "d€u", "DEU"])
    assert path.read_bytes() == told


def test_a_file_without_an_index_has_no_place_for_languages(tmp_path):
    (tmp_path / "v.mov").write_bytes(b"\0" * 64)
    with pytest.raises(ValueError, match="has no index"):
        tell_languages(tmp_path / "v.mov", ["deu"])
