"""make bench: tables of what things cost on this machine. Ratios hold elsewhere; milliseconds do not."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from tests.benchmarks.orchestration import Measured, by_hand, driven
from tests.flows.prefect_server import served

TARGET_MS = 15.0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--no-prefect", action="store_true")
    parser.add_argument("--ledger", action="store_true", help="Status of a batch on S3 instead")
    parser.add_argument("--driver", action="store_true", help="With --ledger: have the driver run the batch first")
    chosen = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    if chosen.ledger:
        from tests.benchmarks.ledger import show

        return show(chosen.jobs, chosen.driver)
    baseline = by_hand(max(50, chosen.jobs // 10))
    results = [baseline, driven(chosen.jobs)]
    if not chosen.no_prefect:
        with TemporaryDirectory() as folder, served(Path(folder) / "home") as (url, process):
            os.environ["PREFECT_API_URL"] = url
            results.append(driven(chosen.jobs, process))
    return _print(baseline, results)


def _print(baseline: Measured, results: Sequence[Measured]) -> None:
    table = Table(title="Orchestration with stages that cost nothing", title_justify="left", box=None)
    for column in ("", "jobs", "seconds", "ms a job-stage", "times by hand", "CPU ms", "memory, MiB", "growth"):
        table.add_column(column)
    for one in results:
        ratio = f"{one.per_stage_ms / baseline.per_stage_ms:.2f}"
        cells = (f"{one.seconds:.1f}", f"{one.per_stage_ms:.2f}", ratio, _cpu(one))
        table.add_row(one.name, str(one.jobs), *cells, *_memory(one))
    console = Console(width=130)
    console.print(table)
    load = os.getloadavg()[0]
    console.print(f"{os.cpu_count()} cores, load {load:.1f}; target {TARGET_MS:g} ms a job-stage in a quiet machine")


def _cpu(one: Measured) -> str:
    """Of the driver, and of Prefect's server."""
    driver, server = one.cpu_ms()
    return f"{driver:.2f} + {server:.2f}" if server else f"{driver:.2f}" if driver else ""


def _memory(one: Measured) -> tuple[str, str]:
    if not one.rss:
        return "", ""
    first, last = one.rss[len(one.rss) // 5], one.rss[-1]
    return f"{first / 2**20:.0f} to {last / 2**20:.0f}", f"{(last - first) / 2**20:+.0f}"


if __name__ == "__main__":
    main()
