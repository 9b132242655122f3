"""Which jobs of a batch a command is about: by title, job, stage, error code or finding."""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.state import BatchState, JobState
from infra.errors import QualityError
from tasks.failures import permanent


@dataclass(frozen=True)
class Filter:
    """Values to look for; one of each kind that is named must fit, and a kind that is not named fits always."""

    jobs: Sequence[str] = ()
    titles: Sequence[str] = ()
    stages: Sequence[str] = ()
    codes: Sequence[str] = ()
    findings: Sequence[str] = ()

    def fits(self, job: JobState) -> bool:
        """Whether a job is meant."""
        return (
            (not self.jobs or job.job_id in self.jobs)
            and (not self.titles or job.fields.get("title") in self.titles)
            and (not self.stages or failed_stage(job) in self.stages)
            and (not self.codes or (job.end is not None and job.end.error_code in self.codes))
            and (not self.findings or bool(set(self.findings) & found_codes(job)))
        )


def choose(state: BatchState, wanted: Filter, force: bool = False, shipped: bool = False) -> list[JobState]:
    """Jobs that fit. shipped: those that shipped too. What failed for good only where forced or named.

    Raises SetupError NO_SUCH_JOB for a named job that the batch does not have.
    """
    for job_id in wanted.jobs:
        state.job(job_id)
    return [
        job
        for job in state.jobs
        if wanted.fits(job)
        and (shipped or job.status != "shipped")
        and (force or job.job_id in wanted.jobs or job.end is None or not permanent(job.end))
    ]


def failed_stage(job: JobState) -> str | None:
    """The stage in which a job failed; None where it did not."""
    if job.end is None or job.end.ok:
        return None
    if job.end.error_kind == QualityError.__name__:
        return "check"
    return next((row.stage for row in job.rows if not row.ok), None)


def found_codes(job: JobState) -> set[str]:
    """Codes of all findings of a job, of every stage."""
    rows = (*job.rows, *([job.end] if job.end else []))
    return {str(finding["code"]) for row in rows for finding in row.found()}
