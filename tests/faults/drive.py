"""One run of one night, in a process of its own that can be killed: the driver, ledger, report and all, as
`emodiff run` has it; without Prefect unless the night asks for it."""

import ctypes
import faulthandler
import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from tests.faults import injury
from tests.faults.stages import fault_catalog

LIBC = ctypes.CDLL(None)


def main(folder: str, run: str) -> int:
    """Exit code as `emodiff run --json`; 3 for an error that is nobody's. What it says is in run-N.out and .err."""
    base = Path(folder)
    _redirect(base / f"run-{run}")
    try:
        return _main(base, run)
    except KeyboardInterrupt:
        # Before anything ran, as the command line says it; on a busy machine even before the first import.
        print("Aborted.", file=sys.stderr)
        return 1


def _main(base: Path, run: str) -> int:
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    injury.enter(base, "driver")
    from infra.errors import EmodiffError

    used = [usage()]
    try:
        for part in range(json.loads((base / "night.json").read_text())["parts"]):
            code = _run(base, part)
            used.append(usage())
    except EmodiffError as error:
        print(json.dumps({"error": {"code": error.code, "message": error.message}}))
        code = 2
    (base / f"run-{run}.usage").write_text(json.dumps(used))
    return code


def usage() -> dict[str, float]:
    """Open files, threads of Python, bytes of memory that is in use, children.

    Memory that was freed and only kept by an allocator is given back first: how much that is differs by 10 MiB from one
    batch to the next, while what is in use grows by less than 1.
    """
    process = psutil.Process()
    gc.collect()
    pa.default_memory_pool().release_unused()
    if hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "bytes": process.memory_info().rss,
        "cpu": sum(process.cpu_times()[:2]),
        "children": len(process.children()),
    }


def _run(base: Path, part: int) -> int:
    """part: the same jobs in another root each time, to see what a driver gathers that runs many batches."""
    from flows.commands import running
    from flows.driver import Order, run_plainly
    from infra import ledger, logs
    from infra.settings import Settings
    from infra.storage import open_store
    from tasks.jobs import Job

    about = json.loads((base / "night.json").read_text())
    settings = Settings.model_validate(about["settings"])
    logs.configure(settings.log)
    if not part:
        _write_often(ledger.Writer, *about["flush"])
    if not about["prefect"]:
        running.conduct = lambda driver, *_: run_plainly(driver)
    jobs = [Job.model_validate(job) for job in about["jobs"]]
    store = open_store(about["root"] + ("" if not part else f"-{part}"), settings)
    order = Order("night", jobs, str(base), store, settings, fault_catalog())
    code = running.run_batch(order, as_json=True)
    if not hasattr(running, "publishing"):
        from flows.titles import publish_titles

        publish_titles(store, "night")
    return code


def _write_often(writer: Any, rows: int, seconds: float) -> None:
    """A night of minutes writes its ledger several times; so does this one of seconds."""
    usual = writer.__init__

    def often(self: Any, store: Any, batch: str) -> None:
        usual(self, store, batch, rows, seconds)

    writer.__init__ = often


def _redirect(path: Path) -> None:
    for number, ending in ((1, "out"), (2, "err")):
        handle = os.open(f"{path}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(handle, number)
        os.close(handle)
    with suppress(AttributeError):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
