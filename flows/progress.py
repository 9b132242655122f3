"""What is seen while a batch runs: a bar for each stage on a terminal, JSON lines elsewhere."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flows.driver import Listener, Order
from infra.logs import harmless, logger
from infra.rows import JOB, Attempt, Status
from infra.settings import STAGES
from tasks.execute import Work
from tasks.route import JobOutcome

EVERY_S = 10.0


@dataclass
class Tally:
    """Counts by stage. asked: pieces of work that were begun or wait; done, failed, reused: rows."""

    jobs: int
    began: float = field(default_factory=time.monotonic)
    asked: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)

    def row(self, row: Attempt) -> None:
        """Count a row."""
        if row.stage != JOB:
            kind = self.reused if row.status == Status.REUSED else self.done if row.ok else self.failed
            kind[row.stage] += 1

    def rate(self) -> float:
        """Jobs ended a second."""
        return sum(self.ended.values()) / max(time.monotonic() - self.began, 1e-3)

    def left_s(self) -> float | None:
        """Seconds until all jobs have ended at this rate; None while nothing has."""
        ended = sum(self.ended.values())
        return (self.jobs - ended) / self.rate() if ended else None


@contextmanager
def progress(order: Order, as_json: bool) -> Iterator[Listener]:
    """A listener that shows what it hears."""
    tally = Tally(len(order.jobs))
    human = sys.stderr.isatty() and not as_json and order.settings.log.format != "json"
    with _bars(tally) if human else _lines(tally, order.batch) as ended:

        def job(outcome: JobOutcome) -> None:
            tally.ended[outcome.status] += 1
            ended(outcome)

        def asked(work: Work) -> None:
            tally.asked[work.stage] += 1

        yield Listener(asked, tally.row, job)


@contextmanager
def _lines(tally: Tally, batch: str) -> Iterator[Any]:
    log = logger(batch=batch)
    done = threading.Event()

    def tick() -> None:
        while not done.wait(EVERY_S):
            log.info("progress", **_figures(tally))

    def ended(outcome: JobOutcome) -> None:
        """A line for a job's end."""
        about = {"job": outcome.job_id, "status": outcome.status, "seconds": round(outcome.seconds, 2)}
        if outcome.code:
            log.warning("job ended", **about, code=outcome.code, message=outcome.message)
        else:
            log.info("job ended", **about)

    thread = threading.Thread(target=tick, daemon=True, name="progress")
    thread.start()
    try:
        yield ended
    finally:
        done.set()
        thread.join()
        log.info("batch ended", **_figures(tally))


def _figures(tally: Tally) -> dict[str, Any]:
    left = tally.left_s()
    return {
        "jobs": tally.jobs,
        **tally.ended,
        "stages": {stage: tally.done[stage] for stage in STAGES if tally.done[stage]},
        "reused": sum(tally.reused.values()),
        "jobs_per_minute": round(60 * tally.rate(), 2),
        "left_s": None if left is None else round(left, 1),
    }


@contextmanager
def _bars(tally: Tally) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[note]}"),
        TimeRemainingColumn(),
    )
    err = Console(stderr=True)
    with Progress(*columns, console=err, transient=True, refresh_per_second=4) as bars:
        ids = {name: bars.add_task(name, total=tally.jobs, note="") for name in (*STAGES, "jobs")}
        done = threading.Event()
        thread = threading.Thread(target=_paint, args=(bars, ids, tally, done), daemon=True, name="progress")
        thread.start()
        try:
            yield lambda outcome: _announce(err, outcome)
        finally:
            done.set()
            thread.join()


def _paint(bars: Any, ids: dict[str, Any], tally: Tally, done: threading.Event) -> None:
    while not done.wait(0.25):
        for stage in STAGES:
            finished = tally.done[stage] + tally.reused[stage]
            known = tally.asked[stage] + tally.reused[stage]
            pace = tally.done[stage] / max(time.monotonic() - tally.began, 1e-3)
            bars.update(ids[stage], completed=finished, total=max(known, tally.jobs), note=_note(tally, stage, pace))
        bars.update(ids["jobs"], completed=sum(tally.ended.values()), note=_ended(tally))


def _note(tally: Tally, stage: str, pace: float) -> str:
    parts = [f"{60 * pace:.1f}/min"] if tally.done[stage] else []
    parts += [f"{tally.reused[stage]} reused"] if tally.reused[stage] else []
    parts += [f"[red]{tally.failed[stage]} failed[/red]"] if tally.failed[stage] else []
    return " · ".join(parts)


def _ended(tally: Tally) -> str:
    return " · ".join(f"{count} {status}" for status, count in tally.ended.items())


def _announce(err: Any, outcome: JobOutcome) -> None:
    if outcome.status == "failed":
        from rich.text import Text

        err.print(Text(harmless(f"{outcome.job_id} failed  {outcome.code}: {outcome.message}"), style="red"))
