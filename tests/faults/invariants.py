"""What must hold after every night, whatever went wrong in it."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.artifacts import find_artifact, verify_artifact
from infra.errors import EmodiffError
from infra.ledger import Reader, read_attempts
from infra.rows import JOB, Attempt
from infra.settings import Settings
from infra.storage import Store, open_store
from infra.verify import verify
from tests.faults.schedule import Schedule

GRACE_S = 10.0
FIRST = {"files": 40, "threads": 2, "children": 0, "bytes": 2**29}
"""What a first batch may leave behind in its driver: Ray's and s3fs's own connections, and memory in pools."""
LATER = {"files": 3, "threads": 0, "children": 0, "bytes": 5 * 2**20}
"""What three further batches may, in the same process: Ray's client keeps a socket and some .3 MiB each time that it
joins a cluster."""


def diary(folder: Path) -> list[dict[str, Any]]:
    """What happened, by the lab's own notes; a line that a kill cut short is left out."""
    found = []
    path = folder / "diary.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


@dataclass
class Night:
    """Where a night takes place."""

    folder: Path
    root: str
    settings: dict[str, Any]

    @property
    def store(self) -> Store:
        """Its store, opened anew."""
        return open_store(self.root, Settings.model_validate(self.settings))

    def ends(self) -> dict[str, Attempt]:
        """The row that ended each job."""
        rows = Reader(self.store, "night").refresh().current().values()
        return {row.job: row for row in rows if row.stage == JOB}

    def settled(self, plan: Schedule) -> bool:
        """Whether every job has come to the end it must come to."""
        ends = self.ends()
        return all(_right(ends.get(job), code) for job, code in plan.ends.items())


def violations(plan: Schedule, night: Night, runs: Sequence[int | None]) -> list[str]:
    """What does not hold, a sentence each."""
    found = [*_ended(plan, night, runs)]
    try:
        rows = read_attempts(night.store, "night")
        for law in (_artifacts, _delivered, _repeated):
            found += law(plan, night, rows)
        audit = verify(night.store)
        found += [f"ledger verify: {fault.code} {fault.where}: {fault.message}" for fault in audit.faults]
    except (EmodiffError, FileNotFoundError, ValueError) as error:
        found.append(f"the store cannot be read: {type(error).__name__}: {error}")
    return [*found, *_alive(night), *_leaks(plan, night), *_left(night)]


def _right(end: Attempt | None, code: str) -> bool:
    return end is not None and (end.status == "shipped" if not code else end.error_code == code)


def _ended(plan: Schedule, night: Night, runs: Sequence[int | None]) -> Iterator[str]:
    """Every job ends shipped, or failed with its cause; every command ends."""
    ends = night.ends()
    for job, code in plan.ends.items():
        end = ends.get(job)
        if end is None:
            yield f"{job} has no end"
        elif not _right(end, code):
            yield f"{job} ended {end.status} {end.error_code} ({end.message[:100]}), not {code or 'shipped'}"
        elif end.status != "shipped" and not (end.message and end.error_kind):
            yield f"{job} failed without a cause"
    if None in runs:
        yield f"a driver did not end: {runs}"
    for path in sorted(night.folder.glob("run-*.err")):
        text = path.read_text(errors="replace")
        if "Traceback (most recent call last)" in text and "Fatal Python" not in text:
            yield f"{path.name} shows a traceback: {text.strip().splitlines()[-1][:200]}"


def _artifacts(plan: Schedule, night: Night, rows: list[Attempt]) -> Iterator[str]:
    """Nothing with a wrong digest is referenced."""
    seen = {(row.stage, row.fingerprint): row for row in rows if row.ok and row.stage != JOB}
    for (stage, print_), row in seen.items():
        artifact = find_artifact(night.store, stage, print_)
        if artifact is None:
            yield f"{row.job} {stage} {print_[:8]} stands in the ledger and is not there"
        else:
            yield from verify_artifact(night.store, artifact, contents=True)
            if row.output == artifact.address and row.sha256 != artifact.sha256:
                yield f"{row.job} {stage}: the row's digest is not the artifact's"


def _delivered(plan: Schedule, night: Night, rows: list[Attempt]) -> Iterator[str]:
    """Each job that shipped has one delivery, its own; no other has any; titles are published once and whole."""
    ends = night.ends()
    shipped = {job: end for job, end in ends.items() if end.status == "shipped"}
    times = Counter(
        (row.job, row.fingerprint) for row in {row.id: row for row in rows}.values() if row.status == "shipped"
    )
    if plan.kind.surprise != "two":
        yield from (f"{job} was shipped {count} times" for (job, _), count in times.items() if count > 1)
    for job, end in shipped.items():
        data = night.store.read(end.output)
        if hashlib.sha256(data).hexdigest() != end.sha256:
            yield f"{end.output} is not what its row says"
        if data.decode().splitlines()[0] != job or len(data.decode().splitlines()) < 3:
            yield f"{job} was delivered somebody else's video: {data[:80]!r}"
    files = {key.rsplit("/", 1)[-1].rsplit(".", 1)[0].split(".")[0] for key in night.store.keys("deliveries/night")}
    yield from (f"{job} has a delivery and did not ship" for job in files - set(shipped))
    yield from _published(plan, night, shipped)


def _published(plan: Schedule, night: Night, shipped: dict[str, Attempt]) -> Iterator[str]:
    keys = night.store.keys("publish")
    versions = [json.loads(night.store.read(key)) for key in keys]
    titles: dict[tuple[str, str], set[str]] = {}
    for job in plan.jobs:
        titles.setdefault((job["title"], job["language"]), set()).add(job["job_id"])
    for title, count in Counter((one["title"], one["language"]) for one in versions).items():
        if count > 1:
            yield f"{title} was published {count} times"
    for one in versions:
        jobs = {video["job"] for video in one["videos"]}
        if jobs != titles.get((one["title"], one["language"])) or not jobs <= set(shipped):
            yield f"{one['title']} {one['language']} was published with {sorted(jobs)}"
        for video in one["videos"]:
            if hashlib.sha256(night.store.read(video["file"])).hexdigest() != video["sha256"]:
                yield f"{video['file']} was published with another digest"
    whole = {title for title, jobs in titles.items() if jobs <= set(shipped)}
    missing = whole - {(one["title"], one["language"]) for one in versions}
    yield from (f"{title} passed whole and was not published" for title in sorted(missing))


def _repeated(plan: Schedule, night: Night, rows: list[Attempt]) -> Iterator[str]:
    """No stage begins what was committed before it looked; nothing is committed twice."""
    lines = diary(night.folder)
    committed: dict[tuple[str, str, str], float] = {}
    for line in lines:
        if line["what"] == "commit":
            place = (line["root"], line["stage"], line["print"])
            if place in committed:
                yield f"{place[1]} {place[2][:8]} was committed twice"
            committed.setdefault(place, line["t"])
    for line in lines:
        if line["what"] == "ran" and line["looked"] > committed.get((line["root"], line["stage"], line["print"]), 1e18):
            yield f"{line['stage']} of {line['job']} was made again after it was committed"


def _alive(night: Night) -> Iterator[str]:
    """No process outlives its night."""
    pids = {line["pid"] for line in diary(night.folder) if line["what"] == "born"}
    end = time.monotonic() + GRACE_S
    while pids and time.monotonic() < end:
        pids = {pid for pid in pids if _lives(pid)}
        time.sleep(0.05 if pids else 0)
    if pids:
        yield f"{len(pids)} processes outlived the night: {sorted(pids)}"


def _lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _leaks(plan: Schedule, night: Night) -> Iterator[str]:
    """Open files, threads, children and memory return to where they began in every driver that lived to the end."""
    for path in [] if plan.prefect else sorted(night.folder.glob("run-*.usage")):
        first, *later = json.loads(path.read_text())
        for name, most in FIRST.items():
            if later and later[0][name] - first[name] > most:
                yield f"{path.stem} left {later[0][name] - first[name]} {name} behind"
        for name, most in LATER.items():
            grown = later[-1][name] - later[1][name] if len(later) > 3 else 0
            if grown > most:
                yield f"{len(later) - 2} more batches in {path.stem} left {grown} {name} behind"


def _left(night: Night) -> Iterator[str]:
    """No unfinished outputs lie about once a run ended well."""
    scratch = night.folder / "root" / "scratch"
    if scratch.is_dir():
        yield from (f"{path.name} is left in scratch" for path in scratch.iterdir())
