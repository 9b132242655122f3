"""One run of one batch in this process: store, ledger, workers and the count of what happens."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flows.book import read_book
from flows.scratch import scratch
from infra.cluster import cluster
from infra.dispatch import Dispatcher, Hooks
from infra.fingerprint import Digests
from infra.ledger import Writer
from infra.rows import Attempt
from infra.settings import Settings
from infra.storage import Store
from infra.workers import Recipe
from tasks.address import Ground, ground
from tasks.catalog import STAGES, Catalog
from tasks.execute import Work, lost, repeatable
from tasks.jobs import Job
from tasks.route import Hands, JobOutcome, run_job

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Order:
    """What a batch is asked to do.

    folder: what relative paths in the jobs are relative to; force: try again what failed for good; anew: the stage
    from which on nothing is used again; beside: the batch's plan where only some of its jobs are run; agreed: the plan
    that was looked at and is to be run.
    """

    batch: str
    jobs: Sequence[Job]
    folder: str
    store: Store
    settings: Settings
    catalog: Catalog = field(default_factory=lambda: STAGES)
    force: bool = False
    anew: str | None = None
    beside: Sequence[Mapping[str, Any]] = ()
    agreed: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Listener:
    """Who wants to hear: of work asked for, of every row, of every job's end."""

    asked: Callable[[Work], None] = lambda _: None
    row: Callable[[Attempt], None] = lambda _: None
    job: Callable[[JobOutcome], None] = lambda _: None


class Driver:
    """Runs jobs of an order, each from the thread that calls it. A context: rows are lasting when it ends."""

    def __init__(self, order: Order, listener: Listener | None = None, digests: Digests | None = None) -> None:
        self.order = order
        self.listener = listener or Listener()
        self.digests = digests or Digests()
        self.jobs = {job.job_id: job for job in order.jobs}
        self.outcomes: dict[str, JobOutcome] = {}
        self.stopping = threading.Event()
        self.book = read_book(order.store, order.batch, order.force)
        self._exit = ExitStack()

    def __enter__(self) -> "Driver":
        order = self.order
        self.ground: Ground = ground(order.batch, order.settings, order.catalog, self.digests)
        self._writer = self._exit.enter_context(Writer(order.store, order.batch))
        folder = self._exit.enter_context(scratch(order.store))
        recipe = Recipe("tasks.execute", "Bench", (order.store.root, order.settings, order.catalog, str(folder)))
        workers = order.settings.workers
        hooks = Hooks(self._note, lost, repeatable)
        self._dispatcher = Dispatcher(workers, recipe, hooks, lambda: cluster(workers))
        self._exit.callback(self._dispatcher.close)
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def run(self, job_id: str) -> JobOutcome:
        """One job, from its files to its delivery."""
        job = self.jobs[job_id]
        if self.stopping.is_set():
            outcome = JobOutcome(job_id, "stopped", message="The batch was stopped before this job began")
        else:
            outcome = run_job(job, self.ground, self.hands(job))
        self.outcomes[job_id] = outcome
        self.listener.job(outcome)
        return outcome

    def queue(self) -> list[str]:
        """Ids of all jobs, the most urgent first."""
        ranks = {job.job_id: rank(job, index) for index, job in enumerate(self.order.jobs)}
        return sorted(ranks, key=ranks.__getitem__)

    def warm(self) -> None:
        """Begin to start workers, while the caller is still busy with something else."""
        self._dispatcher.warm()

    def admitted(self) -> int:
        """Jobs under way at once: enough that no worker waits, few enough that an urgent one need not."""
        workers = self.order.settings.workers
        return max(8, 2 * workers.in_flight * sum(pool.count for pool in workers.pools.values()))

    def remaining(self) -> list[str]:
        """Ids of jobs that have not ended, the most urgent first."""
        return [job_id for job_id in self.queue() if job_id not in self.outcomes]

    def drain(self, within: float | None = None) -> None:
        """Begin nothing more; what runs is finished, or given up after so many seconds."""
        self.stopping.set()
        self._dispatcher.drain(within)

    def hands(self, job: Job) -> Hands:
        """What a route needs of this driver."""
        order = rank(job, 0)

        def call(work: Work) -> Any:
            self.listener.asked(work)
            return self._dispatcher.submit(work, order)

        book, about = self.book, (self.order.store, self.digests, self.order.folder)
        return Hands(*about, call, self._note, book.known, book.parked, book.last, made=book.made)

    def _note(self, row: Attempt) -> None:
        """A row for the ledger, numbered after those before it."""
        row = self.book.number(row)
        self._writer.add(row)
        self.listener.row(row)


def run_plainly(driver: Driver) -> None:
    """Run all jobs that have not ended, without an engine."""
    with ThreadPoolExecutor(driver.admitted(), thread_name_prefix="job") as threads:
        for future in [threads.submit(driver.run, job_id) for job_id in driver.remaining()]:
            future.result()


def rank(job: Job, index: int) -> tuple[int, float, int]:
    """Sorts jobs: higher priority first, then the earlier deadline, then the sheet's order."""
    deadline = job.deadline or NEVER
    aware = deadline if deadline.tzinfo else deadline.replace(tzinfo=UTC)
    return (-job.priority, aware.timestamp(), index)
