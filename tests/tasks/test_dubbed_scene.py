"""Two people in a film and one of them dubbed, through all stages: his face changes where he speaks, nothing else."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from emodiff_core.flame import load_builtin
from emodiff_core.media import decode
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import SCRIPT as STORY
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
from tasks.people import NO_FACE, OFF_SCREEN
from tasks.spans import plan_spans, with_work
from tasks.stage import Item
from tasks.survey import MOUTH_HIDDEN
from tasks.track_file import read_track
from tasks.tracks import read_shot
from tests.scenes import write_film
from tests.voice import say

RATE = 12
SCRIPT = (Scripted((1,), 0.6), Scripted((0, 1), 1.5, close=0.36), Scripted((0,), 1.4, close=0.36, mute=True))


class Dubbed:
    """A film, dubbed stage by stage with a line that lasts from one second to another."""

    def __init__(self, folder: Path, script: tuple[Scripted, ...], line: str, before: float) -> None:
        self.folder, self.settings = folder, Settings()
        self.film = film((person(1, "validation"), person(2, "validation")), load_builtin(), (216, 384), RATE, script)
        self.inputs = {"picture": write_film(folder / "film.mp4", self.film)}
        self.inputs["speech"] = say(folder / "dub.wav", line, before=before)
        self.job = Job(
            job_id="scene",
            picture="film.mp4",
            speech="dub.wav",
            language="en",
            emotion="source",
            trim=True,
        )
        for stage in (Crop(), Expression(), Audio()):
            self.result = self.run(stage, stage.name)
        shot = read_shot(Item(self.job, self.inputs, folder, self.settings))
        self.needs = np.array(shot.needs.kind)
        self.reasons = np.array(read_track(self.inputs["crop"], landmarks=False).reasons, dtype=object)
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

    def activity(self, frame: int) -> float:
        """The largest speech activity of the dub from a frame on."""
        features = load_file(self.inputs["audio"] / "features.safetensors")
        return float(features["activity"][round(self.film.times[frame] * 100) :].max())

    def error(self, frame: int, who: int) -> float:
        """Mean absolute difference of source and dub around the mouth of a person, 0 to 255."""
        points = self.film.scene.points[frame][self.film.who[frame].index(who)][[61, 291, 17, 152], :2]
        (x0, y0), (x1, y1) = np.maximum(points.min(0), 0).astype(int), points.max(0).astype(int)
        before, after = (pictures[frame, y0:y1, x0:x1] for pictures in self.pictures)
        return float(np.abs(before - after).mean())

    def errors(self, who: int, rows: np.ndarray) -> float:
        """The mean of a person's errors over the frames of rows that show them."""
        return float(np.mean([self.error(k, who) for k in np.flatnonzero(rows) if who in self.film.who[k]]))


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory: pytest.TempPathFactory) -> Dubbed:
    return Dubbed(tmp_path_factory.mktemp("scene"), SCRIPT, "No more rain, and no wind", 0.75)


def test_only_the_shot_in_which_the_speaker_speaks_is_rendered(dubbed: Dubbed) -> None:
    first, last = dubbed.film.scene.cuts
    assert set(dubbed.needs[:first]) == {SOURCE} and SPEECH in dubbed.needs[first:last]
    assert all(first <= span.start and span.end <= last for span in dubbed.spans)


def test_while_a_voice_off_screen_speaks_his_face_keeps_its_pixels(dubbed: Dubbed) -> None:
    last = dubbed.film.scene.cuts[1]
    assert OFF_SCREEN in dubbed.reasons[last:] and set(dubbed.needs[last:]) == {SOURCE}
    assert dubbed.activity(last) > 0.5, "the dub speaks there too"
    assert dubbed.errors(0, np.arange(len(dubbed.needs)) >= last) < 1


def test_the_speakers_face_changes_and_the_other_keeps_its_pixels(dubbed: Dubbed) -> None:
    rows = dubbed.needs == SPEECH
    assert dubbed.errors(0, rows) > 2 > 1 > dubbed.errors(1, rows), "what the encoder does to any pixel lies under 1"


def test_frames_that_need_nothing_are_the_sources(dubbed: Dubbed) -> None:
    rows = np.flatnonzero(dubbed.needs == SOURCE)
    before, after = (films[rows] for films in dubbed.pictures)
    assert len(dubbed.pictures[0]) == len(dubbed.pictures[1]) == len(dubbed.film.times)
    assert np.abs(before - after).mean() < 1


def test_the_check_found_the_dubbed_face_in_every_frame_that_is_ours(dubbed: Dubbed) -> None:
    assert dubbed.result.figures["face_found"] == 1
    looked = pq.read_table(dubbed.inputs["check"] / "lips.parquet")["found"].to_numpy()
    assert looked[dubbed.needs == SPEECH].mean() > 0.5, "some are on the way to the source's lips"
    assert not looked[dubbed.needs == SOURCE].any(), "whose frames are the source's costs no look"


@pytest.mark.slow
def test_a_film_with_all_that_happens_in_films_is_dubbed_where_it_can_be(tmp_path: Path) -> None:
    """Cuts, a shot without a face, two heads, a head that turns to profile and back, a hand over the mouth; the dub
    speaks all the time."""
    whole = Dubbed(tmp_path, STORY, " ".join(6 * ["No more rain, and no wind, and nobody at home."]), 0.0)
    assert {NO_FACE, "FACE_TURNED_AWAY", MOUTH_HIDDEN, None} <= set(whole.reasons)
    away = np.array([reason is not None for reason in whole.reasons])
    assert set(whole.needs[away]) == {SOURCE} and whole.result.figures["face_found"] > 0.9
    degrees = np.degrees(np.abs(whole.film.turned))
    there = np.array([0 in who for who in whole.film.who])
    assert away[degrees > 70].all() and away[whole.film.hidden > 0.8].all() and away[~there].all()
    turn = np.flatnonzero(degrees > 70)
    assert SPEECH in whole.needs[turn[0] - 20 : turn[0]] and SPEECH in whole.needs[turn[-1] : turn[-1] + 20], "and back"
    spoken = whole.needs == SPEECH
    assert whole.errors(0, spoken) > 2 and whole.errors(0, away & there) < 1 and whole.errors(1, spoken) < 1
    assert whole.errors(1, np.ones_like(spoken)) < 1 and whole.result.figures["passed"] == 1
