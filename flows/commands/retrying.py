"""What `emodiff retry` does: a batch's plan and ledger give the jobs that should have another try."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows import console
from flows.commands.running import run_batch
from flows.driver import Order
from flows.state import BatchState, JobState, newest_batch, read_state
from infra import errors, logs
from infra.errors import Retry, SetupError
from infra.ledger import read_plan
from infra.origins import load
from infra.rows import JOB
from infra.storage import Store, open_store
from tasks.jobs import Job
from tasks.licences import settled


def run_again(
    root: str,
    batch: str | None,
    job_ids: Sequence[str],
    codes: Sequence[str],
    force: bool,
    flags: Sequence[str],
    file: Path | None,
    as_json: bool,
) -> int:
    """Run the chosen jobs again. Returns the exit code of the run; 0 where there is nothing to retry."""
    settings = settled(load(flags, file))
    logs.configure(settings.log)
    store = open_store(root, settings)
    name = batch or newest_batch(store)
    chosen = choose(read_state(store, name), job_ids, codes, force)
    if not chosen:
        return _nothing(name, as_json)
    order = planned(store, name)
    keep = {job.job_id for job in chosen}
    jobs = [job for job in order.jobs if job.job_id in keep]
    return run_batch(replace(order, jobs=jobs, settings=settings), as_json)


def choose(state: BatchState, job_ids: Sequence[str], codes: Sequence[str], force: bool) -> list[JobState]:
    """Jobs that have not shipped, by filter. Permanent causes only where forced or named."""
    for job_id in job_ids:
        state.job(job_id)
    return [
        job
        for job in state.jobs
        if job.status != "shipped"
        and (not job_ids or job.job_id in job_ids)
        and (not codes or (job.end is not None and job.end.error_code in codes))
        and (force or job.job_id in job_ids or not _permanent(job))
    ]


def planned(store: Store, batch: str) -> Order:
    """The order that a batch was planned from. Raises SetupError NO_PLAN."""
    try:
        rows = [json.loads(row["detail"]) for row in read_plan(store, batch) if row["stage"] == JOB]
    except FileNotFoundError:
        raise SetupError("NO_PLAN", f"The batch {batch} has no plan", "Run its sheet instead") from None
    jobs = [Job.model_validate(row["row"]) for row in rows]
    return Order(batch, jobs, rows[0]["folder"], store, load())


def _permanent(job: JobState) -> bool:
    """Whether another try with the same input ends the same. A missing file may have come, a limit may have changed."""
    if job.end is None or job.end.error_code in ("FILE_MISSING", "FILE_UNREADABLE", "NOT_A_FILE"):
        return False
    kind = getattr(errors, job.end.error_kind, errors.Bug)
    return kind.retry is Retry.NEVER and kind is not errors.SetupError


def _nothing(batch: str, as_json: bool) -> int:
    if as_json:
        console.emit({"batch": batch, "counts": {}, "jobs": []})
    console.say(f"Nothing to retry in batch {batch}; permanent causes are left out unless --force or --job names them")
    return 0
