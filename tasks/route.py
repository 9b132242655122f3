"""One job's way through the stages, whoever runs them: what is there is used again, the rest is asked for."""

import json
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load as load_tensors

from infra.artifacts import Artifact, adopt_artifact, find_artifact, read_file
from infra.dispatch import Drained
from infra.errors import EmodiffError, QualityError, TransientError
from infra.fingerprint import Digests, Fingerprint
from infra.rows import JOB, Attempt, Key, Status
from infra.storage import Store
from infra.ulid import ulid
from tasks.address import Addresses, Ground
from tasks.cue_reader import guarded_cues
from tasks.cues import Cue, cued
from tasks.deliver import deliver, video_name
from tasks.execute import Made, Work, base, failed, reused
from tasks.failures import failure_of
from tasks.files import digest_files, files_of, local_file
from tasks.hearing import HEARD, heard
from tasks.jobs import Job
from tasks.spans import Doubles, plan_spans, with_work
from tasks.stage import Span
from tasks.tracks import footage_needs, portrait_times, refuse_longer


@dataclass(frozen=True)
class Hands:
    """What a route needs of its surroundings.

    call: run a piece of work, some time; note: a row for the ledger; known: whether the ledger of this batch says that
    this key stands with this fingerprint and a success; folder: what the sheet's relative paths are relative to;
    parked: the row of work that failed for good under this fingerprint and is not to be tried; last: what the newest
    finished row of a key was made of; find: how a plan looks for an artifact; made: whether the ledger knows this
    fingerprint as any job's success, so that its content need not be compared once more.
    """

    store: Store
    digests: Digests
    folder: str
    call: Callable[[Work], "Future[Attempt]"]
    note: Callable[[Attempt], None] = lambda _: None
    known: Callable[[Key, str], bool] = lambda *_: False
    parked: Callable[[str], Attempt | None] = lambda _: None
    last: Callable[[Key], Mapping[str, Any] | None] = lambda _: None
    find: Callable[[Store, str, str], Artifact | None] = find_artifact
    made: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended. status: shipped, failed or stopped; delivery: key of the video in the store."""

    job_id: str
    status: str
    code: str = ""
    message: str = ""
    hint: str = ""
    delivery: str = ""
    seconds: float = 0.0
    findings: tuple[Mapping[str, Any], ...] = field(default=())


class StageFailed(EmodiffError):
    """A stage gave up on this job; the row says why."""

    def __init__(self, row: Attempt) -> None:
        super().__init__(row.error_code, row.message, row.hint)
        self.row = row


def run_job(job: Job, ground: Ground, hands: Hands) -> JobOutcome:
    """Take one job from its files to its delivery. Raises TransientError STORAGE where not even that could be noted."""
    start = time.time()
    route: _Route | None = None
    try:
        route = _Route(job, ground, hands)
        row = route.run()
    except Drained:
        return JobOutcome(job.job_id, Status.STOPPED, message="The batch was stopped before this job was done")
    except StageFailed as error:
        row = job_row(job, ground, **_failure_columns(error.row))
    except Exception as error:
        row = job_row(job, ground, **failed(failure_of(error), traceback.format_exc()))
    whole = route.addresses.whole().value if route else ""
    row = replace(row, fingerprint=whole, start=start, end=time.time())
    return _end(hands, row, made=route is not None and bool(route.fresh))


class _Route:
    """The state of one job on its way."""

    def __init__(self, job: Job, ground: Ground, hands: Hands) -> None:
        files = files_of(job, hands.folder)
        digests = digest_files(files, hands.digests, ground.settings)
        self.addresses = Addresses(ground, job, files, digests)
        self.ground, self.job, self.hands = ground, job, hands
        self.prints: dict[str, list[Fingerprint]] = {}
        self.artifacts: dict[str, list[Artifact]] = {}
        self.fresh: set[str] = set()

    def run(self) -> Attempt:
        """The job's row, delivered or refused by check."""
        self._refuse_parked(("crop", None), ("audio", None))
        crop, audio = self._ask("crop"), self._ask("audio")
        self._take("crop", crop)
        self._take("expression", self._ask("expression"))
        self._take("audio", audio)
        (track,), (sound,) = self.artifacts["crop"], self.artifacts["audio"]
        spans = spans_of(self.hands.store, track, sound, self.addresses)
        self._refuse_parked(*[("generate", span) for span in spans])
        self._take("generate", *[self._ask("generate", span) for span in spans])
        self._take("mux", self._ask("mux"))
        self._take("check", self._ask("check"))
        return self._finish()

    def _refuse_parked(self, *about: tuple[str, Span | None]) -> None:
        """Raise StageFailed where the same work failed for good before, so that nothing beside it is begun either."""
        for stage, span in about:
            row = self.hands.parked(self.addresses.of(stage, self.prints, span).value)
            if row is not None:
                raise StageFailed(row)

    def _ask(self, stage: str, span: Span | None = None) -> "_Asked":
        """Have one piece of work done, unless its artifact is there and well."""
        self._refuse_parked((stage, span))
        work, print_ = self.addresses.work(stage, self.prints, span)
        known = self.hands.known(Key(self.job.job_id, stage, span.index if span else None), work.fingerprint)
        # What it is made from was made just now: it can hardly be there, and the worker looks once more.
        fresh = not known and bool(self.fresh.intersection(self.ground.catalog[stage].after))
        trusted = known or self.hands.made(work.fingerprint)
        artifact = None if fresh else adopt_artifact(self.hands.store, stage, work.fingerprint, contents=not trusted)
        if artifact is None:
            self.fresh.add(stage)
            return _Asked(print_, None, self.hands.call(replace(work, records=self._records(work))))
        if not known:
            self.hands.note(_reused(work, artifact))
        return _Asked(print_, artifact, None)

    def _records(self, work: Work) -> dict[str, Artifact]:
        """What the worker need not ask the store for."""
        found = {(one.stage, one.fingerprint): one for made in self.artifacts.values() for one in made}
        return {name: found[where] for name, where in work.artifacts.items()}

    def _take(self, stage: str, *asked: "_Asked") -> None:
        """Wait for all of a stage's work; the first that failed fails the job."""
        self.artifacts[stage] = [self._artifact(stage, one) for one in asked]
        self.prints[stage] = [one.fingerprint for one in asked]

    def _artifact(self, stage: str, asked: "_Asked") -> Artifact:
        if asked.artifact is not None or asked.answer is None:
            return cast(Artifact, asked.artifact)
        row = asked.answer.result()
        if not row.ok:
            raise StageFailed(row)
        if row.job != self.job.job_id:
            self.hands.note(_shared(row, self.job.job_id))
        artifact = row.artifact if isinstance(row, Made) else None
        artifact = artifact or find_artifact(self.hands.store, stage, asked.fingerprint.value)
        if artifact is None:
            raise TransientError("STORAGE", f"The artifact of {stage} is not there any more", "Run again")
        return artifact

    def _finish(self) -> Attempt:
        """Deliver what passed check; what did not fails with the findings as evidence."""
        (check,), (mux,) = self.artifacts["check"], self.artifacts["mux"]
        verdict = json.loads(read_file(self.hands.store, check, "check.json"))
        findings = _findings(self.hands.store, check)
        if verdict["verdict"] != "pass":
            return job_row(self.job, self.ground, **_refused(check, findings))
        prints = {stage: [one.value for one in found] for stage, found in self.prints.items()}
        key = deliver(self.hands.store, self.ground.batch, self.job, mux, verdict, findings, prints, bool(self.fresh))
        video = mux.files[video_name(mux.files)]
        delivered = {"output": key, "bytes": video.bytes, "sha256": video.sha256}
        return job_row(self.job, self.ground, "shipped", findings=json.dumps(findings), **delivered)


@dataclass(frozen=True)
class _Asked:
    """Work that was asked for: its artifact where it was there, else the answer to come."""

    fingerprint: Fingerprint
    artifact: Artifact | None
    answer: "Future[Attempt] | None"


def spans_of(store: Store, crop: Artifact, audio: Artifact, addresses: Addresses) -> list[Span]:
    """The spans of a job that hold frames to render, from its track's frames, the speech's activity and its cues.

    Raises Refusal SPEECH_TOO_LONG: footage that ends before its speech is not worth rendering; InputError CUES_INVALID.
    """
    job, settings = addresses.job, addresses.ground.settings
    track = pq.ParquetFile(BytesIO(read_file(store, crop, "track.parquet")))
    about = json.loads((track.schema_arrow.metadata or {}).get(b"emodiff", b"{}"))
    sound = load_tensors(read_file(store, audio, HEARD))
    speech = Fraction(json.loads(read_file(store, audio, "audio.json"))["samples"], 48_000)
    seconds = settings.generate.span_seconds
    activity = sound["activity"]
    if about.get("kind") == "portrait":
        times = portrait_times(speech, settings.picture.rate)
        spans = plan_spans(times, activity, seconds)
    else:
        table = track.read(["pts", "opening", "shot", "reason"], use_threads=False)
        base, rate = Fraction(about["time_base"]), Fraction(about["rate"])
        pts, opening, shots = (table[name].to_numpy() for name in ("pts", "opening", "shot"))
        if not job.trim:
            refuse_longer(speech, int(pts[-1] - pts[0]) * base + Fraction(about.get("last", 1 / rate)), rate)
        times = (pts - pts[0]) * float(base)
        found = footage_needs(job, times, shots, np.asarray(table["reason"].is_null()), opening, activity)
        spans = with_work(plan_spans(times, activity, seconds, shots), found.rendered)
    cues = guarded_cues(local_file(addresses.files["cues"], settings)) if "cues" in addresses.files else None
    digests, count = sound["seconds"], len(activity)
    return [_addressed(replace(span, heard=heard(digests, count, times, span)), times, cues) for span in spans]


def _addressed(span: Span, times: Doubles, cues: Sequence[Cue] | None) -> Span:
    """A span with the digest of the cues that reach it."""
    near = None if cues is None else cued(cues, times[span.start], times[span.end - 1])
    return replace(span, cued=near)


def job_row(job: Job, ground: Ground, status: str = "failed", **columns: Any) -> Attempt:
    """The row that ends a job."""
    return Attempt(ground.batch, job.job_id, JOB, **{"status": status} | columns)


def _reused(work: Work, artifact: Artifact) -> Attempt:
    now = time.time()
    return Attempt(**base(work, now, "", now), **reused(artifact))


def _shared(row: Attempt, job_id: str) -> Attempt:
    """The row of a job whose work another job in flight had asked for first."""
    return replace(row, job=job_id, status=Status.REUSED.value, cpu_s=0.0, gpu_s=0.0, attempt=1, id=ulid())


def _findings(store: Store, check: Artifact) -> list[dict[str, Any]]:
    if "findings.parquet" not in check.files:
        return []
    table = pq.ParquetFile(BytesIO(read_file(store, check, "findings.parquet"))).read(use_threads=False)
    names = ("level", "code", "message", "time")
    return [{name: row.get(name) for name in names} for row in table.to_pylist()]


def _refused(check: Artifact, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """The columns of a job that check refused."""
    errors = [finding["message"] for finding in findings if finding["level"] == "error"]
    hint = "See the job in the report; mend the input, or lower check's limits if they are too strict for it"
    failure = QualityError("CHECK_FAILED", "; ".join(errors) or "The result did not pass check", hint)
    return failed(failure_of(failure)) | {"findings": json.dumps(findings), "output": check.address}


def _failure_columns(row: Attempt) -> dict[str, Any]:
    """The columns of a job whose stage failed."""
    kept = ("error_code", "error_kind", "message", "hint", "findings")
    return {name: getattr(row, name) for name in kept} | {"figures": json.dumps({}), "output": row.stage}


def _end(hands: Hands, row: Attempt, made: bool) -> JobOutcome:
    """Note how the job ended, unless nothing was made and the ledger says so already."""
    parked = hands.parked(row.fingerprint) if row.fingerprint else None
    said = hands.known(row.key, row.fingerprint) if row.ok else parked and parked.error_code == row.error_code
    if made or not said:
        hands.note(row)
    shipped = row.status == Status.SHIPPED
    return JobOutcome(
        job_id=row.job,
        status=row.status,
        code=row.error_code,
        message=row.message,
        hint=row.hint,
        delivery=row.output if shipped else "",
        seconds=row.end - row.start,
        findings=tuple(row.found()),
    )
