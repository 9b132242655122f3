"""Which jobs are run again, and what of them: from the ledger alone, with stages that cost nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.book import read_book
from flows.commands.choosing import Filter
from flows.commands.planning import forecast, needs_work, settle_plan
from flows.commands.retrying import Again, again_order
from flows.driver import Order
from flows.state import read_state
from infra.errors import SetupError
from infra.fingerprint import Digests
from infra.ledger import Writer, read_plan
from infra.settings import Settings
from tasks.jobs import Job
from tests.faults.stages import fault_catalog
from tests.tasks.test_route import Here

ROWS: list[dict[str, Any]] = [
    {"job_id": "fine", "title": "A film"},
    {"job_id": "no-face", "title": "crop:refuse", "face": "largest"},
    {"job_id": "bug", "title": "mux:bug", "seed": 3},
    {"job_id": "still", "title": "check:fail", "seed": 4},
]


class Night:
    """A batch in this process: planned, run and written down as a driver does it."""

    def __init__(self, folder: Path) -> None:
        self.here = Here(folder)
        self.written = 0

    def order(self, *rows: dict[str, Any]) -> Order:
        """The order of a sheet of these rows."""
        base = {"picture": "face.png", "speech": "hello.wav", "language": "en"}
        jobs = [Job.model_validate(base | row) for row in rows]
        return Order("night", jobs, str(self.here.folder), self.here.store, Settings(), fault_catalog())

    def run(self, order: Order, jobs: Sequence[str] | None = None) -> list[str]:
        """Run an order, or only some of its jobs as if the rest had been killed. Returns the stages that ran."""
        self.here.settings = order.settings
        settle_plan(order, Digests(), read_book(order.store, order.batch, order.force))
        for job in order.jobs:
            if jobs is None or job.job_id in jobs:
                self.here.run(**job.model_dump(mode="json"))
        with Writer(order.store, "night") as writer:
            writer.add(*self.here.rows[self.written :])
        self.written = len(self.here.rows)
        return self.here.stages()

    def again(self, again: Again, settings: Settings | None = None) -> Order:
        """The order of `retry` or `reprocess`."""
        return replace(again_order(self.here.store, "night", again, settings or Settings()), catalog=fault_catalog())

    def statuses(self) -> dict[str, str]:
        return {job.job_id: job.status for job in read_state(self.here.store, "night").jobs}


@pytest.fixture
def night(tmp_path: Path) -> Night:
    night = Night(tmp_path)
    night.run(night.order(*ROWS))
    return night


def ids(order: Order) -> list[str]:
    return [job.job_id for job in order.jobs]


@pytest.mark.parametrize(
    ("again", "jobs"),
    [
        (Again(), ["bug", "still"]),
        (Again(force=True), ["no-face", "bug", "still"]),
        (Again(Filter(jobs=["no-face"])), ["no-face"]),
        (Again(Filter(codes=["BUG"])), ["bug"]),
        (Again(Filter(stages=["mux"])), ["bug"]),
        (Again(Filter(stages=["check"])), ["still"]),
        (Again(Filter(findings=["NO_LIPS"])), ["still"]),
        (Again(Filter(titles=["A film"])), []),
        (Again(Filter(titles=["A film"]), shipped=True), ["fine"]),
        (Again(shipped=True), ["fine", "bug", "still"]),
        (Again(Filter(titles=["mux:bug"], codes=["CHECK_FAILED"])), []),
    ],
)
def test_retry_and_reprocess_take_what_the_filters_say(night: Night, again: Again, jobs: list[str]) -> None:
    assert ids(night.again(again)) == jobs


def test_a_job_or_stage_that_is_not_there_is_said(night: Night) -> None:
    with pytest.raises(SetupError, match="NO_SUCH_JOB"):
        night.again(Again(Filter(jobs=["nobody"])))
    with pytest.raises(SetupError, match="NO_SUCH_STAGE"):
        night.again(Again(anew="lips"))


def test_where_nothing_can_be_done_nothing_is_started(night: Night) -> None:
    order = night.order(ROWS[0], ROWS[1])
    plan = forecast(order, Digests())
    assert not needs_work(plan)
    assert needs_work(forecast(replace(order, force=True), Digests()))


def test_a_night_without_work_adds_no_plan_and_one_with_another_sheet_does(night: Night) -> None:
    plans = len(night.here.store.keys("batches/night/plans"))
    night.run(night.order(ROWS[0], ROWS[1]))
    assert len(night.here.store.keys("batches/night/plans")) == plans + 1
    night.run(night.order(ROWS[0], ROWS[1]))
    assert len(night.here.store.keys("batches/night/plans")) == plans + 1


def test_reprocess_from_a_stage_makes_it_and_what_follows_anew(night: Night) -> None:
    order = night.again(Again(Filter(titles=["A film"]), shipped=True, anew="mux"))
    assert night.run(order) == ["mux", "check"]
    assert {
        row["reason"] for row in read_plan(order.store, "night") if row["job"] == "fine" and row["stage"] == "mux"
    } == {"asked for anew"}
    assert night.statuses()["fine"] == "shipped"


def test_reprocess_with_nothing_new_runs_nothing_and_with_new_settings_what_they_change(night: Night) -> None:
    fine = Again(Filter(jobs=["fine"]), shipped=True)
    assert night.run(night.again(fine)) == []
    steps = Settings.model_validate({"generate": {"steps": 4}})
    assert night.run(night.again(fine, steps)) == ["generate", "generate", "mux", "check"]


def test_a_retry_of_some_leaves_the_others_in_the_plan(night: Night) -> None:
    night.run(night.again(Again(Filter(codes=["BUG"]))))
    assert night.statuses() == {"fine": "shipped", "no-face": "failed", "bug": "failed", "still": "failed"}
    assert [row["job"] for row in read_plan(night.here.store, "night") if row["stage"] == "job"] == [
        row["job_id"] for row in ROWS
    ]


def test_an_edited_sheet_under_the_same_name_is_what_counts_from_then_on(night: Night) -> None:
    edited = [
        {"job_id": "fine", "title": "A film", "emotion": "happy"},
        {"job_id": "bug"},
        {"job_id": "new", "seed": 9},
    ]
    night.run(night.order(*edited), jobs=["bug"])
    assert night.statuses() == {"fine": "waiting", "bug": "shipped", "new": "waiting"}
    plan = {job.job_id: job.plan for job in read_state(night.here.store, "night").jobs}
    assert plan["fine"] == ("run", "generate: emotion: neutral -> happy")
    order = night.again(Again())
    assert ids(order) == ["fine", "new"] and order.jobs[0].emotion == "happy"
    night.run(order)
    assert set(night.statuses().values()) == {"shipped"}
