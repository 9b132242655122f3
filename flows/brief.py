"""How a batch stands in figures, from columns of its ledger: rows become objects only where they end a job."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.state import BatchState, planned_jobs, state_of
from infra.rows import JOB, Status, from_table
from infra.settings import STAGES
from infra.standing import read_standing
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
    if plan:
        rows = rows.filter(pc.is_in(rows["job"], value_set=pa.array([row["job"] for row in plan], pa.string())))
    ends = from_table(rows.filter(pc.equal(rows["stage"], JOB)))
    return state_of(batch, plan, ends), {stage: _tally(rows, stage) for stage in STAGES}


def _tally(rows: pa.Table, stage: str) -> StageTally:
    mine = rows.filter(pc.equal(rows["stage"], stage))
    counted = Counter(mine["status"].to_pylist())
    made = mine.filter(pc.equal(mine["status"], Status.SUCCEEDED.value))
    seconds = float(np.sum(made["end"].to_numpy() - made["start"].to_numpy()))
    return StageTally(made.num_rows, counted[Status.REUSED], counted[Status.FAILED], seconds)
