"""Conformance: a good file passes, and each way of being wrong is named."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.media import decode
from emodiff_core.quality.conformance import Expected, Found, deviations, examine
from tests.poison import ffmpeg, write_wav

SECONDS = Fraction(2)
TIMES = [Fraction(k, 25) for k in range(50)]
EXPECTED = Expected(TIMES, SECONDS, "por")


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    noise = np.random.default_rng(0).normal(0, 0.1, 96000) * np.hanning(96000)
    return write_wav(tmp_path_factory.mktemp("s") / "speech.wav", noise)


def deliver(folder: Path, speech: Path, *more: str, sound: str = "anull") -> Path:
    path = folder / "video.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=2"]
    coding = ["-c:v", "libx264", "-c:a", "aac", "-movie_timescale", "48000", "-metadata:s:a:0", "language=por"]
    ffmpeg(*picture, "-i", speech, "-af", f"aresample=48000,{sound}", *coding, *more, path)
    return path


def found_in(path: Path, speech: Path) -> Found:
    return examine(path, [frame.time for frame in decode(path)], speech)


def codes(found: Found, limit: float = 0.001) -> list[str]:
    return [deviation.code for deviation in deviations(EXPECTED, found, limit)]


def test_a_file_as_ordered_has_no_deviation(speech, tmp_path):
    found = found_in(deliver(tmp_path, speech), speech)
    assert codes(found) == []
    assert abs(found.offset) <= 1 / 48000


@pytest.mark.parametrize("shift", [-1200, -48, 480, 4800])
def test_an_offset_of_the_speech_is_measured_to_the_sample(shift, speech, tmp_path):
    moved = f"adelay={shift}S:all=1" if shift > 0 else f"atrim=start_sample={-shift},asetpts=N/SR/TB"
    path = deliver(tmp_path, speech, sound=f"{moved},apad=whole_len=96000,atrim=end_sample=96000")
    found = found_in(path, speech)
    assert found.offset * 48000 == pytest.approx(shift, abs=1.01)
    assert codes(found, 0.0009) == ["SOUND_OFFSET"]


def test_speech_is_recognised_under_music(speech, tmp_path):
    path = deliver(tmp_path, speech, sound="aeval=val(0)+0.1*sin(2*PI*220*t),aformat=channel_layouts=mono")
    assert abs(found_in(path, speech).offset) <= 1 / 48000


def test_a_wrong_language_is_named(speech, tmp_path):
    found = found_in(deliver(tmp_path, speech, "-metadata:s:a:0", "language=eng"), speech)
    assert codes(found) == ["LANGUAGE"]


def test_missing_frames_and_a_short_picture_are_named(speech, tmp_path):
    found = found_in(deliver(tmp_path, speech, "-vf", "trim=end_frame=48"), speech)
    assert codes(found) == ["FRAME_COUNT", "PICTURE_LENGTH"]


def test_sound_that_ends_early_is_named(speech, tmp_path):
    found = found_in(deliver(tmp_path, speech, sound="atrim=end=1.5"), speech)
    assert codes(found) == ["SOUND_LENGTH", "SOUND_BREAKS_OFF"]


def test_a_frame_at_the_wrong_time_is_named_with_its_place(speech, tmp_path):
    found = found_in(deliver(tmp_path, speech), speech)
    times = [*found.times[:7], found.times[7] + Fraction(1, 12800), *found.times[8:]]
    (deviation,) = deviations(EXPECTED, replace(found, times=times), 0.001)
    assert deviation.code == "FRAME_TIME" and "frame 7" in deviation.message and deviation.time == 0.28


def test_silence_has_no_offset(tmp_path):
    silent = write_wav(tmp_path / "s.wav", np.zeros(96000))
    assert found_in(deliver(tmp_path, silent), silent).offset is None
