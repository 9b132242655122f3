"""What `emodiff plan` does: say what would run, what is there, and what is missing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flows import console
from flows.book import Book, read_book
from flows.driver import Order
from infra.fingerprint import Digests
from tasks.address import ground
from tasks.plan import BLOCKED, REUSE, RUN, plan_job
from tasks.route import Hands

Row = dict[str, Any]


def forecast(order: Order, digests: Digests, book: Book | None = None) -> list[Row]:
    """The plan's rows for every job of an order. book: the ledger's, where it was read already."""
    base = ground(order.batch, order.settings, order.catalog, digests)
    book = book or read_book(order.store, order.batch, order.force)
    hands = Hands(order.store, digests, order.folder, call=_never, parked=book.parked, last=book.last)
    return [row for job in order.jobs for row in plan_job(job, base, hands)]


def needs_work(plan: Sequence[Row]) -> bool:
    """Whether any stage of any job would run."""
    return any(row["action"] == RUN for row in plan)


def show_plan(order: Order, as_json: bool) -> int:
    """Print the plan. Exit code 1 where a job is blocked."""
    plan = forecast(order, Digests())
    jobs = [row for row in plan if row["stage"] == "job"]
    stages = _by_stage(plan)
    if as_json:
        counts = {name: sum(row["action"] == name for row in jobs) for name in (RUN, REUSE, BLOCKED)}
        console.emit({"batch": order.batch, "counts": counts, "stages": stages, "rows": plan})
    else:
        _print(order, jobs, stages)
    return 1 if any(row["action"] == BLOCKED for row in jobs) else 0


def _by_stage(plan: Sequence[Row]) -> dict[str, dict[str, int]]:
    """For each stage how many items run and how many are used again; equal work counts once."""
    unique = {(row["stage"], row["fingerprint"] or (row["job"], row["span"])): row["action"] for row in plan}
    counted = Counter((stage, action) for (stage, _), action in unique.items() if stage != "job")
    return {stage: {RUN: counted[stage, RUN], REUSE: counted[stage, REUSE]} for stage, _ in counted}


def _print(order: Order, jobs: Sequence[Row], stages: dict[str, dict[str, int]]) -> None:
    first = {BLOCKED: 0, RUN: 1, REUSE: 2}
    shown = sorted(jobs, key=lambda row: first[row["action"]])[:200]
    lines = [(row["job"], row["action"], row["reason"]) for row in shown]
    console.table(f"Batch {order.batch}", ("job", "action", "why"), lines)
    rows = [(stage, counts[RUN], counts[REUSE]) for stage, counts in stages.items()]
    console.table("", ("stage", "to run", "there already"), rows)


def _never(_: object) -> Any:
    raise AssertionError("a plan runs nothing")
