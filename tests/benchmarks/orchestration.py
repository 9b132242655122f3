"""What the house costs when the stages cost nothing: seconds a job-stage and memory, against calls made by hand."""

import ctypes
import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import psutil
import pyarrow as pa

from flows.driver import Driver, Listener, Order, run_plainly
from infra.settings import Settings
from infra.storage import open_store
from tasks.execute import Bench, Work
from tasks.jobs import Job
from tasks.route import JobOutcome
from tests.faults.stages import fault_catalog

STAGES_PER_JOB = 7  # crop, expression, audio, two spans, mux, check


@dataclass(frozen=True)
class Measured:
    """seconds: wall time of all jobs, from the first one's beginning; rss: bytes held at each tenth of the jobs;
    driver_s, server_s: CPU seconds of this process and of Prefect's server, which no busy machine lengthens much."""

    name: str
    jobs: int
    seconds: float
    rss: tuple[int, ...] = ()
    driver_s: float = 0.0
    server_s: float = 0.0

    def cpu_ms(self) -> tuple[float, float]:
        """CPU milliseconds of driver and server for one stage of one job."""
        count = self.jobs * STAGES_PER_JOB
        return 1000 * self.driver_s / count, 1000 * self.server_s / count

    @property
    def per_stage_ms(self) -> float:
        """Milliseconds for one stage of one job."""
        return 1000 * self.seconds / (self.jobs * STAGES_PER_JOB)


@contextmanager
def sheet(jobs: int) -> Iterator[tuple[Path, list[Job]]]:
    """A folder with tiny inputs, every job with its own picture and speech so that nothing is shared."""
    with tempfile.TemporaryDirectory(prefix="emodiff-bench-") as name:
        folder = Path(name)
        rows = []
        for index in range(jobs):
            (folder / f"{index}.png").write_bytes(b"face %d" % index)
            (folder / f"{index}.wav").write_bytes(b"speech %d" % index)
            row = {"picture": f"{index}.png", "speech": f"{index}.wav", "language": "en"}
            rows.append(Job.model_validate({"job_id": f"j{index:05}", **row}))
        yield folder, rows


def by_hand(jobs: int) -> Measured:
    """The baseline: the same stages in a loop in this process, each output committed; no Ray, ledger or route."""
    with sheet(jobs) as (folder, rows):
        bench = Bench(str(folder / "root"), Settings(), fault_catalog(), str(folder / "root" / "scratch"))
        start = time.perf_counter()
        for job in rows:
            for work in _works(job, folder):
                row = bench.run(work)
                assert row.ok, row.message
        return Measured("by hand, one process", jobs, time.perf_counter() - start)


def _works(job: Job, folder: Path) -> Iterator[Work]:
    """The seven pieces of one job, addressed by its name."""
    from tasks.stage import Span

    def work(stage: str, after: tuple[str, ...] = (), span: Span | None = None) -> Work:
        key = f"{job.job_id}-{stage}" + (f"-{span.index}" if span else "")
        artifacts = {name: (name.split("/")[0], f"{job.job_id}-{name.replace('/00', '-')}") for name in after}
        return Work("b", job, stage, key, {}, artifacts, span)

    spans = [Span(0, 0, 112), Span(1, 112, 225)]
    yield work("crop")
    yield work("expression", ("crop",))
    yield work("audio")
    for span in spans:
        yield work("generate", ("crop", "expression", "audio"), span)
    yield work("mux", ("crop", "audio", "generate/000", "generate/001"))
    yield work("check", ("mux", "audio"))


def driven(jobs: int, server: int | None = None) -> Measured:
    """The real way: driver, Ray workers, ledger, deliveries. server: process of a Prefect server to report to."""
    with sheet(jobs) as (folder, rows):
        order = Order("bench", rows, str(folder), open_store(folder / "root"), Settings(), fault_catalog())
        watch = _Watch(jobs)
        with Driver(order, Listener(job=watch.job)) as driver:
            _warm(driver)
            before = process_time(), _cpu_s(server)
            watch.start = time.perf_counter()
            _conduct(driver, server is not None)
            seconds = time.perf_counter() - (watch.first or watch.start)
            spent = process_time() - before[0], _cpu_s(server) - before[1]
        failed = [outcome for outcome in driver.outcomes.values() if outcome.status != "shipped"]
        assert not failed, failed[0]
        name = "emodiff with a Prefect server" if server else "emodiff without Prefect"
        return Measured(name, jobs, seconds, tuple(watch.rss), *spent)


def _conduct(driver: Driver, prefect: bool) -> None:
    if not prefect:
        run_plainly(driver)
        return
    from flows.engine import settle

    settle(driver.order.store)
    from flows.batch import run_with_prefect

    run_with_prefect(driver)


def _cpu_s(process: int | None) -> float:
    """CPU seconds of a process and its children so far."""
    if process is None:
        return 0.0
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in family)


def _warm(driver: Driver) -> None:
    """Workers up and their stages loaded: a night starts them once."""
    driver.warm()
    job = next(iter(driver.jobs.values()))
    from tasks.stage import Span

    for stage, span in (("audio", None), ("generate", Span(0, 0, 1))):
        driver.hands(job).call(Work("bench", job, stage, f"warm-{stage}", {}, {}, span)).result(600)


def held() -> int:
    """Resident bytes of this process, after allocators have given back what was freed."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


class _Watch:
    """When the first job ended its wait for the engine, and memory on the way."""

    def __init__(self, jobs: int) -> None:
        self.start = 0.0
        self.first: float | None = None
        self.every = max(1, jobs // 10)
        self.count = 0
        self.rss: list[int] = []

    def job(self, _: JobOutcome) -> None:
        """Count an ended job."""
        if self.first is None:
            self.first = time.perf_counter()
        self.count += 1
        if self.count % self.every == 0:
            self.rss.append(held())
