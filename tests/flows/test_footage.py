"""Footage dubbed through the real pipeline: its clock and every pixel but the face's are its own."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
from typer.testing import CliRunner

from emodiff_core.media import decode, read_lossless
from flows.cli import app
from flows.state import read_state
from infra.rows import Attempt
from tasks.needs import EASE, SOURCE, SPEECH
from tasks.track_file import read_track
from tests.flows.nights import Night
from tests.voice import say

FRAMES, RATE = 60, 25


def footage(path: Path) -> Path:
    """A camera that wanders over the photograph of Eileen Collins (public domain)."""
    photograph = skimage.data.astronaut()
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "8"})
        stream.height, stream.width, stream.pix_fmt = 288, 256, "yuv420p"
        for k in range(FRAMES):
            x, y = 96 + round(20 * np.sin(k / 9)), 10 + round(8 * np.cos(k / 7))
            picture = np.ascontiguousarray(photograph[y : y + 288, x : x + 256])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


class Done:
    """The night after its run."""

    def __init__(self, folder: Path) -> None:
        self.night = Night(folder)
        self.film = footage(folder / "film.mp4")
        say(folder / "line.wav", "Come home before it's dark", before=0.1)
        say(folder / "longer.wav", "Come home before it gets dark, or stay where you are")
        base = {"picture": self.film.name, "speech": "line.wav", "language": "en"}
        rows = [base | {"job_id": emotion, "emotion": emotion} for emotion in ("source", "happy")]
        self.night.sheet(*rows, base | {"job_id": "longer", "speech": "longer.wav"})
        sheet = str(folder / "sheet.jsonl")
        self.code, self.document = self.night.ask("run", sheet, "--set", "generate.steps=1")
        self.jobs: dict[str, dict[str, Any]] = {job["job_id"]: job for job in self.document["jobs"]}

    def folders(self, job_id: str, stage: str) -> list[Path]:
        """Where a job's artifacts of a stage lie, in span order."""
        rows = [row for row in read_state(self.night.store, "night").job(job_id).rows if row.stage == stage]
        return [self.night.store.path(row.output) for row in sorted(rows, key=_span)]


def _span(row: Attempt) -> int:
    return row.span or 0


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return Done(tmp_path_factory.mktemp("night"))


def test_both_ship_past_check(done: Done) -> None:
    assert done.document["counts"] == {"shipped": 2, "failed": 1, "stopped": 0}, done.document["jobs"]
    assert done.night.damage() == []


def test_speech_that_outlasts_the_footage_is_refused_before_anything_is_rendered(done: Done) -> None:
    assert (done.code, done.jobs["longer"]["code"]) == (1, "SPEECH_TOO_LONG")
    assert done.folders("longer", "audio") and not done.folders("longer", "generate")


@pytest.mark.parametrize("job_id", ["source", "happy"])
def test_frames_are_as_many_and_shown_when_they_were(done: Done, job_id: str) -> None:
    source = [frame.time for frame in decode(done.film)]
    assert len(source) == FRAMES and source[0] == 0
    assert [frame.time for frame in decode(Path(done.jobs[job_id]["delivery"]))] == source
    with av.open(done.jobs[job_id]["delivery"]) as file:
        assert abs(Fraction(file.streams.audio[0].duration or 0, 48_000) - Fraction(FRAMES, RATE)) < Fraction(1, RATE)


@pytest.mark.parametrize("job_id", ["source", "happy"])
def test_pixels_outside_the_mask_are_the_sources(done: Done, job_id: str) -> None:
    (crop,) = done.folders(job_id, "crop")
    x, y, w, h = read_track(crop).around
    masks = [mask for folder in done.folders(job_id, "generate") for mask in read_lossless(folder / "mask.mkv")]
    takes = [take for folder in done.folders(job_id, "generate") for take in read_lossless(folder / "take.mkv")]
    assert len(masks) == len(takes) == FRAMES
    tables = [pq.read_table(folder / "take.parquet") for folder in done.folders(job_id, "generate")]
    needs = [need for table in tables for need in table["need"].to_pylist()]
    assert SPEECH in needs and (SOURCE in needs) == (job_id == "source"), "an emotion holds in silence too"
    for mask, take, own, need in zip(masks, takes, read_lossless(crop / "crops.mkv"), needs, strict=True):
        least, most = {SOURCE: (-1, 0), EASE: (-1, 0.8)}.get(need, (0.05, 0.8))
        assert least < (mask > 0).mean() <= most
        np.testing.assert_array_equal(take[mask == 0], own[mask == 0])
    pairs = zip(decode(done.film), decode(Path(done.jobs[job_id]["delivery"])), masks, strict=True)
    for before, after, mask in pairs:
        whole = np.zeros(before.picture.shape[:2], np.uint8)
        whole[y : y + h, x : x + w] = mask
        # An encoder's blocks carry a change some pixels further.
        far = cv2.dilate(whole, np.ones((33, 33))) == 0
        error = np.square(before.picture[far].astype(float) - after.picture[far]).mean()
        assert 10 * np.log10(255**2 / error) > 38, "decibels"


def test_the_two_are_different_faces_of_the_same_film(done: Done) -> None:
    films = [[f.picture for f in decode(Path(done.jobs[job_id]["delivery"]))] for job_id in ("source", "happy")]
    (crop,) = done.folders("happy", "crop")
    x, y, w, h = read_track(crop).around
    apart = [np.abs(a.astype(int) - b)[y : y + h, x : x + w].mean() for a, b in zip(*films, strict=True)]
    assert max(apart) > 1


def test_the_client_can_verify_what_was_delivered(done: Done) -> None:
    """With nothing but the two films and the record, through the command."""
    video = Path(done.jobs["source"]["delivery"])
    command = ["verify", str(video), "--source", str(done.film), "--record", str(video.with_suffix(".json")), "--json"]
    result = CliRunner().invoke(app, command)
    said = json.loads(result.stdout)
    assert (result.exit_code, said["verdict"], said["figures"]["frames_out"]) == (0, "pass", FRAMES), said
    fine = {row["code"] for row in said["checks"] if row["state"] == "ok"}
    assert {"PIXELS_OUTSIDE", "SOUND_OFFSET", "TIMES"} <= fine
    assert video.with_suffix(".edl").read_text().splitlines()[1] == "FCM: NON-DROP FRAME"
