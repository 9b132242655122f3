"""What `emodiff run` does: settle, plan, run, report, and say how it went."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flows import console
from flows.commands.planning import needs_work, settle_plan
from flows.driver import Driver, Listener, Order, run_plainly
from flows.keeping import keeping
from flows.options import batch_of
from flows.plan_file import read_plan_file
from flows.progress import progress
from flows.stopping import stopping
from flows.titles import FAILED, Titled, publishing
from infra import logs
from infra.errors import SetupError
from infra.fingerprint import Digests
from infra.origins import load
from infra.settings import cache_folder
from infra.storage import open_store
from tasks.licences import settled
from tasks.route import JobOutcome
from tasks.sheet import folder_of, read_sheet


def prepare(sheet: str, root: str, batch: str | None, flags: Sequence[str], file: Path | None) -> Order:
    """An order from the command line. Raises SetupError: sheet, settings, root or name."""
    settings = settled(load(flags, file))
    logs.configure(settings.log)
    name = batch_of(sheet, batch)
    jobs = read_sheet(sheet, settings)
    return Order(name, jobs, folder_of(sheet), open_store(root, settings), settings)


def prepare_planned(plan: Path, sheet: str | None, root: str | None, flags: Sequence[str]) -> Order:
    """The order of a plan's file. Raises SetupError PLAN_FILE, PLAN_ALONE."""
    if sheet is not None or flags:
        hint = "Leave SHEET, --set, --settings and --batch out, or plan again with them"
        raise SetupError("PLAN_ALONE", "A plan holds its sheet and its settings already", hint)
    order, rows = read_plan_file(plan, root)
    logs.configure(order.settings.log)
    return replace(order, agreed=rows)


@dataclass(frozen=True)
class Done:
    """How a run ended. outcomes: by job; report: key of the page; seconds: it took; titles: what became of them."""

    outcomes: Mapping[str, JobOutcome]
    report: str
    seconds: float
    titles: Sequence[Titled] = ()


def run_batch(order: Order, as_json: bool) -> int:
    """Run an order and print its result. Returns the exit code. Raises SetupError BATCH_BUSY, PLAN_CHANGED."""
    with progress(order, as_json) as listener:
        done = carry_out(order, listener)
    return tell(order, done, as_json)


def carry_out(order: Order, listener: Listener | None = None, idle: bool = True) -> Done:
    """Hold the batch, plan, run and report. idle: show a server that nothing was to be done, too.

    Raises SetupError BATCH_BUSY, PLAN_CHANGED.
    """
    start = time.monotonic()
    digests = Digests(Path(cache_folder()) / "digests.sqlite")
    with stopping() as stop:
        with ExitStack() as stack:
            lease = stack.enter_context(keeping(order.store, order.batch))
            titles = stack.enter_context(publishing(lease))
            driver = stack.enter_context(Driver(order, listener, digests))
            lease.lost = driver.drain
            # A plan is some 15 KiB a job, so it is not kept for the night.
            work = needs_work(settle_plan(order, digests, driver.book))
            digests.save()
            stop.within = order.settings.prefect.cancel_s
            stop.drain = driver.drain
            conduct(driver, work, idle)
        report = _report(order)
    return Done(driver.outcomes, report, time.monotonic() - start, titles)


def conduct(driver: Driver, work: bool, idle: bool = True) -> None:
    """Run all jobs; through Prefect unless there is nothing to do and nobody who watches.

    A flow in the main thread would take SIGTERM for itself and break off; in another it leaves signals alone.
    """
    from flows.engine import has_server, settle

    if not work and not (idle and has_server()):
        run_plainly(driver)
        return
    settle(driver.order.store)
    if work:
        driver.warm()
    from flows.batch import run_with_prefect

    with ThreadPoolExecutor(1, thread_name_prefix="flow") as thread:
        thread.submit(copy_context().run, run_with_prefect, driver).result()


def _report(order: Order) -> str:
    from flows.report.page import write_report

    return write_report(order.store, order.batch)


def tell(order: Order, done: Done, as_json: bool) -> int:
    """Print how it went, in the order of the sheet; failures first for people."""
    missing = JobOutcome("", "stopped", message="The batch was stopped before this job began")
    results = [(job.job_id, done.outcomes.get(job.job_id, missing)) for job in order.jobs]
    rows = [_result(order, job_id, outcome) for job_id, outcome in results]
    counts = {name: sum(row["status"] == name for row in rows) for name in ("shipped", "failed", "stopped")}
    address = order.store.address(done.report)
    if as_json:
        about = {"batch": order.batch, "root": order.store.root, "report": address, "seconds": round(done.seconds, 3)}
        console.emit(about | {"counts": counts, "jobs": rows, "titles": [asdict(one) for one in done.titles]})
    else:
        _print(order, rows, counts, address, done.seconds)
    unpublished = any(one.outcome == FAILED for one in done.titles)
    return 0 if counts["shipped"] == len(rows) and not unpublished else 1


def _result(order: Order, job_id: str, outcome: JobOutcome) -> dict[str, Any]:
    delivery = order.store.address(outcome.delivery) if outcome.delivery else None
    return {
        "job_id": job_id,
        "status": outcome.status,
        "code": outcome.code or None,
        "message": outcome.message or None,
        "hint": outcome.hint or None,
        "delivery": delivery,
        "seconds": round(outcome.seconds, 3),
    }


def _print(order: Order, rows: list[dict[str, Any]], counts: dict[str, int], report: str, seconds: float) -> None:
    shown = [_line(row) for row in sorted(rows, key=lambda row: row["status"] == "shipped")]
    console.table("", ("job", "status", "seconds", "result"), shown[:200])
    if len(shown) > 200:
        console.say(f"and {len(shown) - 200} more: emodiff status --root {order.store.root} --batch {order.batch}")
    tally = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    print(f"\n{tally} in {seconds:.1f} s\nReport: {report}")
    if counts["stopped"]:
        console.say(f"{counts['stopped']} jobs remain; the same command goes on from here")


def _line(row: dict[str, Any]) -> tuple[str, str, str, str]:
    failed = f"{row['code']}: {row['message']}" + (f" ({row['hint']})" if row["hint"] else "") if row["code"] else ""
    return row["job_id"], row["status"], f"{row['seconds']:.1f}", row["delivery"] or failed or row["message"] or ""
