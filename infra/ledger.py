"""What is true about a batch: a plan, and attempts in append-only Parquet parts that any number of writers add."""

import gc
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any

import pyarrow as pa

from infra.compaction import compact
from infra.errors import EmodiffError
from infra.logs import logger
from infra.parts import decode, encode, new_part, part_sizes, read_listed
from infra.parts import root as root
from infra.rows import NAMES, SCHEMA_VERSION, Attempt, Key, State, current, fold, from_table, to_table
from infra.standing import taken
from infra.storage import Store

PLAN = pa.schema(
    [
        pa.field("job", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("span", pa.int32()),
        pa.field("fingerprint", pa.string()),
        pa.field("action", pa.string(), metadata={"about": "run, reuse or blocked"}),
        pa.field("reason", pa.string()),
        pa.field("parts", pa.string(), metadata={"about": "JSON object: what the fingerprint was made of"}),
        pa.field("detail", pa.string(), metadata={"about": "JSON object; the sheet's row where stage is job"}),
    ],
    metadata={"emodiff.ledger": "plan", "emodiff.schema": str(SCHEMA_VERSION)},
)


# `parts` is as long as all other columns together, and read only where somebody asks why.
SHORT = tuple(name for name in NAMES if name != "parts")

# How long rows wait after the storage failed: it is asked again, but not without a breath.
PAUSE = 2.0
# Parts of a stage that are folded into one: while rows are still coming, and when they have ended.
MANY, SOME = 64, 4


def write_plan(store: Store, batch: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write the plan of a run, rows as in PLAN, under the next number; the newest counts. Returns its key.

    Plans are numbered and not dated, so that a clock that jumps brings no old one back.
    """
    data = encode(pa.Table.from_pylist([dict(row) for row in rows], schema=PLAN))
    number = _newest_plan(store, batch) + 1
    while not store.create(_plan_key(batch, number), data):
        number += 1
    return _plan_key(batch, number)


def read_plan(store: Store, batch: str, stage: str = "", columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows of the newest plan; of one stage, without `parts`; columns: only these, the others are empty.

    Raises FileNotFoundError where there is none.
    """
    number = _newest_plan(store, batch)
    key = _plan_key(batch, number) if number else f"{root(batch)}/plan.parquet"
    wanted = columns or [name for name in PLAN.names if name != "parts" or not stage]
    table = decode(key, store.read(key), [*dict.fromkeys((*wanted, "stage"))])
    if stage:
        table = taken(table, [at for at, found in enumerate(table["stage"].to_pylist()) if found == stage])
    empty = dict.fromkeys(PLAN.names, "") | {"span": None}
    names = [name for name in table.column_names if name in wanted or name == "stage"]
    listed = zip(*(table[name].to_pylist() for name in names), strict=True)
    return [empty | dict(zip(names, values, strict=True)) for values in listed]


def plan_keys(store: Store, batch: str) -> list[str]:
    """Keys of all plans of a batch, the oldest first."""
    first = f"{root(batch)}/plan.parquet"
    return [*([first] if store.exists(first) else []), *store.keys(f"{root(batch)}/plans")]


def _newest_plan(store: Store, batch: str) -> int:
    names = [PurePosixPath(key).stem for key in store.keys(f"{root(batch)}/plans")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def _plan_key(batch: str, number: int) -> str:
    return f"{root(batch)}/plans/{number:06}.parquet"


class Writer:
    """Adds attempts to a batch: a part per stage every 256 rows, every 30 s, and when it is closed.

    Writing is done by a thread of its own, so that a slow storage does not hold up who adds. Rows that could not be
    stored are kept and sent again; a row that arrives twice counts once. Parts that have become many are folded.
    """

    def __init__(self, store: Store, batch: str, rows: int = 256, seconds: float = 30.0) -> None:
        self.store = store
        self.batch = batch
        self._rows, self._seconds = rows, seconds
        self._waiting: dict[str, list[Attempt]] = {}
        self._sent: Counter[str] = Counter()
        self._taking, self._sending = threading.Lock(), threading.Lock()
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def add(self, *rows: Attempt) -> None:
        """Take rows; they are lasting after the next flush. Never waits and never fails."""
        with self._taking:
            for row in rows:
                self._waiting.setdefault(row.stage, []).append(row)
            if any(len(waiting) >= self._rows for waiting in self._waiting.values()):
                self._wake.set()

    def flush(self) -> None:
        """Make everything lasting that was added. Raises TransientError STORAGE, and keeps the rows then."""
        with self._sending:
            while (taken := self._take()) is not None:
                self._send(*taken)

    def close(self) -> None:
        """Flush, fold and end the thread. Raises TransientError STORAGE where rows could not be stored."""
        self._closed.set()
        self._wake.set()
        self._thread.join()
        self.flush()
        for stage in list(self._sent):
            self._fold(stage, SOME)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> tuple[str, list[Attempt]] | None:
        with self._taking:
            return self._waiting.popitem() if self._waiting else None

    def _send(self, stage: str, rows: list[Attempt]) -> None:
        try:
            self.store.create(new_part(self.batch, stage), encode(to_table(rows)))
            self._sent[stage] += 1
        except BaseException:
            with self._taking:
                self._waiting[stage] = rows + self._waiting.get(stage, [])
            raise

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(self._seconds)
            self._wake.clear()
            try:
                self.flush()
                for stage in [stage for stage, count in self._sent.items() if count >= MANY]:
                    self._fold(stage, MANY)
            except EmodiffError as error:
                waiting = sum(map(len, self._waiting.values()))
                logger().warning("rows wait for the storage", batch=self.batch, rows=waiting, error=str(error))
                self._closed.wait(PAUSE)

    def _fold(self, stage: str, least: int) -> None:
        """Many parts into one. It only saves time later, so a storage that fails now is no failure of the batch."""
        self._sent[stage] = 0
        try:
            compact(self.store, self.batch, stage, least)
        except EmodiffError as error:
            logger().warning("parts not folded", batch=self.batch, stage=stage, error=str(error))


class Reader:
    """The attempts of a batch; `refresh` reads only parts that are new."""

    def __init__(self, store: Store, batch: str) -> None:
        self.store = store
        self.batch = batch
        self.state: State = {}
        self._seen: set[str] = set()

    def refresh(self) -> "Reader":
        """Take in what was written since. Raises TransientError STORAGE, SetupError LEDGER_DAMAGED, LEDGER_NEWER."""
        fresh, table = read_listed(self.store, self._fresh, SHORT)
        with _uncollected():
            self.state = fold(from_table(table), self.state)
        self._seen.update(fresh)
        return self

    def _fresh(self) -> list[str]:
        return [key for key in part_sizes(self.store, self.batch) if key not in self._seen]

    def current(self) -> dict[Key, Attempt]:
        """The row that stands for each stage of each job."""
        return current(self.state)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector, which looks through all rows again and again while they are made; none is a cycle."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read_table(store: Store, batch: str, stage: str = "", columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of a batch, or of one stage, as a table; duplicates and superseded attempts are in it."""
    return read_listed(store, lambda: list(part_sizes(store, batch, stage)), columns)[1]


def read_attempts(store: Store, batch: str, stage: str = "") -> list[Attempt]:
    """All rows of a batch, or of one stage, without what their fingerprints were made of: see `read_parts`."""
    return from_table(read_table(store, batch, stage, SHORT))


def read_parts(store: Store, batch: str) -> dict[str, str]:
    """What each fingerprint in a batch's rows was made of, as JSON."""
    table = read_table(store, batch, columns=["fingerprint", "parts"])
    pairs = zip(table["fingerprint"].to_pylist(), table["parts"].to_pylist(), strict=True)
    return {value: parts for value, parts in pairs if parts and parts != "{}"}


def batches(store: Store) -> list[str]:
    """Names of all batches."""
    return store.folders("batches")
