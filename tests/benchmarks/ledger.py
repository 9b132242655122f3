"""What it costs to know how a batch of thousands of jobs stands, on a real S3 endpoint: status from the storage alone.

Rows and plan are those of one real job, many times over, in as many parts as a night writes; `--driver` runs the batch
instead, every job with inputs of its own and stages that cost nothing.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
from rich.console import Console
from rich.table import Table

from flows.commands.planning import forecast, needs_work, settle_plan
from flows.driver import Driver, Listener, Order, run_plainly
from infra.compaction import compact
from infra.fingerprint import Digests
from infra.ledger import read_attempts, read_parts, read_plan, write_plan
from infra.parts import encode, new_part, part_sizes
from infra.rows import Attempt, to_table
from infra.settings import Settings
from infra.storage import Store, open_store
from infra.ulid import ulid
from tasks.route import JobOutcome
from tests.benchmarks.orchestration import held, sheet
from tests.faults.stages import fault_catalog
from tests.flows.here import Here

ROWS_A_PART = 256
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}


@dataclass(frozen=True)
class Stood:
    """Seconds of one whole `emodiff status --json`, from its start to its end, and what the ledger was made of.

    cpu: seconds of CPU of the same command, which a busy machine does not lengthen as much; ran: of the batch itself;
    planned: of a forecast of the same sheet afterwards, when all of it is there; asked: requests to the storage for a
    job while the batch ran; rss: resident bytes of the driver after a fifth of the jobs and at the end, each with what
    the allocator keeps of freed memory given back.
    """

    name: str
    jobs: int
    rows: int
    parts: int
    mib: float
    seconds: float
    cpu: float
    ran: float = 0.0
    planned: float = 0.0
    asked: float = 0.0
    rss: tuple[int, int] = (0, 0)


def show(jobs: int, driver: bool = False) -> None:
    """Measure and print."""
    table = Table(title="`emodiff status --json` of a batch on S3", title_justify="left", box=None)
    driven = ("batch, s", "plan, s", "requests a job", "driver MiB, a fifth", "at the end")
    for column in ("", "jobs", "rows", "parts", "MiB", "status, s", "CPU s", *(driven if driver else ())):
        table.add_column(column)
    for one in stand(jobs, driver):
        sizes = (str(one.jobs), str(one.rows), str(one.parts), f"{one.mib:.1f}")
        long = (f"{one.ran:.0f}", f"{one.planned:.0f}", f"{one.asked:.1f}", *(f"{rss >> 20}" for rss in one.rss))
        table.add_row(one.name, *sizes, f"{one.seconds:.2f}", f"{one.cpu:.2f}", *(long if driver else ()))
    console = Console(width=150)
    console.print(table)
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; target 2 s at 10000 jobs in a quiet machine")


@contextmanager
def endpoint(log: Path) -> Iterator[str]:
    """An S3 server in a process of its own, with an empty bucket `bench`. log: gets a line for each request."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "moto.server", "-p", str(port)]
    with log.open("wb") as lines:
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=lines)
    os.environ.update(CREDENTIALS, EMODIFF_STORAGE__ENDPOINT=address)
    try:
        _until_up(address)
        boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="bench")
        yield address
    finally:
        server.terminate()
        server.wait()


def _until_up(address: str) -> None:
    for _ in range(200):
        try:
            httpx.get(address)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(address)


def stand(jobs: int, driver: bool = False) -> list[Stood]:
    """Status of a batch of so many jobs, before its parts are folded and after."""
    with tempfile.TemporaryDirectory(prefix="emodiff-bench-") as folder, endpoint(Path(folder) / "log") as address:
        settings = Settings(storage={"endpoint": address, "cache": f"{folder}/cache"})
        store = open_store("s3://bench/root", settings)
        if driver:
            watch = _Watch(jobs, Path(folder) / "log")
            ran, planned = _run(store, settings, jobs, watch)
            stood = _status("run by the driver", store, jobs)
            return [replace(stood, ran=ran, planned=planned, asked=watch.asked(), rss=(watch.rss[0], watch.rss[-1]))]
        _write(store, Path(folder), jobs)
        before = _status("many parts, as written", store, jobs)
        compact(store, "night")
        return [before, _status("folded, as at a batch's end", store, jobs)]


class _Watch:
    """Tells how far a batch is, and notes memory at each fifth of it. log: with a line for each request."""

    def __init__(self, jobs: int, log: Path) -> None:
        self.jobs, self.log = jobs, log
        self.start = self.told = time.perf_counter()
        self.shipped = self.requests = 0
        self.rss: list[int] = []
        self.lock = threading.Lock()

    def job(self, outcome: JobOutcome) -> None:
        """Count an ended job; called from many threads."""
        with self.lock:
            self._count(outcome)

    def _count(self, outcome: JobOutcome) -> None:
        self.shipped += outcome.status == "shipped"
        if self.shipped % max(1, self.jobs // 5) == 0:
            self.rss.append(held())
        if self.shipped == self.jobs:
            self.requests = sum(1 for _ in self.log.open("rb"))
        if time.perf_counter() - self.told > 10 or self.shipped == self.jobs:
            self.told = time.perf_counter()
            took, memory = self.told - self.start, psutil.Process().memory_info().rss >> 20
            rate = self.shipped / took
            print(f"{self.shipped} of {self.jobs} shipped, {took:.0f} s, {rate:.1f}/s, {memory} MiB", flush=True)

    def asked(self) -> float:
        """Requests for a job."""
        return self.requests / self.jobs


def _run(store: Store, settings: Settings, jobs: int, watch: _Watch) -> tuple[float, float]:
    """Seconds of the batch, and of a plan of the same sheet after it."""
    with sheet(jobs) as (folder, rows):
        order = Order("night", rows, str(folder), store, settings, fault_catalog())
        digests, start = Digests(), time.perf_counter()
        with Driver(order, Listener(job=watch.job), digests) as driver:
            settle_plan(order, digests, driver.book)
            run_plainly(driver)
        shipped = sum(outcome.status == "shipped" for outcome in driver.outcomes.values())
        assert shipped == jobs, f"{shipped} of {jobs} shipped"
        ended = time.perf_counter()
        assert not needs_work(forecast(order, digests))
        return ended - start, time.perf_counter() - ended


def _write(store: Store, folder: Path, jobs: int) -> None:
    """One job is run; its plan and rows are told of every job."""
    here = Here(open_store(folder / "root"), folder / "sheet")
    here.run(here.job("j"))
    plan, made = read_plan(here.store, "night"), read_parts(here.store, "night")
    rows = [replace(row, parts=made.get(row.fingerprint, "{}")) for row in read_attempts(here.store, "night")]
    names = [f"j{number:05}" for number in range(jobs)]
    write_plan(store, "night", [_planned(row, name) for name in names for row in plan])
    for stage in sorted({row.stage for row in rows}):
        mine = [_told(row, name) for name in names for row in rows if row.stage == stage]
        for first in range(0, len(mine), ROWS_A_PART):
            store.create(new_part("night", stage), encode(to_table(mine[first : first + ROWS_A_PART])))


def _planned(row: dict[str, Any], name: str) -> dict[str, Any]:
    return row | {"job": name, "fingerprint": row["fingerprint"] and f"{name}{row['fingerprint'][6:]}"}


def _told(row: Attempt, name: str) -> Attempt:
    return replace(row, job=name, id=ulid(), fingerprint=f"{name}{row.fingerprint[6:]}", output=f"{row.output}{name}")


def _status(name: str, store: Store, jobs: int) -> Stood:
    sizes = part_sizes(store, "night")
    command = [sys.executable, "-m", "flows.cli", "status", "--root", store.root, "--batch", "night", "--json"]
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(done.stdout)
    assert found["counts"] == {"shipped": jobs}, (found["counts"], done.stderr)
    rows = len(read_attempts(store, "night"))
    return Stood(name, jobs, rows, len(sizes), sum(sizes.values()) / 2**20, seconds, cpu)
