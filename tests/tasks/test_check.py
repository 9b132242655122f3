"""Check: what a viewer would object to becomes a verdict with evidence."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.numpy import load_file

from emodiff_core.media import frames_for
from emodiff_core.quality.lips import speech_at
from tasks.check import Check
from tasks.mux import Mux
from tasks.stage import Item, Result
from tests.poison import ffmpeg
from tests.talking import CROP, crop_of, mouth_open, portrait
from tests.tasks.artifacts import item_of, portrait_crop, samples_of, speech_audio, take
from tests.voice import say


@pytest.fixture(scope="module")
def talking(tmp_path_factory) -> Path:
    """Artifacts of a job whose mouth follows its speech."""
    folder = tmp_path_factory.mktemp("talking")
    audio = speech_audio(folder / "audio", say(folder / "s.wav", "Come home now, the door is open.", "en-us", 0.6, 0.8))
    portrait_crop(folder / "crop", portrait(), CROP)
    deliver(folder, openings(audio))
    return folder


def openings(audio: Path) -> np.ndarray:
    """Pixels that the mouth should open in each frame: the loudness of the vowels."""
    sound = load_file(audio / "features.safetensors")
    times = np.arange(frames_for(samples_of(audio), 48000, 25)) / 25
    return 14 * np.clip(speech_at(times, (sound["mel"][:, 2:50].mean(1) + 1) * sound["activity"]), 0, 1)


def deliver(folder: Path, pixels: np.ndarray, name: str = "mux") -> Path:
    """Mux takes whose mouth opens by so many pixels."""
    span = take(folder / f"take-{name}", 0, [crop_of(mouth_open(p)) for p in pixels])
    inputs = {"crop": folder / "crop", "audio": folder / "audio", "generate/000": span}
    item = item_of(folder / name, inputs)
    stage = Mux()
    stage.setup(item.settings)
    stage.run(item)
    return item.out


def check(talking: Path, folder: Path, deliverable: Path | None = None) -> tuple[Result, Path]:
    inputs = {"crop": talking / "crop", "audio": talking / "audio", "mux": deliverable or talking / "mux/out"}
    item = item_of(folder, inputs)
    return run(item), item.out


def run(item: Item) -> Result:
    stage = Check()
    stage.setup(item.settings)
    return stage.run(item)


def verdict(out: Path) -> tuple[str, list[str]]:
    said = json.loads((out / "check.json").read_text())
    return said["verdict"], [finding["code"] for finding in said["findings"]]


def test_a_good_deliverable_passes_with_its_figures(talking, tmp_path):
    result, out = check(talking, tmp_path)
    assert verdict(out)[0] == "pass" and result.figures["passed"] == 1
    assert result.figures["face_found"] == 1
    assert result.figures["lip_correlation"] > 0.5 and abs(result.figures["lip_lag_ms"]) < 60
    assert result.figures["lip_motion_rest"] < 0.5 * result.figures["lip_motion_speech"]


def test_evidence_is_left_for_the_report(talking, tmp_path):
    _, out = check(talking, tmp_path)
    lips = pq.read_table(out / "lips.parquet")
    assert lips.column_names == ["frame", "time", "opening", "activity", "found"]
    assert len(lips) == len(openings(talking / "audio"))
    assert pq.read_table(out / "findings.parquet").column_names == ["level", "code", "message", "time"]
    assert Image.open(out / "poster.jpg").size == (400, 360)


def test_a_mouth_that_does_not_move_fails(talking, tmp_path):
    still = deliver(talking, 0 * openings(talking / "audio"), "still")
    result, out = check(talking, tmp_path, still)
    assert verdict(out) == ("fail", ["LIPS_STILL"]) and result.figures["passed"] == 0


def test_lips_of_another_speech_fail(talking, tmp_path):
    """Opened in silence, shut in speech."""
    pixels = openings(talking / "audio")
    wrong = deliver(talking, pixels.max() - pixels, "wrong")
    _, out = check(talking, tmp_path, wrong)
    assert verdict(out)[0] == "fail" and "LIPS_UNRELATED" in verdict(out)[1]


def damaged(talking: Path, folder: Path, *arguments: str) -> Path:
    """The good deliverable after somebody's ffmpeg."""
    folder.mkdir()
    (folder / "video.json").write_bytes((talking / "mux/out/video.json").read_bytes())
    ffmpeg("-i", talking / "mux/out/video.mp4", *arguments, folder / "video.mp4")
    return folder


def test_a_lost_face_fails_with_its_time(talking, tmp_path):
    box = "drawbox=enable='gt(t,1)':color=gray:t=fill"
    gone = damaged(talking, tmp_path / "gone", "-vf", box, "-c:a", "copy")
    result, out = check(talking, tmp_path / "c", gone)
    (finding,) = [f for f in result.findings if f.code == "FACE_LOST"]
    assert verdict(out)[0] == "fail" and finding.time == pytest.approx(1.04, abs=0.05)


def test_late_sound_and_a_lost_language_fail(talking, tmp_path):
    late = ["-af", "adelay=100:all=1", "-metadata:s:a:0", "language=und", "-c:v", "copy", "-shortest"]
    _, out = check(talking, tmp_path / "c", damaged(talking, tmp_path / "late", *late))
    assert {"SOUND_OFFSET", "LANGUAGE"} <= set(verdict(out)[1])


def test_a_broken_stream_is_a_verdict_not_a_crash(talking, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "video.json").write_bytes((talking / "mux/out/video.json").read_bytes())
    data = (talking / "mux/out/video.mp4").read_bytes()
    (folder / "video.mp4").write_bytes(data[: len(data) // 2])
    result, out = check(talking, tmp_path / "c", folder)
    assert verdict(out)[0] == "fail" and "STREAM_BROKEN" in verdict(out)[1]
    assert result.figures["passed"] == 0
