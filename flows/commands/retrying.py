"""What `emodiff retry` and `reprocess` do: a batch's plan and ledger give the jobs that are run again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flows import console
from flows.commands.choosing import Filter, choose
from flows.commands.running import run_batch
from flows.driver import Order
from flows.state import newest_batch, read_state
from infra import logs
from infra.errors import SetupError
from infra.ledger import read_plan
from infra.origins import load
from infra.rows import JOB
from infra.settings import STAGES, Settings
from infra.storage import Store, open_store
from tasks.jobs import Job
from tasks.licences import settled


@dataclass(frozen=True)
class Again:
    """What is asked for. shipped: jobs that shipped too; anew: the stage from which on nothing is used again."""

    wanted: Filter = field(default_factory=Filter)
    force: bool = False
    shipped: bool = False
    anew: str | None = None


def run_again(
    root: str, batch: str | None, again: Again, flags: Sequence[str], file: Path | None, as_json: bool
) -> int:
    """Run the chosen jobs again. Returns the exit code of the run; 0 where nothing is chosen."""
    settings = settled(load(flags, file))
    logs.configure(settings.log)
    store = open_store(root, settings)
    name = batch or newest_batch(store)
    order = again_order(store, name, again, settings)
    return run_batch(order, as_json) if order.jobs else _nothing(name, as_json)


def again_order(store: Store, batch: str, again: Again, settings: Settings) -> Order:
    """An order for the chosen jobs of a batch. Raises SetupError NO_SUCH_BATCH, NO_SUCH_JOB, NO_PLAN, NO_SUCH_STAGE."""
    if again.anew is not None and again.anew not in STAGES:
        raise SetupError("NO_SUCH_STAGE", f"There is no stage {again.anew}", f"Name one of {', '.join(STAGES)}")
    order = planned(store, batch, settings)
    chosen = choose(read_state(store, batch), again.wanted, again.force, again.shipped)
    keep = {job.job_id for job in chosen}
    force = again.force or bool(again.wanted.jobs)
    return replace(order, jobs=[job for job in order.jobs if job.job_id in keep], force=force, anew=again.anew)


def planned(store: Store, batch: str, settings: Settings) -> Order:
    """The order that a batch was planned from last. Raises SetupError NO_PLAN."""
    try:
        plan = read_plan(store, batch)
    except FileNotFoundError:
        raise SetupError("NO_PLAN", f"The batch {batch} has no plan", "Run its sheet instead") from None
    rows = [json.loads(row["detail"]) for row in plan if row["stage"] == JOB]
    jobs = [Job.model_validate(row["row"]) for row in rows]
    return Order(batch, jobs, rows[0]["folder"], store, settings, beside=plan)


def _nothing(batch: str, as_json: bool) -> int:
    if as_json:
        console.emit({"batch": batch, "counts": {}, "jobs": []})
    console.say(f"Nothing to do in batch {batch}; permanent causes are left out unless --force or --job names them")
    return 0
