"""Flows that a Prefect server starts by itself: what `emodiff` does at a terminal, by schedule or by hand in the UI."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.states import Cancelled, Completed, Failed

from flows.commands.choosing import Filter
from flows.commands.retrying import Again, again_order
from flows.commands.running import Done, carry_out, prepare
from flows.driver import Order
from flows.inbox import Arrived, sheets_in
from infra import logs
from infra.errors import EmodiffError
from infra.logs import logger
from infra.origins import load
from infra.rows import Status
from infra.settings import Settings
from infra.storage import open_store
from tasks.licences import settled

STATUSES = ("shipped", "failed", "stopped")


@dataclass
class Told:
    """What a night says of one sheet. counts: jobs by status; error: why it was not run."""

    batch: str
    report: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    error: str = ""

    @property
    def stopped(self) -> bool:
        """Whether somebody stopped it."""
        return bool(self.counts.get(Status.STOPPED.value))

    @property
    def well(self) -> bool:
        """Whether everything has shipped."""
        return not self.error and set(self.counts) <= {Status.SHIPPED.value}


@flow(name="batch", flow_run_name="{name}", persist_result=False)
def batch(sheet: str, root: str, name: str | None = None, settings: list[str] | None = None) -> Any:
    """One sheet, as `emodiff run SHEET --root ROOT --batch NAME --set ...`."""
    order = prepare(sheet, root, name, settings or [], None)
    return _state([_told(order, carry_out(order))])


@flow(name="nightly", flow_run_name="{inbox}", persist_result=False)
def nightly(inbox: str, root: str, settings: list[str] | None = None, rounds: int = 2, pause_s: float = 300.0) -> Any:
    """Every sheet in a folder or bucket: what is new or changed is run, what is done or failed for good is left.

    rounds: how often a sheet is run where jobs failed for a cause that may pass; pause_s: seconds in between.
    """
    chosen = _settings(settings)
    told: list[Told] = []
    for one in sheets_in(inbox, chosen):
        told.append(_night(one, root, settings or [], rounds, pause_s))
        if told[-1].stopped:
            break
    create_markdown_artifact(key="nightly", markdown=_page(told))
    return _state(told)


@flow(name="reprocess", flow_run_name="{batch}", persist_result=False)
def reprocess(
    root: str,
    batch: str,
    from_stage: str | None = None,
    jobs: list[str] | None = None,
    titles: list[str] | None = None,
    stages: list[str] | None = None,
    codes: list[str] | None = None,
    findings: list[str] | None = None,
    force: bool = False,
    settings: list[str] | None = None,
) -> Any:
    """Jobs of a batch again, as `emodiff reprocess --root ROOT --batch BATCH --from STAGE --title ...`."""
    chosen = _settings(settings)
    wanted = Filter(jobs or (), titles or (), stages or (), codes or (), findings or ())
    again = Again(wanted, force, shipped=True, anew=from_stage)
    order = again_order(open_store(root, chosen), batch, again, chosen)
    if not order.jobs:
        return Completed(message="No job fits, or all that fit failed for a permanent cause")
    return _state([_told(order, carry_out(order))])


def _settings(flags: Sequence[str] | None) -> Settings:
    settings = settled(load(flags or ()))
    logs.configure(settings.log)
    return settings


def _night(one: Arrived, root: str, flags: Sequence[str], rounds: int, pause_s: float) -> Told:
    """One sheet of a night. What is wrong with it is told, and does not stop the others."""
    try:
        order = prepare(one.address, root, one.batch, flags, None)
        told = _told(order, carry_out(order, idle=False))
        for _ in range(rounds - 1):
            if told.stopped or not _may_pass(order):
                break
            time.sleep(pause_s)
            told = _told(order, carry_out(order, idle=False))
        return told
    except EmodiffError as error:
        logger(batch=one.batch).error("sheet not run", code=error.code, message=error.message)
        return Told(one.batch, error=f"{error.code}: {error.message}")


def _may_pass(order: Order) -> bool:
    """Whether a job failed for a cause that may pass by itself."""
    from flows.state import read_state
    from tasks.execute import repeatable

    ends = [job.end for job in read_state(order.store, order.batch).jobs]
    return any(end is not None and repeatable(end) for end in ends)


def _told(order: Order, done: Done) -> Told:
    found = [done.outcomes[job.job_id].status if job.job_id in done.outcomes else "stopped" for job in order.jobs]
    counts = {str(status): found.count(status) for status in STATUSES if status in found}
    return Told(order.batch, order.store.address(done.report), counts)


def _state(told: Sequence[Told]) -> Any:
    """Cancelled where it was stopped, Failed where something did not ship, with what and where to read on."""
    message = "; ".join(_line(one) for one in told) or "No sheet has arrived"
    if any(one.stopped for one in told):
        return Cancelled(message=message)
    return Completed(message=message) if all(one.well for one in told) else Failed(message=message)


def _line(one: Told) -> str:
    tally = ", ".join(f"{count} {status}" for status, count in one.counts.items())
    return f"{one.batch}: {one.error or tally} {one.report}".strip()


def _page(told: Sequence[Told]) -> str:
    head = "| batch | shipped | failed | stopped | report |\n|---|---|---|---|---|\n"
    return head + "".join(_row(one) for one in told)


def _row(one: Told) -> str:
    counts = " | ".join(str(one.counts.get(status, 0)) for status in STATUSES)
    where = f"`{(one.error or one.report).replace('`', '')}`".replace("|", "/").replace("\n", " ")
    return f"| `{one.batch}` | {counts} | {where} |\n"
