"""What `emodiff status`, `why` and `report` do: read the storage and say what is in it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flows import console
from flows.brief import StageTally, read_brief
from flows.state import BatchState, JobState, newest_batch, read_state
from infra.logs import harmless
from infra.origins import load
from infra.rows import Attempt
from infra.storage import Store, open_store

SHOWN = 50


def find(root: str, batch: str | None) -> tuple[Store, BatchState]:
    """The store and the state of a batch, the newest where none is named. Raises SetupError NO_SUCH_BATCH."""
    store = open_store(root, load())
    return store, read_state(store, batch or newest_batch(store))


def show_status(root: str, batch: str | None, as_json: bool) -> int:
    """Print how a batch stands. Exit code 1 unless all has shipped."""
    store = open_store(root, load())
    state, tallies = read_brief(store, batch or newest_batch(store))
    stages = {stage: _stage(tally) for stage, tally in tallies.items()}
    jobs = [_brief(job) for job in state.jobs]
    if as_json:
        console.emit({"batch": state.batch, "counts": state.counts(), "stages": stages, "jobs": jobs})
    else:
        open_jobs = [job for job in jobs if job["status"] != "shipped"]
        rows = [(job["job_id"], job["status"], job["code"], job["message"]) for job in open_jobs[:SHOWN]]
        tally = ", ".join(f"{count} {status}" for status, count in state.counts().items())
        names = ("made", "reused", "failed", "seconds", "per item")
        console.table(
            f"Batch {state.batch}: {tally}",
            ("stage", *names),
            [(stage, *(found[name] for name in names)) for stage, found in stages.items()],
        )
        if rows:
            console.table("", ("job", "status", "code", "why"), rows)
    return 0 if all(job.status == "shipped" for job in state.jobs) else 1


def show_why(job_id: str, root: str, batch: str | None, as_json: bool) -> int:
    """Print all that is known of a job."""
    store, state = find(root, batch)
    job = state.job(job_id)
    if as_json:
        rows = [row_as_json(row) for row in (*job.rows, *([job.end] if job.end else []))]
        plan = {"action": job.plan[0], "reason": job.plan[1]}
        console.emit({"batch": state.batch, **_brief(job), "fields": dict(job.fields), "plan": plan, "attempts": rows})
        return 0
    console.table(f"{job.job_id} in batch {state.batch}: {job.status}", ("field", "value"), _fields(job))
    columns = ("stage", "status", "try", "seconds", "CPU s", "MiB", "worker", "when", "what")
    console.table("", columns, [_attempt(row) for row in job.rows])
    if job.end is not None:
        _explain(job.end, store)
    return 0


def write_report_again(root: str, batch: str | None, as_json: bool) -> int:
    """Write the report and say where it is."""
    from flows.report.page import write_report

    store = open_store(root, load())
    address = store.address(write_report(store, batch or newest_batch(store)))
    if as_json:
        console.emit({"report": address})
    else:
        print(address)
    return 0


def row_as_json(row: Attempt) -> dict[str, Any]:
    """A row of the ledger with findings and figures as objects."""
    return asdict(row) | {"findings": json.loads(row.findings), "figures": json.loads(row.figures)}


def _brief(job: JobState) -> dict[str, Any]:
    end = job.end
    return {
        "job_id": job.job_id,
        "status": job.status,
        "code": end.error_code or None if end else None,
        "message": end.message or None if end else None,
        "hint": end.hint or None if end else None,
        "seconds": round(job.seconds, 3),
    }


def _stage(tally: StageTally) -> dict[str, Any]:
    return {
        "made": tally.made,
        "reused": tally.reused,
        "failed": tally.failed,
        "seconds": round(tally.seconds, 2),
        "per item": round(tally.seconds / tally.made, 3) if tally.made else None,
    }


def _fields(job: JobState) -> list[tuple[str, Any]]:
    fields = [(name, value) for name, value in job.fields.items() if value not in (None, "")]
    return [*fields, ("planned to", ": ".join(filter(None, job.plan)))] if any(job.plan) else fields


def _attempt(row: Attempt) -> tuple[Any, ...]:
    name = row.stage if row.span is None else f"{row.stage} {row.span}"
    when = datetime.fromtimestamp(row.start, UTC).strftime("%H:%M:%S")
    what = f"{row.error_code}: {row.message}" if row.error_code else row.fingerprint[:12]
    memory = f"{row.peak_rss / 2**20:.0f}" if row.peak_rss else ""
    seconds, cpu = f"{row.end - row.start:.2f}", f"{row.cpu_s:.2f}"
    return name, row.status, row.attempt, seconds, cpu, memory, row.worker, when, what


def _explain(end: Attempt, store: Store) -> None:
    for finding in end.found():
        time = "" if finding["time"] is None else f" at {finding['time']:.2f} s"
        print(harmless(f"{finding['level']} {finding['code']}{time}: {finding['message']}"))
    if end.error_code:
        print(harmless(f"\n{end.error_code}: {end.message}\nWhat to do: {end.hint}"))
    else:
        print(store.address(end.output))
