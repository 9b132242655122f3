"""The report: one page that needs nothing else, failures first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from flows.report.gather import Budget, Card, card, workers
from flows.report.plots import KINDS
from flows.state import BatchState, JobState, read_state
from infra.ledger import root
from infra.storage import Store

HERE = Path(__file__).parent
MOST_CARDS = 200
ORDER = {"failed": 0, "waiting": 1, "stopped": 1, "shipped": 2}


def report_key(batch: str) -> str:
    """Where a batch's report is in the store."""
    return f"{root(batch)}/report.html"


def write_report(store: Store, batch: str) -> str:
    """Write the report of a batch from its ledger. Returns its key."""
    store.write(report_key(batch), render(store, read_state(store, batch)).encode())
    return report_key(batch)


def render(store: Store, state: BatchState) -> str:
    """The page."""
    budget = Budget()
    jobs = sorted(state.jobs, key=lambda job: ORDER.get(job.status, 1))
    cards = [card(store, state, job, budget) for job in jobs[:MOST_CARDS]]
    return _template().render(
        batch=state.batch,
        counts=state.counts(),
        total=len(state.jobs),
        failed=[one for one in cards if one.status != "shipped"],
        shipped=[one for one in cards if one.status == "shipped"],
        more=[_line(job) for job in jobs[MOST_CARDS:]],
        workers=Markup(workers(state)),
        totals=_totals(state, cards),
        kinds=KINDS,
        style=Markup((HERE / "page.css").read_text("utf-8")),
    )


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True
    )
    # Only what plots.py drew itself is trusted; every text in it is escaped there.
    environment.filters["drawn"] = Markup
    return environment.get_template("page.html")


def _line(job: JobState) -> tuple[str, str, str]:
    return job.job_id, job.status, job.end.error_code if job.end else ""


def _totals(state: BatchState, cards: Sequence[Card]) -> list[tuple[str, str]]:
    rows = [row for job in state.jobs for row in job.rows]
    made = [row for row in rows if row.status == "succeeded"]
    span = max((row.end for row in made), default=0.0) - min((row.start for row in made), default=0.0)
    busy = sum(row.end - row.start for row in made)
    model = sum(row.end - row.start for row in made if row.stage == "generate")
    return [
        ("wall time of the work", duration(span)),
        ("time in stages", duration(busy)),
        ("of it in the model", f"{model / busy:.0%}" if busy else "0%"),
        ("CPU time", duration(sum(row.cpu_s for row in made))),
        ("pieces made", f"{len(made):,}"),
        ("pieces used again", f"{sum(row.status == 'reused' for row in rows):,}"),
        ("most memory in a worker", f"{max((row.peak_rss for row in made), default=0) / 2**20:,.0f} MiB"),
    ]


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 120 else f"{minutes} min {rest} s"
