"""How a batch stands, from the storage alone: the plan says which jobs there are, the ledger what became of them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.errors import SetupError
from infra.ledger import Reader, batches, read_plan
from infra.rows import JOB, Attempt
from infra.storage import Store

WAITING = "waiting"


@dataclass(frozen=True)
class JobState:
    """One job. fields: its row of the sheet; end: the row that ended it; rows: what stands for each stage and span;
    plan: action and reason that the newest plan gives it."""

    job_id: str
    fields: Mapping[str, Any]
    end: Attempt | None = None
    rows: tuple[Attempt, ...] = field(default=())
    plan: tuple[str, str] = ("", "")

    @property
    def status(self) -> str:
        """shipped, failed, or waiting where no run brought it to an end."""
        return WAITING if self.end is None else self.end.status

    @property
    def seconds(self) -> float:
        """How long its last run took."""
        return 0.0 if self.end is None else max(0.0, self.end.end - self.end.start)


@dataclass(frozen=True)
class BatchState:
    """All jobs of a batch, in the order of its plan."""

    batch: str
    jobs: tuple[JobState, ...]

    def counts(self) -> dict[str, int]:
        """Jobs by status."""
        return dict(Counter(job.status for job in self.jobs))

    def job(self, job_id: str) -> JobState:
        """One job. Raises SetupError NO_SUCH_JOB."""
        for job in self.jobs:
            if job.job_id == job_id:
                return job
        raise SetupError("NO_SUCH_JOB", f"The batch {self.batch} has no job {job_id}", "`emodiff status` lists them")


def read_state(store: Store, batch: str) -> BatchState:
    """The state of a batch. Raises SetupError NO_SUCH_BATCH."""
    rows = Reader(store, batch).refresh().current()
    return state_of(batch, planned_jobs(store, batch, any_rows=bool(rows)), list(rows.values()))


def planned_jobs(store: Store, batch: str, any_rows: bool, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The newest plan's rows of jobs, none where rows were written without one; columns: only these.

    Raises SetupError NO_SUCH_BATCH where there are no rows either.
    """
    try:
        plan = read_plan(store, batch, JOB, columns)
    except FileNotFoundError:
        plan = []
    if not plan and not any_rows:
        known = ", ".join(batches(store)[-5:]) or "none"
        raise SetupError("NO_SUCH_BATCH", f"There is no batch {batch} at {store.root}", f"There are: {known}")
    return plan


def state_of(batch: str, plan: Sequence[Mapping[str, Any]], rows: Sequence[Attempt]) -> BatchState:
    """The jobs of a plan as rows leave them; without a plan, the jobs that rows are about."""
    planned = {row["job"]: row for row in plan if row["stage"] == JOB}
    by_job: dict[str, list[Attempt]] = {job_id: [] for job_id in planned}
    for row in rows:
        if row.job in planned or not planned:
            by_job.setdefault(row.job, []).append(row)
    return BatchState(batch, tuple(_job(job_id, planned.get(job_id, {}), found) for job_id, found in by_job.items()))


def newest_batch(store: Store) -> str:
    """The batch that was written to last. Raises SetupError NO_SUCH_BATCH."""
    found = {name: store.keys(f"batches/{name}/attempts") for name in batches(store)}
    if not found:
        raise SetupError("NO_SUCH_BATCH", f"There is no batch at {store.root} yet", "`emodiff run SHEET` makes one")
    return max(found, key=lambda name: max((key.rsplit("/", 1)[-1] for key in found[name]), default=""))


def _job(job_id: str, planned: Mapping[str, Any], rows: list[Attempt]) -> JobState:
    fields = json.loads(planned.get("detail") or "{}").get("row", {})
    stages = sorted((row for row in rows if row.stage != JOB), key=lambda row: (row.start, row.stage, row.span or 0))
    end = next((row for row in rows if row.stage == JOB), None)
    if end is not None and end.ok and planned.get("fingerprint") not in (None, "", end.fingerprint):
        # What shipped was made from other inputs than are planned now.
        end = None
    plan = planned.get("action") or "", planned.get("reason") or ""
    return JobState(job_id, fields, end, tuple(stages), plan)
