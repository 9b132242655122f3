"""What nothing speaks of any more is found, and deleted when that is asked for and no batch runs.

A batch may take up any artifact that is there, and its rows say so only later; so a batch and a deletion never overlap.
Each first says in the store that it is there and then looks for the other: a deletion that sees a batch ends, a batch
that sees a deletion asks it to end and waits.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from infra.artifacts import RECORD, base, read_artifact
from infra.errors import SetupError
from infra.lease import CLEANING, STOP_CLEANING, folder, holder, take
from infra.ledger import batches
from infra.local_files import Entry
from infra.references import References, references
from infra.storage import Store

DAY = 86_400.0
TERM_S = 15.0
CHUNK = 50


@dataclass(frozen=True)
class Garbage:
    """A folder that nothing speaks of. keys: its files; age: days of its newest."""

    folder: str
    why: str
    bytes: int
    age: float
    keys: tuple[str, ...]


def find_garbage(store: Store, kept: References, now: float, days: float = 0.0) -> list[Garbage]:
    """Artifacts and attempts that nothing speaks of, whose newest file is older than so many days."""
    found = (one for group in _groups(store.entries("artifacts")) for one in _judge(store, group, kept, now))
    return [one for one in found if one.age >= days]


def collect(
    store: Store, garbage: Callable[[], list[Garbage]], clock: Callable[[], float] = time.time
) -> tuple[list[Garbage], bool]:
    """Delete garbage, found once no batch runs. Returns what went, and whether a batch that began cut it short.

    Raises SetupError BATCH_BUSY while a batch runs.
    """
    store.delete(STOP_CLEANING)
    with take(store, "gc", TERM_S, clock, place=CLEANING) as lease:
        _alone(store, clock)
        found, gone = garbage(), list[Garbage]()
        while gone != found:
            if store.exists(STOP_CLEANING):
                return gone, True
            lease.renew()
            some = found[len(gone) : len(gone) + CHUNK]
            _delete(store, some)
            gone += some
    return gone, False


def survey(store: Store, days: float, now: float) -> list[Garbage]:
    """What `collect` would delete now."""
    return find_garbage(store, references(store), now, days)


def _alone(store: Store, clock: Callable[[], float]) -> None:
    """A lease that was not given back counts for a day: clocks may differ, and nothing is lost by waiting."""
    for batch in batches(store):
        held = holder(store, folder(batch), clock, grace=DAY)
        if held is not None:
            message = f"The batch {batch} is being run on {held['host']} (process {held['pid']})"
            raise SetupError(
                "BATCH_BUSY", message, "Nothing is deleted while a batch runs; try again when it has ended"
            )


def _delete(store: Store, some: Sequence[Garbage]) -> None:
    """Delete folders, their records first, so that nobody takes one up half gone."""
    keys = [key for one in some for key in one.keys]
    store.delete_keys([key for key in keys if key.endswith(f"/{RECORD}")])
    store.delete_keys([key for key in keys if not key.endswith(f"/{RECORD}")])


@dataclass(frozen=True)
class _Group:
    """All files of one fingerprint. attempts: folder to its files; record: whether there is one."""

    stage: str
    fingerprint: str
    record: bool
    attempts: Mapping[str, Mapping[str, Entry]]
    entries: Mapping[str, Entry]


def _groups(entries: Mapping[str, Entry]) -> Iterator[_Group]:
    grouped: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    for key, entry in entries.items():
        parts = key.split("/")
        if len(parts) > 3:
            grouped[parts[1], parts[2]][key] = entry
    for (stage, value), files in grouped.items():
        attempts: dict[str, dict[str, Entry]] = defaultdict(dict)
        record = f"{base(stage, value)}/{RECORD}"
        for key, entry in files.items():
            if key != record:
                attempts["/".join(key.split("/")[:4])][key] = entry
        yield _Group(stage, value, record in files, attempts, files)


def _judge(store: Store, group: _Group, kept: References, now: float) -> Iterator[Garbage]:
    if not kept.keeps(group.stage, group.fingerprint, set(group.attempts)):
        yield _garbage(base(group.stage, group.fingerprint), "no batch speaks of it", group.entries, now)
        return
    won = _won(store, group)
    for name, files in group.attempts.items():
        if name != won and name not in kept.folders:
            yield _garbage(name, "an attempt that died or came second", files, now)


def _won(store: Store, group: _Group) -> str | None:
    """The attempt that the record names; where there is only one it need not be asked."""
    if not group.record or len(group.attempts) == 1:
        return next(iter(group.attempts)) if group.record else None
    try:
        artifact = read_artifact(store, group.stage, group.fingerprint)
    except ValidationError:
        return None
    return artifact.address if artifact else None


def _garbage(folder: str, why: str, files: Mapping[str, Entry], now: float) -> Garbage:
    newest = max(entry.modified for entry in files.values())
    return Garbage(folder, why, sum(entry.bytes for entry in files.values()), (now - newest) / DAY, tuple(files))
