"""One job's way, with stages that cost nothing, in this process."""

import json
from concurrent.futures import Future
from pathlib import Path

import pytest

from flows.book import Book
from infra.fingerprint import Digests
from infra.rows import Attempt, fold
from infra.settings import Settings
from infra.storage import open_store
from tasks.address import ground
from tasks.execute import Bench, Work
from tasks.jobs import Job
from tasks.route import Hands, JobOutcome, run_job
from tests.faults.stages import fault_catalog


class Here:
    """A batch run in this process, and everything that was run and noted."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.root = folder / "root"
        self.store = open_store(self.root)
        self.bench = Bench(str(self.root), self.settings, fault_catalog(), str(self.root / "scratch"))
        self.ran: list[Work] = []
        self.rows: list[Attempt] = []
        (folder / "face.png").write_bytes(b"face")
        (folder / "hello.wav").write_bytes(b"hello")
        self.folder = folder

    def call(self, work: Work) -> "Future[Attempt]":
        """Run work at once."""
        self.ran.append(work)
        future: Future[Attempt] = Future()
        row = self.bench.run(work)
        self.rows.append(row)
        future.set_result(row)
        return future

    def run(self, **fields: object) -> JobOutcome:
        """One job."""
        job = Job.model_validate(
            {"job_id": "a", "picture": "face.png", "speech": "hello.wav", "language": "en"} | fields
        )
        book = Book(fold(self.rows), lambda: {row.fingerprint: row.parts for row in self.rows})
        hands = Hands(
            self.store,
            Digests(),
            str(self.folder),
            self.call,
            self.rows.append,
            book.known,
            book.parked,
            book.last,
        )
        return run_job(job, ground("night", self.settings, fault_catalog(), Digests()), hands)

    def stages(self) -> list[str]:
        """Names of what ran since the last time this was asked."""
        names = [work.stage for work in self.ran]
        self.ran.clear()
        return names


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_a_job_goes_through_all_stages_and_is_delivered(here: Here) -> None:
    outcome = here.run()
    assert (outcome.status, outcome.delivery) == ("shipped", "deliveries/night/a.mp4")
    assert here.stages() == ["crop", "audio", "expression", "generate", "generate", "mux", "check"]
    record = json.loads(here.store.read("deliveries/night/a.json"))
    assert record["made"] == {"takes": 2}
    assert here.store.read("deliveries/night/a.mp4").startswith(b"a\n0 ")


def test_a_second_run_runs_nothing_and_adds_no_rows(here: Here) -> None:
    here.run()
    here.stages()
    before = len(here.rows)
    assert here.run().status == "shipped"
    assert here.stages() == []
    assert here.rows[before:] == []


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        ({"emotion": "happy"}, ["generate", "generate", "mux", "check"]),
        ({"seed": 7}, ["generate", "generate", "mux", "check"]),
        ({"speech": "other.wav"}, ["audio", "generate", "generate", "mux", "check"]),
        ({"speech": "last-line.wav"}, ["audio", "generate", "mux", "check"]),
        ({"title": "A film"}, ["mux", "check"]),
        ({"job_id": "b"}, ["mux", "check"]),
        ({"face": "largest"}, ["crop", "expression", "generate", "generate", "mux", "check"]),
    ],
)
def test_only_what_depends_on_a_change_runs_again(here: Here, change: dict[str, str], runs: list[str]) -> None:
    (here.folder / "other.wav").write_bytes(b"other words")
    (here.folder / "last-line.wav").write_bytes(b"hello\n\n\n\ngoodbye")
    here.run()
    here.stages()
    here.run(**change)
    assert here.stages() == runs


def test_the_same_content_under_another_name_is_the_same_work(here: Here) -> None:
    here.run()
    here.stages()
    (here.folder / "copy.png").write_bytes(b"face")
    here.run(picture="copy.png")
    assert here.stages() == []


def test_new_weights_run_the_generator_again_and_what_follows(here: Here, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"first")
    here.settings = Settings.model_validate({"generate": {"weights": str(weights)}})
    here.run()
    here.stages()
    (weights / "model.safetensors").write_bytes(b"second")
    assert here.run().status == "shipped"
    assert here.stages() == ["generate", "generate", "mux", "check"]


def test_what_failed_for_good_is_not_tried_again_until_its_input_changes(here: Here) -> None:
    assert here.run(title="crop:refuse").code == "NO_FACE"
    assert here.stages() == ["crop", "audio"]
    rows = len(here.rows)
    again = here.run(title="crop:refuse")
    assert (again.status, again.code) == ("failed", "NO_FACE") and again.hint
    assert here.stages() == [] and len(here.rows) == rows
    (here.folder / "face.png").write_bytes(b"another face")
    assert here.run().status == "shipped"


def test_what_a_bug_or_the_surroundings_spoilt_is_tried_again(here: Here) -> None:
    assert here.run(title="expression:bug").code == "BUG"
    here.stages()
    here.run(title="expression:bug")
    assert here.stages() == ["expression"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"picture": "nowhere.png"}, "FILE_MISSING"),
        ({"speech": "."}, "NOT_A_FILE"),
        ({"title": "crop:refuse"}, "NO_FACE"),
        ({"title": "expression:bug"}, "BUG"),
        ({"title": "check:fail"}, "CHECK_FAILED"),
    ],
)
def test_a_failed_job_has_a_code_a_sentence_and_a_remedy(here: Here, fields: dict[str, str], code: str) -> None:
    outcome = here.run(**fields)
    assert (outcome.status, outcome.code, outcome.delivery) == ("failed", code, "")
    assert outcome.message and outcome.hint
    assert here.rows[-1].stage == "job" and here.rows[-1].error_code == code


def test_a_failed_check_keeps_its_findings_as_evidence_and_delivers_nothing(here: Here) -> None:
    outcome = here.run(title="check:fail")
    assert [finding["code"] for finding in outcome.findings] == ["NO_LIPS"]
    assert not here.store.exists("deliveries/night/a.mp4")
    assert here.store.exists(here.rows[-1].output + "/findings.parquet")


def test_a_damaged_artifact_is_made_again(here: Here) -> None:
    here.run()
    here.stages()
    row = next(row for row in here.rows if row.stage == "audio")
    (here.root / row.output / "audio.json").write_text("{}")
    assert here.run().status == "shipped"
    assert here.stages() == ["audio"]


def test_a_row_tells_time_memory_and_where_the_output_is(here: Here) -> None:
    here.run()
    row = next(row for row in here.rows if row.stage == "crop")
    assert row.end > row.start and row.cpu_s >= 0 and row.peak_rss > 1_000_000
    assert row.bytes == sum(path.stat().st_size for path in (here.root / row.output).iterdir())


def test_nothing_half_written_is_left(here: Here) -> None:
    here.run(title="generate:bug")
    assert list((here.root / "scratch").iterdir()) == []
