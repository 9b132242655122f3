"""Does the storage hold what the ledger says? Everything is looked at and nothing changed.

A fault is something that is promised and not there: a part or plan that cannot be read, an artifact, a delivery or a
published video without its size and digest. What nothing speaks of is an orphan, and no fault: an attempt that died
leaves one, and the next run may take it up.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pydantic import ValidationError

from infra.artifacts import read_artifact, verify_artifact, whole_digest
from infra.errors import EmodiffError
from infra.ledger import SHORT, batches, plan_keys
from infra.parts import decode, part_sizes
from infra.publish import Version, digest, numbered, read_version
from infra.rows import JOB, Attempt, current, fold, from_table, upgraded
from infra.storage import Store

LOOKERS = 16


@dataclass(frozen=True)
class Fault:
    """Something that does not hold. where: key in the store, or the job."""

    batch: str
    code: str
    where: str
    message: str


@dataclass
class Audit:
    """What was looked at, by kind, and what was wrong with it."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def saw(self, kind: str, count: int, faults: Iterable[Fault] = ()) -> None:
        """So many things of a kind were looked at."""
        self.counts[kind] = self.counts.get(kind, 0) + count
        self.faults += faults


def verify(store: Store, batch: str | None = None, contents: bool = True) -> Audit:
    """Look at one batch, or at all and what is published. contents: read every file and compare its digest."""
    audit = Audit()
    for name in [batch] if batch else batches(store):
        _verify_batch(store, name, contents, audit)
    if batch is None:
        _verify_published(store, contents, audit)
    return audit


def _verify_batch(store: Store, batch: str, contents: bool, audit: Audit) -> None:
    rows, faults = _readable_rows(store, batch)
    audit.saw("parts", len(part_sizes(store, batch)), faults)
    plans = plan_keys(store, batch)
    audit.saw("plans", len(plans), [fault for key in plans for fault in _unread(batch, key, _decodes(store, key))])
    audit.saw("rows", len(rows), _strangers(batch, rows))
    standing = [row for row in current(fold(rows)).values() if row.ok and row.output]
    made = {(row.output, row.sha256): row for row in standing if row.stage != JOB}
    shipped = [row for row in standing if row.stage == JOB]
    audit.saw("artifacts", len(made), _each(lambda row: _artifact(store, row, contents), made.values()))
    audit.saw("deliveries", len(shipped), _each(lambda row: _delivery(store, row, contents), shipped))


def _readable_rows(store: Store, batch: str) -> tuple[list[Attempt], list[Fault]]:
    """Rows of all parts that can be read, and a fault for each that cannot. Parts folded meanwhile are read anew."""
    rows, faults = list[Attempt](), list[Fault]()
    for key in part_sizes(store, batch):
        try:
            rows += from_table(upgraded(decode(key, store.read(key))).select(SHORT))
        except FileNotFoundError:
            return _readable_rows(store, batch)
        except EmodiffError as error:
            faults.append(Fault(batch, error.code, key, error.message))
    return rows, faults


def _decodes(store: Store, key: str) -> Callable[[], object]:
    return lambda: decode(key, store.read(key))


def _unread(batch: str, key: str, read: Callable[[], object]) -> Iterator[Fault]:
    try:
        read()
    except EmodiffError as error:
        yield Fault(batch, error.code, key, error.message)


def _strangers(batch: str, rows: Iterable[Attempt]) -> list[Fault]:
    names = {row.batch for row in rows} - {batch, ""}
    return [Fault(batch, "STRANGE_ROWS", batch, f"Rows of the batch {name} are in it") for name in sorted(names)]


def _each(look: Callable[[Attempt], list[Fault]], rows: Iterable[Attempt]) -> list[Fault]:
    with ThreadPoolExecutor(LOOKERS) as pool:
        return [fault for found in pool.map(look, rows) for fault in found]


def _artifact(store: Store, row: Attempt, contents: bool) -> list[Fault]:
    """An artifact is well where the row says it is, or, made again since, with the same content at its fingerprint."""
    wrong = _folder_wrong(store, row, contents)
    if not wrong or _made_again(store, row, contents):
        return []
    return [Fault(row.batch, "ARTIFACT", row.output, f"{wrong} (job {row.job})")]


def _folder_wrong(store: Store, row: Attempt, contents: bool) -> str:
    sizes = store.sizes(row.output)
    if not sizes:
        return "is missing"
    if sum(sizes.values()) != row.bytes:
        return f"has {sum(sizes.values())} bytes, not {row.bytes}"
    if (
        contents
        and whole_digest({key.removeprefix(f"{row.output}/"): store.digest(key) for key in sizes}) != row.sha256
    ):
        return "does not have its digest"
    return ""


def _made_again(store: Store, row: Attempt, contents: bool) -> bool:
    try:
        artifact = read_artifact(store, row.stage, row.fingerprint)
    except (ValidationError, EmodiffError):
        return False
    return artifact is not None and artifact.sha256 == row.sha256 and not verify_artifact(store, artifact, contents)


def _delivery(store: Store, row: Attempt, contents: bool) -> list[Fault]:
    wrong = _file_wrong(store, row.output, row.bytes, row.sha256, contents)
    return [Fault(row.batch, "DELIVERY", row.output, f"{wrong} (job {row.job})")] if wrong else []


def _file_wrong(store: Store, key: str, size: int, sha256: str, contents: bool) -> str:
    found = store.sizes(key).get(key)
    if found is None:
        return "is missing"
    if found != size:
        return f"has {found} bytes, not {size}"
    return "does not have its digest" if contents and store.digest(key) != sha256 else ""


def _verify_published(store: Store, contents: bool, audit: Audit) -> None:
    """Versions follow each other without a gap, say what their content is, and every video is there."""
    keys = [key for key in store.keys("publish") if numbered(key)]
    audit.saw("versions", len(keys), _gaps(keys))
    for key in keys:
        try:
            version = read_version(store, key)
        except EmodiffError as error:
            audit.saw("videos", 0, [Fault("", error.code, key, error.message)])
            continue
        audit.saw("videos", len(version.videos), _version_faults(store, key, version, contents))


def _gaps(keys: Iterable[str]) -> list[Fault]:
    numbers: dict[str, set[int]] = {}
    for key in keys:
        numbers.setdefault(key.rpartition("/")[0], set()).add(numbered(key))
    broken = [name for name, found in numbers.items() if max(found) != len(found)]
    return [Fault("", "VERSION_MISSING", name, "Versions do not follow each other") for name in broken]


def _version_faults(store: Store, key: str, version: Version, contents: bool) -> Iterator[Fault]:
    if digest(version.videos) != version.content:
        yield Fault(version.batch, "VERSION", key, "Its videos are not its content")
    for video in version.videos:
        wrong = _file_wrong(store, video.file, video.bytes, video.sha256, contents)
        if wrong:
            yield Fault(version.batch, "VIDEO", video.file, f"{wrong} (published as {key})")
