"""What a batch would do: for each job and stage whether it runs or is used again, and why. Runs nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.artifacts import Artifact
from infra.errors import Failure
from infra.fingerprint import Fingerprint
from infra.rows import Key
from tasks.address import Addresses, Ground
from tasks.failures import failure_of
from tasks.files import digest_files, files_of
from tasks.jobs import Job
from tasks.reasons import reason
from tasks.route import Hands, StageFailed, spans_of
from tasks.stage import Span

Row = dict[str, Any]
RUN, REUSE, BLOCKED = "run", "reuse", "blocked"


def plan_job(job: Job, ground: Ground, hands: Hands) -> list[Row]:
    """Rows as `infra.ledger.PLAN` has them: one for the job, then one for each stage and span that is known."""
    files = files_of(job, hands.folder)
    whole, stages = "", list[Row]()
    try:
        digests = digest_files(files, hands.digests, ground.settings)
        addresses = Addresses(ground, job, files, digests)
        whole = addresses.whole().value
        stages += _Forecast(addresses, hands).rows()
    except Exception as error:
        failure = failure_of(error)
        said = f"{failure.code}: {failure.message}"
        return [_row(job, "job", BLOCKED, said, fingerprint=whole, detail=_detail(job, hands, failure))]
    action = RUN if any(row["action"] == RUN for row in stages) else REUSE
    reason = _reason(stages) if action == RUN else "everything is there"
    return [_row(job, "job", action, reason, fingerprint=whole, detail=_detail(job, hands)), *stages]


def _reason(stages: Sequence[Row]) -> str:
    """Why a job runs: what changed first on its way, rather than what follows from that."""
    first = next((row for row in stages if row["action"] == RUN), None)
    return f"{first['stage']}: {first['reason']}" if first else ""


class _Forecast:
    """A walk over the route that looks and does not touch."""

    def __init__(self, addresses: Addresses, hands: Hands) -> None:
        self.addresses, self.hands = addresses, hands
        self.prints: dict[str, list[Fingerprint]] = {}
        self.found: dict[str, list[Artifact | None]] = {}

    def rows(self) -> Iterator[Row]:
        """The rows of all stages, in the order of the route."""
        for stage in ("crop", "expression", "audio"):
            yield self._look(stage)
        track, sound = self.found["crop"][0], self.found["audio"][0]
        if track is None or sound is None:
            yield from self._unknown("generate", "mux", "check")
            return
        spans = spans_of(self.hands.store, track, sound, self.addresses)
        rows = [self._look("generate", span) for span in spans]
        yield from rows
        yield self._look("mux")
        yield self._look("check")

    def _look(self, stage: str, span: Span | None = None) -> Row:
        print_ = self.addresses.of(stage, self.prints, span)
        artifact = self.hands.find(self.hands.store, stage, print_.value)
        self.prints.setdefault(stage, []).append(print_)
        self.found.setdefault(stage, []).append(artifact)
        if artifact is None and (parked := self.hands.parked(print_.value)) is not None:
            raise StageFailed(parked)
        key = Key(self.addresses.job.job_id, stage, span.index if span else None)
        action, why = (REUSE, "is there") if artifact else (RUN, reason(self.hands.last(key), print_.parts))
        parts = json.dumps(dict(print_.parts), ensure_ascii=False, default=str)
        where = {"span": span.index if span else None, "fingerprint": print_.value, "parts": parts}
        return _row(self.addresses.job, stage, action, why, **where)

    def _unknown(self, *stages: str) -> Iterator[Row]:
        made = [stage for stage in ("crop", "audio") if self.found[stage][0] is None]
        for stage in stages:
            yield _row(self.addresses.job, stage, RUN, f"follows from {' and '.join(made)}, which runs first")


def _row(job: Job, stage: str, action: str, reason: str, **more: Any) -> Row:
    empty = {"span": None, "fingerprint": "", "parts": "{}", "detail": "{}"}
    return {**empty, "job": job.job_id, "stage": stage, "action": action, "reason": reason, **more}


def _detail(job: Job, hands: Hands, error: Failure | None = None) -> str:
    """The sheet's row, what its paths are relative to, and what blocks it: enough to run it again without the sheet."""
    blocked: Mapping[str, str] = (
        {} if error is None else {"code": error.code, "message": error.message, "hint": error.hint}
    )
    about = {"row": job.model_dump(mode="json"), "folder": hands.folder, "blocked": dict(blocked)}
    return json.dumps(about, ensure_ascii=False)
