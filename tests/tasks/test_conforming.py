"""Conforming: what mux makes of footage is its source but for the takes, and check would notice if it were not."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.quality.edit_map import edl_of, from_json
from infra.settings import Settings
from tasks.conforming import Conformed, conform
from tasks.jobs import Job
from tasks.mux import Mux
from tasks.stage import Item
from tests.poison import ffmpeg, write_wav
from tests.tasks.artifacts import CROP, footage_crop, item_of, speech_audio, take

NTSC = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    """Two spans of a test card at 29.97 whose takes are gray faces."""
    folder = tmp_path_factory.mktemp("inputs")
    video, noise = folder / "v.mov", np.random.default_rng(0).normal(0, 0.1, 48000)
    card = ["-f", "lavfi", "-i", "testsrc2=s=128x96:r=30000/1001:d=1.001", "-pix_fmt", "yuv420p"]
    ffmpeg(*card, "-c:v", "libx264", "-crf", "4", "-timecode", "00:00:59;20", video)
    audio = speech_audio(folder / "audio", write_wav(folder / "s.wav", noise * np.hanning(48000)))
    faces = [np.full((CROP[3], CROP[2], 3), 60 + k, np.uint8) for k in range(20)]
    mask = np.zeros(faces[0].shape[:2], np.uint8)
    mask[4:-4, 6:-6] = 255
    takes = {"generate/000": take(folder / "g0", 5, faces[:8], NTSC, mask=mask)}
    takes["generate/001"] = take(folder / "g1", 20, faces[:5], NTSC, mask=mask)
    return {"crop": footage_crop(folder / "crop", video), "audio": audio, "picture": video} | takes


def dubbed(folder: Path, inputs: dict[str, Path], delivery: str = "h264") -> tuple[Item, Path]:
    job = Job(job_id="anna-pt", picture="p", speech="s", language="pt-BR", delivery=delivery)
    item = item_of(folder, inputs, job, Settings())
    stage = Mux()
    stage.setup(item.settings)
    stage.run(item)
    (video,) = item.out.glob("video.m*")
    return item, video


def codes(found: Conformed) -> list[tuple[str, str]]:
    return [(finding.level, finding.code) for finding in found.findings]


@pytest.mark.parametrize("delivery", ["h264", "ffv1"])
def test_what_mux_makes_conforms(delivery, inputs, tmp_path):
    found = conform(*dubbed(tmp_path, inputs, delivery))
    assert codes(found) == []
    assert found.figures["frames_out"] == found.figures["frames_in"] == 30
    assert found.figures["outside_identical"] == (delivery == "ffv1")
    assert abs(found.figures["sound_offset_ms"]) < 0.1


def test_the_edit_map_is_that_of_the_masks(inputs, tmp_path):
    found = conform(*dubbed(tmp_path, inputs, "ffv1"))
    document = json.loads(json.dumps(found.document))["edits"]
    box = (CROP[0] + 6, CROP[1] + 4, CROP[2] - 12, CROP[3] - 8)
    assert [(e.start, e.end, e.box) for e in from_json(document)] == [(5, 13, box), (20, 25, box)]
    x, y, w, h = box
    corners = {(x, y), (x + w - 1, y), (x, y + h - 1), (x + w - 1, y + h - 1)}
    for edit in from_json(document):
        assert list(edit.outlines) == list(edit.marks)
        assert all(len(polygons) == 1 and set(polygons[0]) == corners for polygons in edit.outlines.values())
    assert [(e["in"], e["out"]) for e in document["events"]] == [
        ("00:00:59;25", "00:01:00;05"),
        ("00:01:00;12", "00:01:00;17"),
    ]
    assert "001  AX       V     C        00:00:59;25 00:01:00;05" in edl_of(document, "A Noite", "anna-pt.mkv")


def test_a_deliverable_that_somebody_touched_does_not(inputs, tmp_path):
    item, video = dubbed(tmp_path, inputs, "ffv1")
    bad = tmp_path / "bad.mkv"
    late = ["-af", "adelay=3000S:all=1", "-vf", "drawbox=enable='eq(n,2)':x=2:y=2:w=2:h=2", "-c:v", "ffv1"]
    ffmpeg("-i", video, *late, bad)
    assert ("error", "PIXELS_ALTERED") in codes(conform(item, bad))
    assert ("error", "SOUND_OFFSET") in codes(conform(item, bad))
