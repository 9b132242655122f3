"""How long a plan will take and how many GPU-hours, from what the same stages took in past nights."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from infra.errors import EmodiffError
from infra.ledger import Reader, batches
from infra.rows import JOB, Attempt, Status
from infra.settings import STAGES, Workers
from infra.storage import Store
from tasks.plan import RUN

BATCHES = 5
"""Past batches that are read, the last by name, beside the batch itself."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a stage: for one item, for one frame where frames are counted, and for all items of a job."""

    item: float
    frame: float | None
    job: float


@dataclass(frozen=True)
class Estimate:
    """seconds: wall time with all workers busy; stages: seconds of work by stage; items: past items it stands on;
    unknown: stages that would run and of which nothing is known."""

    seconds: float
    gpu_hours: float
    stages: Mapping[str, float]
    items: int
    unknown: Sequence[str]


def past(store: Store, batch: str) -> list[Attempt]:
    """Finished work of this batch and of some others; what cannot be read is left out."""
    names = [*[name for name in batches(store) if name != batch][-BATCHES:], batch]
    rows: list[Attempt] = []
    for name in names:
        try:
            standing = Reader(store, name).refresh().state.values()
        except EmodiffError:
            continue
        rows += [one.best for one in standing if one.best.status == Status.SUCCEEDED and one.best.stage != JOB]
    return rows


def paces(rows: Iterable[Attempt]) -> dict[str, Pace]:
    """The pace of each stage that was ever done."""
    by_stage: dict[str, list[Attempt]] = defaultdict(list)
    for row in rows:
        by_stage[row.stage].append(row)
    return {stage: _pace(found) for stage, found in by_stage.items()}


def estimate(plan: Sequence[Mapping[str, Any]], rows: Sequence[Attempt], workers: Workers) -> Estimate:
    """What the rows of a plan that run will take; equal work counts once."""
    known = paces(rows)
    runs = {(row["stage"], row["fingerprint"] or row["job"]): row for row in plan if row["action"] == RUN}
    seconds = dict.fromkeys(STAGES, 0.0)
    unknown = []
    for row in (row for row in runs.values() if row["stage"] != JOB):
        pace = known.get(row["stage"])
        if pace is None:
            unknown.append(row["stage"])
        else:
            seconds[row["stage"]] += _seconds(row, pace)
    busy = [sum(seconds[stage] for stage in pool.stages) for pool in workers.pools.values()]
    pools = list(zip(busy, workers.pools.values(), strict=True))
    return Estimate(
        seconds=max((work / max(1, pool.count) for work, pool in pools), default=0.0),
        gpu_hours=sum(work * pool.gpus for work, pool in pools) / 3600,
        stages={stage: round(value, 2) for stage, value in seconds.items() if value},
        items=len(rows),
        unknown=sorted(set(unknown)),
    )


def _pace(rows: Sequence[Attempt]) -> Pace:
    took = [row.end - row.start for row in rows]
    frames = sum(row.measured().get("frames", 0.0) for row in rows)
    jobs = len({(row.batch, row.job) for row in rows})
    return Pace(fmean(took), sum(took) / frames if frames else None, sum(took) / jobs)


def _seconds(row: Mapping[str, Any], pace: Pace) -> float:
    """A span by its frames; a stage whose items are not known yet by what a job took."""
    if not row["fingerprint"]:
        return pace.job
    span = json.loads(row["parts"]).get("span")
    return pace.frame * (span[1] - span[0]) if span and pace.frame else pace.item
