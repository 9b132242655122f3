"""A night's sheet of which half is poison, through the real pipeline: Prefect, Ray, all stages, the command itself."""

from math import ceil
from pathlib import Path
from typing import Any

import av
import pytest

from emodiff_core.audio import read_sound
from flows.state import read_state
from tests.flows.nights import RATE, Night, portrait
from tests.poison import TEN
from tests.voice import say

EMOTIONS = ("neutral", "happy", "sad", "angry", "surprised")
WORDS = {"night.wav": "Good night", "well.wav": "Sleep well"}


class Done:
    """The night after its run."""

    def __init__(self, folder: Path) -> None:
        self.night = Night(folder)
        face = portrait(folder)
        for name, text in WORDS.items():
            say(folder / name, text)
        base = {"picture": face.name, "speech": "night.wav", "language": "en"}
        self.bad = {f"bad-{poison.name}": (poison, poison.make(folder)) for poison in TEN}
        sick = [base | {"job_id": name, poison.column: path.name} for name, (poison, path) in self.bad.items()]
        well = [
            base | {"job_id": f"good-{emotion}-{Path(speech).stem}", "emotion": emotion, "speech": speech}
            for emotion in EMOTIONS
            for speech in WORDS
        ]
        self.good = {row["job_id"]: folder / row["speech"] for row in well}
        self.night.sheet(*(row for pair in zip(sick, well, strict=True) for row in pair))
        self.code, self.document = self.night.run()
        self.jobs: dict[str, dict[str, Any]] = {job["job_id"]: job for job in self.document["jobs"]}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return Done(tmp_path_factory.mktemp("night"))


def test_ten_ship_ten_fail_and_the_exit_code_says_so(done: Done) -> None:
    assert done.code == 1
    assert {name: job["status"] for name, job in done.jobs.items()} == {
        **dict.fromkeys(done.bad, "failed"),
        **dict.fromkeys(done.good, "shipped"),
    }
    assert done.document["counts"] == {"shipped": 10, "failed": 10, "stopped": 0}


def test_each_bad_job_has_its_own_code_and_a_sentence_that_names_the_file(done: Done) -> None:
    for name, (poison, path) in done.bad.items():
        job = done.jobs[name]
        assert job["code"] == poison.code, job
        assert path.name in job["message"] and len(job["hint"]) > 15, job
    assert len({done.jobs[name]["code"] for name in done.bad}) == 10
    assert "20000x20000" in done.jobs["bad-twenty_thousand_pixels"]["message"]


def test_what_shipped_plays_to_its_last_frame(done: Done) -> None:
    for name, speech in done.good.items():
        seconds = len(read_sound(speech, 48_000)) / 48_000
        with av.open(done.jobs[name]["delivery"]) as file:
            frames = [frame.time for frame in file.decode(video=0)]
        with av.open(done.jobs[name]["delivery"]) as file:
            samples = sum(frame.samples for frame in file.decode(audio=0))
        assert frames == pytest.approx([k / RATE for k in range(ceil(seconds * RATE))], abs=1e-4)
        assert seconds <= samples / 48_000 < seconds + 1 / RATE + 1024 / 48_000


def test_nothing_is_half_written(done: Done) -> None:
    deliveries = sorted(path.name for path in (done.night.root / "deliveries/night").iterdir())
    assert deliveries == sorted(f"{name}.{kind}" for name in done.good for kind in ("json", "mp4"))
    assert done.night.damage() == []


def test_what_jobs_share_is_made_once(done: Done) -> None:
    rows = [row for job in read_state(done.night.store, "night").jobs for row in job.rows if row.status == "succeeded"]
    made = [row.stage for row in rows]
    assert (made.count("crop"), made.count("expression"), made.count("audio")) == (1, 1, 2)
    assert made.count("generate") == made.count("mux") == made.count("check") == 10


def test_why_says_what_was_wrong_and_what_to_do(done: Done) -> None:
    code, said = done.night.ask("why", "bad-silent_audio")
    assert (code, said["status"], said["code"]) == (0, "failed", "AUDIO_SILENT")
    assert "silent.wav" in said["message"] and said["hint"]
    assert "audio" in {row["stage"] for row in said["attempts"] if row["status"] == "failed"}


def test_the_report_shows_the_ten_failures_first(done: Done) -> None:
    page = Path(done.document["report"]).read_text()
    places = [page.index(f"<h3>{name} ") for name in (*done.bad, *done.good)]
    assert max(places[:10]) < min(places[10:])
    assert all(done.bad[name][0].code in page for name in done.bad)
