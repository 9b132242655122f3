"""Titles ship whole: when all jobs of a title's language have passed check, their videos become its next version."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from langcodes import standardize_tag

from flows.state import JobState, read_state
from infra.artifacts import find_artifact, verify_artifact
from infra.errors import EmodiffError, TransientError
from infra.lease import Lease
from infra.logs import logger
from infra.publish import Video, publish
from infra.rows import Attempt, Status
from infra.storage import Store
from tasks.deliver import video_name

INCOMPLETE, FAILED = "incomplete", "failed"


@dataclass(frozen=True)
class Titled:
    """What became of a title's language. outcome: one of infra.publish.Outcome, incomplete or failed."""

    title: str
    language: str
    outcome: str
    version: int | None = None
    message: str = ""


def publish_titles(store: Store, batch: str, again: bool = False) -> list[Titled]:
    """Publish every title's language of a batch that is complete. What fails is said, and does not stop the others."""
    titles = _titles(read_state(store, batch).jobs)
    return [_one(store, batch, title, jobs, again) for title, jobs in titles.items()]


@contextmanager
def publishing(lease: Lease) -> Iterator[list[Titled]]:
    """Publish what is complete when the block has ended well; the list is filled then."""
    done: list[Titled] = []
    yield done
    lease.renew()
    for one in publish_titles(lease.store, lease.batch):
        done.append(one)
        log = logger(batch=lease.batch, title=one.title, language=one.language)
        say = log.warning if one.outcome in (FAILED, INCOMPLETE) else log.info
        say("title", outcome=one.outcome, version=one.version, message=one.message)


def _titles(jobs: Sequence[JobState]) -> dict[tuple[str, str], list[JobState]]:
    found = defaultdict(list)
    for job in jobs:
        if job.fields.get("title"):
            found[job.fields["title"], standardize_tag(job.fields["language"])].append(job)
    return found


def _one(store: Store, batch: str, title: tuple[str, str], jobs: Sequence[JobState], again: bool) -> Titled:
    shipped = [(job, job.end) for job in jobs if job.end is not None and job.status == Status.SHIPPED]
    if len(shipped) < len(jobs):
        left = [job.job_id for job in jobs if job.status != Status.SHIPPED]
        message = f"{len(left)} of {len(jobs)} jobs have not passed check: {', '.join(left[:5])}"
        return Titled(*title, INCOMPLETE, message=message)
    try:
        found = publish(store, batch, *title, [_video(store, *one) for one in shipped], again)
    except EmodiffError as error:
        return Titled(*title, FAILED, message=str(error))
    return Titled(*title, found.outcome.value, found.version.version, found.key)


def _video(store: Store, job: JobState, end: Attempt) -> Video:
    """The video of a shipped job: the artifact that passed check, which no later run writes over."""
    mux = next((row for row in job.rows if row.stage == "mux" and row.ok), None)
    artifact = find_artifact(store, "mux", mux.fingerprint) if mux else None
    name = video_name(artifact.files) if artifact else ""
    video = artifact.files.get(name) if artifact else None
    if artifact is None or video is None or video.sha256 != end.sha256 or verify_artifact(store, artifact):
        raise TransientError("STORAGE", f"The video of {job.job_id} is not what was shipped", "Run the batch again")
    return Video(job=job.job_id, file=f"{artifact.address}/{name}", bytes=video.bytes, sha256=video.sha256)
