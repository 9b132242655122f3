"""How a batch stands in figures, from columns of its ledger: rows become objects only where they end a job."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from flows.state import BatchState, planned_jobs, state_of
from infra.rows import JOB, Status, from_table
from infra.settings import STAGES
from infra.standing import read_standing, taken
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
    jobs = {row["job"] for row in plan}
    listed = zip(*(rows[name].to_pylist() for name in ("job", "stage", "status", "start", "end")), strict=True)
    ends, counted, seconds = list[int](), Counter[tuple[str, str]](), defaultdict[str, float](float)
    for place, (job, stage, status, start, end) in enumerate(listed):
        if plan and job not in jobs:
            continue
        if stage == JOB:
            ends.append(place)
        counted[stage, status] += 1
        if status == Status.SUCCEEDED:
            seconds[stage] += end - start
    state = state_of(batch, plan, from_table(taken(rows, ends)))
    return state, {stage: StageTally(*_counts(counted, stage), seconds[stage]) for stage in STAGES}


def _counts(counted: Counter[tuple[str, str]], stage: str) -> tuple[int, int, int]:
    """Made, reused and failed."""
    made, reused, failed = (counted[stage, status] for status in (Status.SUCCEEDED, Status.REUSED, Status.FAILED))
    return made, reused, failed
