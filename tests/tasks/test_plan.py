"""The plan: what a run would do, what is there, and which part of a fingerprint is why."""

from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from flows.commands.planning import forecast
from flows.driver import Order
from infra.fingerprint import Digests
from infra.ledger import Writer
from infra.settings import Settings
from tasks.jobs import Job
from tests.faults.stages import fault_catalog
from tests.tasks.test_route import Here


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def plan(here: Here, settings: Settings | None = None, **fields: Any) -> dict[tuple[str, int | None], tuple[str, str]]:
    """Action and reason of each stage and span of one job, after what was run is in the ledger."""
    with Writer(here.store, "night") as writer:
        writer.add(*here.rows)
    job = Job.model_validate({"job_id": "a", "picture": "face.png", "speech": "hello.wav", "language": "en"} | fields)
    order = Order("night", [job], str(here.folder), here.store, settings or here.settings, fault_catalog())
    return {(row["stage"], row["span"]): (row["action"], row["reason"]) for row in forecast(order, Digests())}


def test_a_first_night_runs_everything(here: Here) -> None:
    found = plan(here)
    assert found["crop", None] == ("run", "not made yet")
    assert found["generate", None] == ("run", "follows from crop and audio, which runs first")
    assert found["job", None] == ("run", "crop: not made yet")


def test_what_is_there_is_reused(here: Here) -> None:
    here.run()
    assert {action for action, _ in plan(here).values()} == {"reuse"}


@pytest.mark.parametrize(
    ("fields", "stage", "why"),
    [
        ({"emotion": "happy"}, ("generate", 0), "emotion: neutral -> happy"),
        ({"title": "A film"}, ("mux", None), "title: none -> A film"),
        ({"picture": "other.png"}, ("crop", None), "picture changed"),
        ({"speech": "last-line.wav"}, ("audio", None), "speech changed"),
    ],
)
def test_it_says_which_part_changed(here: Here, fields: dict[str, str], stage: tuple[str, Any], why: str) -> None:
    (here.folder / "other.png").write_bytes(b"another face")
    (here.folder / "last-line.wav").write_bytes(b"hello\n\n\n\ngoodbye")
    here.run()
    found = plan(here, **fields)
    assert found[stage] == ("run", why)
    assert found["job", None] == ("run", f"{stage[0]}: {why}")


def test_a_changed_setting_is_named_with_both_values_and_leaves_the_rest_alone(here: Here) -> None:
    here.run()
    found = plan(here, Settings.model_validate({"generate": {"steps": 4}}))
    assert found["generate", 1] == ("run", "setting generate.steps: 1 -> 4")
    assert found["mux", None] == ("run", "span 0 changed; span 1 changed")
    assert found["crop", None][0] == found["audio", None][0] == "reuse"


def test_a_span_whose_sound_changed_runs_and_its_neighbour_is_reused(here: Here) -> None:
    here.run()
    (here.folder / "hello.wav").write_bytes(b"hello\n\n\n\ngoodbye")
    here.run(title="generate:bug")
    found = plan(here)
    assert found["generate", 0][0] == "reuse" and found["generate", 1] == ("run", "the sound changed")


CUES = "start,end,emotion\n0.5,1.5,happy\n"
MORE = CUES + "6,8,sad\n"


def write_cues(path: Path, text: str, kind: str) -> None:
    """The same rows as a text or as Parquet."""
    path.write_text(text)
    if kind == "parquet":
        pq.write_table(pacsv.read_csv(path), path)


@pytest.mark.parametrize("kind", ["text", "parquet"])
@pytest.mark.parametrize(
    ("before", "after", "runs"), [(CUES, MORE, {1}), (MORE, CUES, {1}), (CUES, CUES.replace("happy", "sad"), {0})]
)
def test_a_changed_cue_runs_the_spans_that_it_reaches(
    here: Here, before: str, after: str, runs: set[int], kind: str
) -> None:
    write_cues(here.folder / "c.csv", before, kind)
    here.run(cues="c.csv")
    write_cues(here.folder / "c.csv", after, kind)
    found = plan(here, cues="c.csv")
    assert {span for (stage, span), (action, _) in found.items() if stage == "generate" and action == "run"} == runs
    assert found["mux", None] == ("run", f"cues changed; span {min(runs)} changed")
    here.run(cues="c.csv")
    assert [work.span.index for work in here.ran if work.stage == "generate" and work.span][2:] == sorted(runs)


def test_cues_that_cannot_be_read_block_the_job(here: Here) -> None:
    here.run()
    (here.folder / "c.csv").write_text("start,end\n1,2\n")
    action, reason = plan(here, cues="c.csv")["job", None]
    assert action == "blocked" and reason.startswith("CUES_INVALID: ")


def test_what_failed_for_good_is_blocked_with_its_code(here: Here) -> None:
    here.run(title="crop:refuse")
    found = plan(here, title="crop:refuse")
    assert found["job", None][0] == "blocked" and found["job", None][1].startswith("NO_FACE: ")
    assert len(found) == 1
