"""One piece of work in a worker: inputs made local, the stage called and timed, its artifact and row given."""

import json
import os
import shutil
import socket
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra import errors
from infra.artifacts import Artifact, adopt_artifact, commit_artifact, local_artifact
from infra.cache import sweep
from infra.dispatch import Lost
from infra.errors import Failure, Retry, TransientError
from infra.meter import Meter
from infra.rows import Attempt, Status
from infra.settings import Settings
from infra.storage import open_store
from infra.ulid import ulid
from tasks.catalog import Catalog, load, version
from tasks.failures import failure_of
from tasks.files import local_file
from tasks.jobs import Job
from tasks.stage import Item, Result, Span, Stage


@dataclass(frozen=True)
class Work:
    """A description that travels: ids and addresses.

    files: input name to address of a job's file; artifacts: input name to (stage, fingerprint);
    parts: JSON object of what the fingerprint was made of; records: of the artifacts that the driver has looked at.
    """

    batch: str
    job: Job
    stage: str
    fingerprint: str
    files: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    span: Span | None = None
    parts: str = "{}"
    records: Mapping[str, Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made(Attempt):
    """The row of what a worker has done, and the artifact with it, so that nobody asks the store again."""

    artifact: Artifact | None = None


class Bench:
    """Where stages are run: lives in a worker, or in a test's own process. Stages are set up when first needed."""

    def __init__(
        self,
        root: str,
        settings: Settings,
        catalog: Catalog,
        scratch: str | None = None,
        stages: Sequence[str] = (),
        worker: str = "here",
    ) -> None:
        """scratch: local folder for unfinished outputs, on the store's own disk where it has one."""
        self.store = open_store(root, settings)
        self.settings = settings
        self.catalog = {name: step for name, step in catalog.items() if not stages or name in stages}
        self.scratch = Path(scratch) if scratch else None
        self.worker = f"{socket.gethostname()}/{worker}-{os.getpid()}"
        self._ready: dict[str, Stage] = {}

    def run(self, work: Work) -> Attempt:
        """The attempt's row; whatever goes wrong is in it."""
        start, meter = time.time(), Meter()
        try:
            # Another worker may have made it since the driver looked, or this one before its answer was lost.
            made = adopt_artifact(self.store, work.stage, work.fingerprint, contents=True)
            if made is None:
                made, result = self._make(work)
                columns = _succeeded(made, result)
            else:
                columns = reused(made)
            columns["artifact"] = made
        except Exception as error:
            columns = failed(failure_of(error), traceback.format_exc())
        sweep(self.store.cache, int(self.settings.storage.cache_gib * 2**30))
        return self._row(work, start, meter, columns)

    def _make(self, work: Work) -> tuple[Artifact, Result]:
        with _folder(self.scratch) as out:
            item = Item(work.job, self._inputs(work), out, self.settings, work.span, work.batch)
            result = self._stage(work.stage).run(item)
            step = self.catalog[work.stage]
            figures = dict(result.figures)
            artifact = commit_artifact(self.store, work.stage, version(step), work.fingerprint, out, figures)
            return artifact, result

    def _stage(self, name: str) -> Stage:
        if name not in self._ready:
            stage = load(self.catalog[name])
            stage.setup(self.settings)
            self._ready[name] = stage
        return self._ready[name]

    def _inputs(self, work: Work) -> dict[str, Path]:
        files = {name: local_file(address, self.settings) for name, address in work.files.items()}
        return files | {name: self._local(*where, work.records.get(name)) for name, where in work.artifacts.items()}

    def _local(self, stage: str, fingerprint: str, known: Artifact | None) -> Path:
        if known is not None:
            # What it says may have been made again since; then there is another record.
            with suppress(TransientError):
                return local_artifact(self.store, known)
        artifact = adopt_artifact(self.store, stage, fingerprint)
        if artifact is None:
            raise TransientError("STORAGE", f"The artifact {stage}/{fingerprint} is not there any more", "Run again")
        return local_artifact(self.store, artifact)

    def _row(self, work: Work, start: float, meter: Meter, more: Mapping[str, Any]) -> Attempt:
        return Made(**base(work, start, self.worker), cpu_s=meter.cpu_s(), peak_rss=meter.peak_rss(), **more)


def base(work: Work, start: float, worker: str, end: float | None = None) -> dict[str, Any]:
    """The columns that every row of this work has."""
    return {
        "batch": work.batch,
        "job": work.job.job_id,
        "stage": work.stage,
        "span": work.span.index if work.span else None,
        "fingerprint": work.fingerprint,
        "start": start,
        "end": time.time() if end is None else end,
        "worker": worker,
        "parts": work.parts,
    }


def failed(failure: Failure, trace: str = "") -> dict[str, Any]:
    """The columns of a failure; a bug's traceback is kept as a finding."""
    findings = [{"level": "error", "code": "TRACEBACK", "message": trace, "time": None}] if trace else []
    return {
        "status": Status.FAILED.value,
        "error_code": failure.code,
        "error_kind": failure.kind,
        "message": failure.message,
        "hint": failure.hint,
        "findings": json.dumps(findings if failure.kind == "Bug" else []),
    }


def lost(event: Lost) -> Attempt:
    """The row of an attempt whose worker cannot report any more."""
    return Attempt(**base(event.work, event.start, event.worker, event.end), **failed(event.failure))


def repeatable(attempt: Attempt) -> bool:
    """Whether the same work may succeed later by itself."""
    kind = getattr(errors, attempt.error_kind, None)
    return not attempt.ok and getattr(kind, "retry", Retry.NEVER) is Retry.BACKOFF


def reused(artifact: Artifact) -> dict[str, Any]:
    """The columns of an artifact that was there already."""
    return _output(artifact) | {"status": Status.REUSED.value, "figures": json.dumps(artifact.figures)}


def _output(artifact: Artifact) -> dict[str, Any]:
    return {"output": artifact.address, "bytes": artifact.bytes, "sha256": artifact.sha256}


def _succeeded(artifact: Artifact, result: Result) -> dict[str, Any]:
    return _output(artifact) | {
        "status": Status.SUCCEEDED.value,
        "gpu_s": float(result.figures.get("gpu_s", 0.0)),
        "findings": json.dumps([asdict(finding) for finding in result.findings]),
        "figures": json.dumps(dict(result.figures)),
    }


@contextmanager
def _folder(scratch: Path | None) -> Iterator[Path]:
    """An empty folder that is gone afterwards, whatever was left in it."""
    path = (scratch or Path(tempfile.gettempdir())) / f"emodiff-{ulid()}"
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
