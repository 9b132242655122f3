"""A plan that was looked at is run exactly so, or refused; and how long it will take is said before."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.book import read_book
from flows.commands.planning import forecast, settle_plan
from flows.driver import Order
from flows.estimate import estimate, past
from flows.plan_file import read_plan_file, write_plan_file
from infra.errors import SetupError
from infra.fingerprint import Digests
from infra.rows import Attempt
from infra.settings import Settings
from tests.faults.stages import fault_catalog
from tests.flows.test_again import Night

ROWS = [{"job_id": "a"}, {"job_id": "b", "seed": 2}, {"job_id": "gone", "picture": "nowhere.png"}]


def agreed(night: Night, file: Path) -> Order:
    """What `emodiff run --plan` makes of what `emodiff plan --out` wrote."""
    order = night.order(*ROWS)
    write_plan_file(file, order, forecast(order, Digests()))
    read, rows = read_plan_file(file)
    return replace(read, catalog=fault_catalog(), agreed=rows)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path)


def test_a_plan_holds_batch_jobs_root_and_settings(night: Night, tmp_path: Path) -> None:
    order = night.order(*ROWS)
    order = replace(order, settings=Settings.model_validate({"generate": {"steps": 3}}))
    write_plan_file(tmp_path / "plan", order, forecast(order, Digests()))
    read, _ = read_plan_file(tmp_path / "plan")
    assert (read.batch, read.store.root, read.folder) == ("night", order.store.root, order.folder)
    assert list(read.jobs) == list(order.jobs) and read.settings.generate.steps == 3


def test_it_runs_where_nothing_changed_even_if_some_was_made_meanwhile(night: Night, tmp_path: Path) -> None:
    order = agreed(night, tmp_path / "plan")
    night.run(night.order(ROWS[0]))
    assert night.run(order) == ["generate", "generate", "mux", "check"]
    assert night.statuses() == {"a": "shipped", "b": "shipped", "gone": "failed"}


@pytest.mark.parametrize("file", ["face.png", "hello.wav", "nowhere.png"])
def test_it_is_refused_where_a_file_changed_or_came_since(night: Night, tmp_path: Path, file: str) -> None:
    order = agreed(night, tmp_path / "plan")
    (night.here.folder / file).write_bytes(b"something else")
    with pytest.raises(SetupError, match="PLAN_CHANGED"):
        settle_plan(order, Digests(), read_book(order.store, "night"))
    assert not night.here.store.keys("batches/night/plans")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"emodiff_plan": 1}', "job_id,picture\n"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan").write_text(text)
    with pytest.raises(SetupError, match="PLAN_FILE"):
        read_plan_file(tmp_path / "plan")
    with pytest.raises(SetupError, match="PLAN_FILE"):
        read_plan_file(tmp_path / "none")


def done(stage: str, seconds: float, job: str = "x", **figures: float) -> Attempt:
    return Attempt("old", job, stage, "succeeded", fingerprint=stage, end=seconds, figures=json.dumps(figures))


def test_an_estimate_counts_equal_work_once_and_spans_by_their_frames(night: Night) -> None:
    order = night.order({"job_id": "a"}, {"job_id": "b", "title": "same picture, same speech"})
    night.run(order, jobs=[])
    history = [done(stage, 2.0) for stage in ("crop", "expression", "audio", "mux", "check")]
    history.append(done("generate", 50.0, frames=100))
    pools = {
        "media": {"stages": ["crop", "audio", "mux", "check"]},
        "model": {"stages": ["expression", "generate"], "count": 2, "gpus": 0.5},
    }
    workers = Settings.model_validate({"workers": {"pools": pools}}).workers
    cold = estimate(forecast(order, Digests()), history, workers)
    assert cold.stages == {"crop": 2.0, "expression": 2.0, "audio": 2.0, "generate": 100.0, "mux": 4.0, "check": 4.0}
    assert cold.seconds == 51.0 and cold.gpu_hours == pytest.approx(102 * 0.5 / 3600)
    night.run(night.order({"job_id": "a", "title": "generate:bug"}))
    warm = estimate(forecast(order, Digests()), history, workers)
    assert warm.stages == {"generate": 0.5 * 225, "mux": 4.0, "check": 4.0}


def test_without_a_past_it_says_that_it_does_not_know(night: Night) -> None:
    order = night.order(ROWS[0])
    found = estimate(forecast(order, Digests()), past(order.store, "night"), Settings().workers)
    assert found.items == 0 and "generate" in found.unknown and found.seconds == 0


def test_the_past_is_what_was_made_in_this_batch_and_others(night: Night) -> None:
    night.run(night.order(ROWS[0]))
    assert sorted(row.stage for row in past(night.here.store, "another")) == [
        "audio", "check", "crop", "expression", "generate", "generate", "mux"
    ]  # fmt: skip
