"""What the report shows of a job: pictures, plots and sentences, all of it ready to be placed."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from flows.report.plots import Bar, lips, timeline
from flows.state import BatchState, JobState
from infra.artifacts import find_artifact
from infra.errors import EmodiffError
from infra.logs import harmless
from infra.rows import Attempt, Status
from infra.storage import Store

POSTER_WIDTH = 360
INLINE_VIDEO = 2_000_000
FIGURES = {
    "lip_correlation": ("lips follow speech", "{:.2f}"),
    "lip_lag_ms": ("lip lag", "{:+.0f} ms"),
    "face_found": ("face found", "{:.0%}"),
    "frames": ("frames", "{:.0f}"),
}


@dataclass
class Budget:
    """Bytes of video that may still go into the page."""

    left: int = 24_000_000


@dataclass(frozen=True)
class Card:
    """One job as the page shows it."""

    job_id: str
    status: str
    seconds: float
    code: str = ""
    message: str = ""
    hint: str = ""
    kind: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    findings: tuple[dict[str, Any], ...] = ()
    poster: str = ""
    video: str = ""
    lips: str = ""
    stages: str = ""
    reused: int = 0
    made: int = 0
    trace: str = field(default="")


def card(store: Store, state: BatchState, job: JobState, budget: Budget) -> Card:
    """All that is known of a job."""
    end = job.end
    check = next((row for row in job.rows if row.stage == "check" and row.ok), None)
    findings = [_tame(finding) for finding in (end.found() if end else [])]
    trace = next((one["message"] for one in findings if one["code"] == "TRACEBACK"), "")
    shown = tuple(one for one in findings if one["code"] != "TRACEBACK")
    return Card(
        job_id=job.job_id,
        status=job.status,
        seconds=job.seconds,
        code=end.error_code if end else "",
        message=harmless(end.message) if end else "",
        hint=harmless(end.hint) if end else "No run has brought it to an end yet; run the same command again",
        kind=end.error_kind if end else "",
        facts=tuple(_facts(job)),
        figures=tuple(_figures(check)),
        findings=shown,
        poster=_poster(store, check),
        video=_video(store, state.batch, job, budget),
        lips=_lips(store, check, shown),
        stages=_stages(job),
        reused=sum(row.status == Status.REUSED for row in job.rows),
        made=sum(row.status == Status.SUCCEEDED for row in job.rows),
        trace=trace,
    )


def workers(state: BatchState) -> str:
    """All work of a batch in lanes of its workers."""
    rows = [row for job in state.jobs for row in job.rows if row.worker and row.status != Status.REUSED]
    if not rows:
        return ""
    start = min(row.start for row in rows)
    names = {name: _worker(name) for name in sorted({row.worker for row in rows})}
    bars = [_bar(row, names[row.worker], start, f"{row.job} {row.stage}") for row in rows]
    return timeline(sorted(bars, key=lambda bar: bar.lane), "What each worker did when")


def _facts(job: JobState) -> list[tuple[str, str]]:
    fields = job.fields
    emotion = f"{fields.get('emotion')} {fields.get('intensity', 1):g}" if fields.get("emotion") else ""
    named = {
        "title": fields.get("title"),
        "language": fields.get("language"),
        "emotion": emotion + (" with cues" if fields.get("cues") else ""),
        "picture": fields.get("picture"),
        "speech": fields.get("speech"),
    }
    return [(name, harmless(str(value))) for name, value in named.items() if value]


def _figures(check: Attempt | None) -> list[tuple[str, str]]:
    found = check.measured() if check else {}
    return [(label, how.format(found[name])) for name, (label, how) in FIGURES.items() if found.get(name) is not None]


def _tame(finding: dict[str, Any]) -> dict[str, Any]:
    return finding | {"message": harmless(str(finding.get("message", "")))}


def _read(store: Store, row: Attempt | None, name: str) -> bytes | None:
    """A file of a stage's artifact, or None: a report says what there is and does not fail for what is not."""
    if row is None:
        return None
    try:
        artifact = find_artifact(store, row.stage, row.fingerprint)
        return store.read(f"{artifact.address}/{name}") if artifact else None
    except (EmodiffError, FileNotFoundError):
        return None


def _poster(store: Store, check: Attempt | None) -> str:
    data = _read(store, check, "poster.jpg")
    if data is None:
        return ""
    try:
        with Image.open(BytesIO(data)) as image:
            image.thumbnail((POSTER_WIDTH, POSTER_WIDTH))
            small = BytesIO()
            image.convert("RGB").save(small, "JPEG", quality=82)
    except OSError:
        return ""
    return _inline("image/jpeg", small.getvalue())


def _video(store: Store, batch: str, job: JobState, budget: Budget) -> str:
    """The delivery: within the page where it is small, else where it lies beside the page."""
    if job.end is None or job.status != Status.SHIPPED:
        return ""
    if job.end.bytes <= min(INLINE_VIDEO, budget.left):
        try:
            data = store.read(job.end.output)
        except (EmodiffError, FileNotFoundError):
            return ""
        budget.left -= len(data)
        return _inline("video/mp4", data)
    return f"../../deliveries/{batch}/{job.end.output.rsplit('/', 1)[-1]}"


def _lips(store: Store, check: Attempt | None, findings: Sequence[dict[str, Any]]) -> str:
    data = _read(store, check, "lips.parquet")
    if data is None:
        return ""
    table = pq.ParquetFile(BytesIO(data)).read(use_threads=False)
    time, opening, activity = (_floats(table, name) for name in ("time", "opening", "activity"))
    marks = [(float(one["time"]), f"{one['code']}: {one['message']}") for one in findings if one["time"] is not None]
    return lips(time, opening, activity, marks)


def _floats(table: Any, name: str) -> Any:
    return np.array([np.nan if value is None else value for value in table.column(name).to_pylist()], dtype=float)


def _stages(job: JobState) -> str:
    rows = [row for row in job.rows if row.status != Status.REUSED]
    if not rows:
        return ""
    start = min(row.start for row in rows)
    return timeline([_bar(row, row.stage, start, row.stage) for row in rows], "When each stage ran")


def _bar(row: Attempt, lane: str, start: float, name: str) -> Bar:
    span = "" if row.span is None else f" {row.span}"
    label = f"{name}{span}: {row.end - row.start:.2f} s, {row.cpu_s:.2f} s CPU, {row.peak_rss / 2**20:.0f} MiB"
    return Bar(lane, row.stage if row.ok else "failed", row.start - start, row.end - start, harmless(label))


def _worker(name: str) -> str:
    """`media-0` of `host/media-0-1234`."""
    return name.rpartition("/")[2].rpartition("-")[0] or name


def _inline(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
