"""How a batch stands in figures, from columns of its ledger: rows become objects only where they end a job."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from flows.state import BatchState, planned_jobs, state_of
from infra.rows import JOB, Status, from_table
from infra.settings import STAGES
from infra.standing import codes, numbers, read_standing, taken
from infra.storage import Store

COLUMNS = ("start", "error_code", "message", "hint")
PLANNED = ("job", "fingerprint")


@dataclass(frozen=True)
class StageTally:
    """What stands of a stage, one for each job and span. seconds: of all that was made together."""

    made: int
    reused: int
    failed: int
    seconds: float


def read_brief(store: Store, batch: str) -> tuple[BatchState, dict[str, StageTally]]:
    """The state of a batch without its sheet and the rows of its stages, and a tally of those by stage.

    Raises SetupError NO_SUCH_BATCH, LEDGER_DAMAGED, LEDGER_NEWER, TransientError STORAGE.
    """
    rows = read_standing(store, batch, COLUMNS)
    plan = planned_jobs(store, batch, rows.num_rows > 0, PLANNED)
    rows = _of(rows, {row["job"] for row in plan}) if plan else rows
    state = state_of(batch, plan, from_table(_where(rows, "stage", JOB)))
    return state, {stage: _tally(_where(rows, "stage", stage)) for stage in STAGES}


def _of(rows: pa.Table, jobs: set[str]) -> pa.Table:
    """The rows of some jobs."""
    places, names = codes(rows, "job")
    known = np.array([name in jobs for name in names], bool)
    return rows if known.all() else taken(rows, np.flatnonzero(known[places]))


def _where(rows: pa.Table, column: str, value: str) -> pa.Table:
    places, names = codes(rows, column)
    return taken(rows, np.flatnonzero(np.array([name == value for name in names], bool)[places]))


def _tally(rows: pa.Table) -> StageTally:
    places, names = codes(rows, "status")
    counted = dict(zip(names, np.bincount(places, minlength=len(names)).tolist(), strict=True))
    made, reused, failed = (counted.get(status, 0) for status in (Status.SUCCEEDED, Status.REUSED, Status.FAILED))
    done = _where(rows, "status", Status.SUCCEEDED)
    return StageTally(made, reused, failed, float(np.sum(numbers(done, "end") - numbers(done, "start"))))
