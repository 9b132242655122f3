"""What `emodiff plan` does: say what would run, what is there, and what is missing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows import console
from flows.book import Book, read_book
from flows.commands import casting
from flows.driver import Order
from flows.estimate import Estimate, estimate, past
from flows.plan_file import refuse_drift, write_plan_file
from flows.report.page import duration
from infra.artifacts import forget_artifact
from infra.fingerprint import Digests
from infra.ledger import read_plan, write_plan
from infra.presence import finder
from infra.rows import JOB
from infra.settings import STAGES
from infra.storage import LocalStore
from tasks.address import ground
from tasks.plan import BLOCKED, REUSE, RUN, plan_job
from tasks.route import Hands

Row = dict[str, Any]
LOOKS = 16


def forecast(order: Order, digests: Digests, book: Book | None = None) -> list[Row]:
    """The plan's rows for every job of an order. book: the ledger's, where it was read already."""
    base = ground(order.batch, order.settings, order.catalog, digests)
    book = book or read_book(order.store, order.batch, order.force)
    find = finder(order.store, STAGES, len(order.jobs))
    hands = Hands(order.store, digests, order.folder, call=_never, parked=book.parked, last=book.last, find=find)
    # A look costs microseconds on a disk and a request on S3, where sixteen are asked at once.
    with ThreadPoolExecutor(1 if isinstance(order.store, LocalStore) else LOOKS, thread_name_prefix="plan") as pool:
        planned = pool.map(lambda job: plan_job(job, base, hands), order.jobs)
        return [row for rows in planned for row in rows]


def settle_plan(order: Order, digests: Digests, book: Book) -> list[Row]:
    """The plan of a run that begins, written into the ledger; what is asked for anew is put out of the way first.

    Raises SetupError PLAN_CHANGED where another plan was agreed on.
    """
    plan = forecast(order, digests, book)
    if order.agreed is not None:
        refuse_drift(order.agreed, plan)
    if order.anew is not None:
        late = STAGES[STAGES.index(order.anew) :]
        old = {(row["stage"], row["fingerprint"]) for row in plan if row["stage"] in late and row["action"] == REUSE}
        for stage, value in old:
            forget_artifact(order.store, stage, value)
        plan = [_anew(row, old) for row in forecast(order, digests, book)]
    whole = merged(order.beside, plan)
    if needs_work(plan) or not _says_the_same(order, whole):
        write_plan(order.store, order.batch, whole)
    return plan


def _says_the_same(order: Order, plan: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the batch's newest plan is about the same jobs of the same inputs: a night without work adds none."""
    try:
        before = read_plan(order.store, order.batch)
    except FileNotFoundError:
        return False
    about = [
        [(row["job"], row["fingerprint"], row["detail"]) for row in rows if row["stage"] == JOB]
        for rows in (before, plan)
    ]
    return about[0] == about[1]


def merged(beside: Sequence[Mapping[str, Any]], plan: Sequence[Row]) -> list[Mapping[str, Any]]:
    """A plan of all jobs from that of some: theirs are replaced, the others stay, in their order."""
    rows: dict[str, list[Mapping[str, Any]]] = {row["job"]: [] for row in (*beside, *plan)}
    mine = {row["job"] for row in plan}
    for row in (*(row for row in beside if row["job"] not in mine), *plan):
        rows[row["job"]].append(row)
    return [row for found in rows.values() for row in found]


def _anew(row: Row, old: set[tuple[str, str]]) -> Row:
    asked = row["action"] == RUN and (row["stage"], row["fingerprint"]) in old
    return row | {"reason": "asked for anew"} if asked else row


def needs_work(plan: Sequence[Row]) -> bool:
    """Whether any stage of any job would run."""
    return any(row["action"] == RUN for row in plan)


def show_plan(order: Order, as_json: bool, out: Path | None = None, people: Path | None = None) -> int:
    """Print the plan with an estimate, and keep it as a file. people: a folder, to look at the footage too and leave
    pictures of who is in it there. Exit code 1 where a job is blocked."""
    plan = forecast(order, Digests())
    jobs = [row for row in plan if row["stage"] == "job"]
    stages = _by_stage(plan)
    about = estimate(plan, past(order.store, order.batch), order.settings.workers)
    if out is not None:
        write_plan_file(out, order, plan)
    cast = None if people is None else casting.people(order, plan, people)
    if as_json:
        counts = {name: sum(row["action"] == name for row in jobs) for name in (RUN, REUSE, BLOCKED)}
        said = {"batch": order.batch, "counts": counts, "stages": stages, "estimate": asdict(about), "rows": plan}
        more = ({"plan": str(out)} if out else {}) | ({"footage": cast} if cast is not None else {})
        console.emit(said | more)
    else:
        _print(order, jobs, stages)
        casting.show(cast or [])
        console.say(_sentence(about))
        if out is not None:
            console.say(f"Run exactly this: emodiff run --plan {out}")
    return 1 if any(row["action"] == BLOCKED for row in jobs) else 0


def _sentence(about: Estimate) -> str:
    if not about.stages and not about.unknown:
        return "Nothing to do"
    if about.unknown:
        return f"How long it takes is not known: no past night has done {', '.join(about.unknown)}"
    took = duration(about.seconds)
    return f"About {took} and {about.gpu_hours:.2f} GPU-hours, judging by {about.items} pieces of past work"


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
