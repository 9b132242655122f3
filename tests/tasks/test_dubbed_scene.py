"""Two people in a film and one of them dubbed, through all stages: his face changes, and nothing else."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from emodiff_core.flame import load_builtin
from emodiff_core.media import decode
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import Scripted, film
from infra.settings import Settings
from tasks.audio import Audio
from tasks.check import Check
from tasks.crop import Crop
from tasks.expression import Expression
from tasks.generate import Generate
from tasks.jobs import Job
from tasks.mux import Mux
from tasks.needs import SOURCE, SPEECH
from tasks.spans import plan_spans, with_work
from tasks.stage import Item
from tasks.tracks import read_shot
from tests.scenes import write_film
from tests.voice import say

RATE = 12
SCRIPT = (Scripted((1,), 0.6), Scripted((0, 1), 1.5, close=0.36))


class Dubbed:
    """The film, dubbed stage by stage."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, Settings()
        self.film = film((person(1, "validation"), person(2, "validation")), load_builtin(), (216, 384), RATE, SCRIPT)
        self.inputs = {"picture": write_film(folder / "film.mp4", self.film)}
        self.inputs["speech"] = say(folder / "dub.wav", "No more rain", before=0.75)
        cut = self.film.scene.cuts[0]
        self.left, self.right = (self.film.scene.points[cut + 3][k][:, :2] for k in (0, 1))
        self.job = Job(
            job_id="scene",
            picture="film.mp4",
            speech="dub.wav",
            language="en",
            emotion="source",
            face="track:1",
            trim=True,
        )
        for stage in (Crop(), Expression(), Audio()):
            self.result = self.run(stage, stage.name)
        shot = read_shot(Item(self.job, self.inputs, folder, self.settings))
        self.needs = np.array(shot.needs.kind)
        activity = np.zeros(0, np.float32)
        shots = pq.read_table(self.inputs["crop"] / "track.parquet")["shot"].to_numpy()
        self.spans = with_work(plan_spans(shot.times, activity, 4.0, shots), shot.needs.rendered)
        for span in self.spans:
            self.run(Generate(), f"generate/{span.index:03}", span)
        for stage in (Mux(), Check()):
            self.result = self.run(stage, stage.name)
        (video,) = self.inputs["mux"].glob("video.m*")
        self.pictures = [
            np.stack([frame.picture for frame in decode(path)]).astype(int) for path in (self.inputs["picture"], video)
        ]

    def run(self, stage, name, span=None):
        out = self.folder / name
        out.mkdir(parents=True)
        stage.setup(self.settings)
        result = stage.run(Item(self.job, dict(self.inputs), out, self.settings, span))
        self.inputs[name] = out
        return result

    def error(self, points: np.ndarray, rows: np.ndarray) -> float:
        """Mean absolute difference of source and dub in the rectangle of some points, 0 to 255."""
        (x0, y0), (x1, y1) = points.min(0).astype(int), points.max(0).astype(int)
        before, after = (films[rows, y0:y1, x0:x1] for films in self.pictures)
        return float(np.abs(before - after).mean())


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory: pytest.TempPathFactory) -> Dubbed:
    return Dubbed(tmp_path_factory.mktemp("scene"))


def test_only_the_shot_with_the_speaker_is_rendered(dubbed: Dubbed) -> None:
    cut = dubbed.film.scene.cuts[0]
    assert set(dubbed.needs[:cut]) == {SOURCE} and SPEECH in dubbed.needs[cut:]
    assert all(span.start >= cut for span in dubbed.spans)


def test_the_speakers_face_changes_and_the_other_keeps_its_pixels(dubbed: Dubbed) -> None:
    rows = np.flatnonzero(dubbed.needs == SPEECH)
    own, other = dubbed.error(dubbed.left[[61, 291, 17, 152]], rows), dubbed.error(dubbed.right, rows)
    assert own > 2 > 1 > other, "what the encoder does to any pixel lies under 1"


def test_frames_that_need_nothing_are_the_sources(dubbed: Dubbed) -> None:
    rows = np.flatnonzero(dubbed.needs == SOURCE)
    before, after = (films[rows] for films in dubbed.pictures)
    assert len(dubbed.pictures[0]) == len(dubbed.pictures[1]) == len(dubbed.film.times)
    assert np.abs(before - after).mean() < 1


def test_the_check_found_the_dubbed_face_in_every_frame_that_is_ours(dubbed: Dubbed) -> None:
    assert dubbed.result.figures["face_found"] == 1
