"""Mux: frames, times, sound and tags of the deliverable, read back by an independent decoder."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.signal import correlate

from emodiff_core.audio import read_sound
from emodiff_core.media import decode, frames_for, probe
from emodiff_core.refusal import Refusal
from infra.errors import Bug
from infra.settings import Settings
from tasks.mux import Mux
from tasks.stage import Item, Result
from tests.poison import ffmpeg, good_video, write_wav
from tests.tasks.artifacts import CROP, JOB, footage_crop, item_of, portrait_crop, samples_of, speech_audio, take

RATES = ["24000/1001", "24/1", "25/1", "30000/1001", "50/1", "60000/1001"]


def picture_of(width: int = 128, height: int = 96) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 200], -1).astype(np.uint8)


def faces(count: int) -> list[np.ndarray]:
    """Takes that tell their frame by their brightness."""
    return [np.full((CROP[3], CROP[2], 3), 40 + k % 170, np.uint8) for k in range(count)]


def clicks(path: Path, seconds: float) -> Path:
    """Noise that fades in and out: any shift shows in its correlation."""
    count = round(seconds * 48000)
    return write_wav(path, np.random.default_rng(0).normal(0, 0.1, count) * np.hanning(count))


def mux(item: Item) -> Result:
    stage = Mux()
    stage.setup(item.settings)
    return stage.run(item)


def portrait_item(tmp_path: Path, seconds: float = 1.5, rate: str = "25/1", spans: int = 2, **more: object) -> Item:
    audio = speech_audio(tmp_path / "audio", clicks(tmp_path / "s.wav", seconds))
    count = frames_for(samples_of(audio), 48000, Fraction(rate))
    inputs = {"crop": portrait_crop(tmp_path / "crop", picture_of()), "audio": audio}
    cuts = np.linspace(0, count, spans + 1).astype(int)
    for k in range(spans):
        first, end = int(cuts[k]), int(cuts[k + 1])
        inputs[f"generate/{k:03d}"] = take(tmp_path / f"g{k}", first, faces(count)[first:end], Fraction(rate))
    settings = Settings(picture={"rate": rate}, **more)
    return item_of(tmp_path / "mux", inputs, JOB, settings)


def streams(path: Path) -> tuple[av.VideoStream, av.AudioStream, dict[str, str]]:
    with av.open(str(path)) as file:
        return file.streams.video[0], file.streams.audio[0], dict(file.metadata)


@pytest.mark.parametrize("rate", RATES)
def test_a_portrait_has_exactly_the_frames_and_the_length_of_its_speech(rate, tmp_path):
    item = portrait_item(tmp_path, 1.234, rate)
    result = mux(item)
    frames = list(decode(item.out / "video.mp4"))
    exact = Fraction(rate)
    assert len(frames) == result.figures["frames"] == -(-Fraction(1234, 1000) * exact // 1)
    assert [f.time for f in frames] == [k / exact for k in range(len(frames))]
    picture, sound, _ = streams(item.out / "video.mp4")
    length = len(frames) / exact
    assert picture.duration * picture.time_base == length
    assert abs(sound.duration * sound.time_base - length) <= Fraction(1, 48000)
    assert picture.start_time == 0 and sound.start_time == 0


def test_the_new_face_lies_in_its_rectangle_and_the_picture_around_it(tmp_path):
    item = portrait_item(tmp_path)
    mux(item)
    x, y, w, h = CROP
    source = picture_of().astype(int)
    for frame in decode(item.out / "video.mp4"):
        inside = frame.picture[y + 4 : y + h - 4, x + 4 : x + w - 4]
        assert abs(inside.mean() - (40 + frame.index)) < 1.5
        assert np.abs(frame.picture[:, x + w + 8 :].astype(int) - source[:, x + w + 8 :]).mean() < 3


def test_speech_begins_with_the_first_sample(tmp_path):
    item = portrait_item(tmp_path)
    mux(item)
    given = read_sound(item.inputs["audio"] / "speech.wav", 48000, 1)[:, 0]
    heard = read_sound(item.out / "video.mp4", 48000, 1)[:, 0]
    lag = correlate(heard, given, "full", "fft").argmax() - len(given) + 1
    assert abs(lag) <= 1
    assert len(heard) == round(json.loads((item.out / "video.json").read_text())["seconds"] * 48000)


def test_tags_name_the_language_the_title_and_what_made_it(tmp_path):
    item = portrait_item(tmp_path)
    mux(item)
    _, sound, tags = streams(item.out / "video.mp4")
    assert sound.metadata["language"] == "por"
    assert tags["title"] == "A Noite"
    assert (
        tags["comment"].startswith("AI-generated") and "anna-pt" in tags["comment"] and "happy 0.8" in tags["comment"]
    )


def test_colours_are_tagged_and_the_index_comes_first(tmp_path):
    item = portrait_item(tmp_path)
    mux(item)
    about = probe(item.out / "video.mp4")
    assert about.colour == (1, 1, 1, False) and about.pixel_format == "yuv420p"
    data = (item.out / "video.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("program", ["auto", "bundled"])
def test_the_same_job_gives_the_same_bytes(program, tmp_path):
    outputs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        item = portrait_item(tmp_path / name, 0.6, mux={"ffmpeg": program})
        mux(item)
        outputs.append(item.out)
    for name in ("video.mp4", "video.json"):
        assert (outputs[0] / name).read_bytes() == (outputs[1] / name).read_bytes()


def test_nothing_but_the_deliverable_is_left(tmp_path):
    item = portrait_item(tmp_path)
    mux(item)
    assert sorted(p.name for p in item.out.iterdir()) == ["video.json", "video.mp4"]


def test_an_odd_picture_gains_a_column_and_loses_none(tmp_path):
    item = portrait_item(tmp_path)
    item.inputs["crop"].rename(tmp_path / "even")
    portrait_crop(tmp_path / "crop", picture_of(127, 95))
    mux(item)
    about = probe(item.out / "video.mp4")
    assert (about.width, about.height) == (128, 96)


def test_a_huge_portrait_is_scaled_to_what_players_show(tmp_path):
    item = portrait_item(tmp_path, mux={"max_side": 100})
    mux(item)
    about = probe(item.out / "video.mp4")
    assert (about.width, about.height) == (100, 76)


def test_a_missing_span_stops_the_job_and_leaves_no_video(tmp_path):
    item = portrait_item(tmp_path)
    del item.inputs["generate/001"]
    with pytest.raises(Bug, match="TAKES_INCOMPLETE"):
        mux(item)
    assert list(item.out.iterdir()) == []


def assert_tone(sound: np.ndarray, level: float) -> None:
    """A tone of 48000 / (60 pi) Hz of this level lies in every channel."""
    carrier = np.exp(1j * np.arange(len(sound)) / 30)
    np.testing.assert_allclose(2 * np.abs((sound * carrier[:, None]).mean(0)), level, rtol=0.1)


def test_music_lies_under_the_speech_and_ends_with_the_picture(tmp_path):
    item = portrait_item(tmp_path)
    tone = write_wav(tmp_path / "m.wav", np.tile(0.1 * np.sin(np.arange(480000) / 30)[:, None], 2))
    item.inputs["music"] = tone
    mux(item)
    heard = read_sound(item.out / "video.mp4", 48000)
    given = read_sound(item.inputs["audio"] / "speech.wav", 48000, 2)
    assert heard.shape[1] == 2 and len(heard) == round(1.52 * 48000)
    assert_tone(heard[len(given) :], 0.1)
    assert_tone(heard, 0.1)


def footage_item(tmp_path: Path, video: Path, seconds: float, edited: range) -> Item:
    audio = speech_audio(tmp_path / "audio", clicks(tmp_path / "s.wav", seconds))
    inputs = {"crop": footage_crop(tmp_path / "crop", video), "audio": audio, "picture": video}
    inputs["generate/000"] = take(tmp_path / "g", edited.start, faces(edited.stop)[edited.start :])
    return item_of(tmp_path / "mux", inputs)


@pytest.mark.parametrize("rate", RATES)
def test_footage_keeps_every_frame_and_timestamp(rate, tmp_path):
    video = good_video(tmp_path / "v.mp4", 1.5, "128x96", rate)
    item = footage_item(tmp_path, video, 1.5, range(5, 15))
    mux(item)
    before, after = list(decode(video)), list(decode(item.out / "video.mp4"))
    assert [f.time for f in after] == [f.time - before[0].time for f in before]
    x, y, w, h = CROP
    for old, new in zip(before, after, strict=True):
        assert np.abs(old.picture[:20].mean(-1) - new.picture[:20].mean(-1)).mean() < 4
        changed = np.ptp(new.picture[y + 4 : y + h - 4, x + 4 : x + w - 4].mean(-1)) < 12
        assert changed == (5 <= old.index < 15)


def test_footage_of_variable_rate_keeps_its_own_times(tmp_path):
    even = good_video(tmp_path / "e.mp4", 2, "128x96")
    video = tmp_path / "v.mkv"
    uneven = "setpts='(N+floor(N/3)+floor(N/7))*0.04/TB'"
    ffmpeg("-i", even, "-vf", uneven, "-fps_mode", "passthrough", "-an", "-c:v", "libx264", video)
    item = footage_item(tmp_path, video, 1.0, range(3, 9))
    result = mux(item)
    before, after = list(decode(video)), list(decode(item.out / "video.mp4"))
    assert len(before) == 50 and len({b.time - a.time for a, b in pairwise(before)}) > 1
    assert [f.time for f in after] == [f.time - before[0].time for f in before]
    assert [finding.code for finding in result.findings] == ["PADDED_WITH_SILENCE"]


def test_pixels_that_are_no_squares_stay_so(tmp_path):
    square = good_video(tmp_path / "s.mp4", 1, "128x96")
    video = tmp_path / "v.mp4"
    ffmpeg("-i", square, "-vf", "setsar=16/11", "-c:v", "libx264", "-an", video)
    item = footage_item(tmp_path, video, 1.0, range(0, 5))
    mux(item)
    assert probe(item.out / "video.mp4").aspect == Fraction(16, 11)


def test_speech_longer_than_the_footage_is_refused_with_both_lengths(tmp_path):
    item = footage_item(tmp_path, good_video(tmp_path / "v.mp4", 1, "128x96"), 1.5, range(0, 3))
    with pytest.raises(Refusal, match=r"1\.500 s.*1\.000 s") as refusal:
        mux(item)
    assert refusal.value.code == "SPEECH_TOO_LONG"


def test_an_encoder_that_fails_says_why(tmp_path):
    item = portrait_item(tmp_path)
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'ffmpeg version 9'\necho 'No space left on device' >&2\nexit 1\n")
    program.chmod(0o755)
    stage = Mux()
    stage.setup(Settings(mux={"ffmpeg": str(program)}))
    with pytest.raises(OSError, match="No space left"):
        stage.run(item)
    assert list(item.out.iterdir()) == []
