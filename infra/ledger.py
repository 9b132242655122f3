"""What is true about a batch: a plan, and attempts in append-only Parquet parts that any number of writers add."""

import io
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import EmodiffError, SetupError
from infra.logs import logger
from infra.rows import NAMES, SCHEMA_VERSION, Attempt, Key, State, current, fold, from_table, to_table
from infra.storage import Store
from infra.ulid import ulid

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


def root(batch: str) -> str:
    """Key of a batch."""
    return f"batches/{batch}"


def write_plan(store: Store, batch: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write the plan of a run, rows as in PLAN, under the next number; the newest counts. Returns its key.

    Plans are numbered and not dated, so that a clock that jumps brings no old one back.
    """
    data = _encode(pa.Table.from_pylist([dict(row) for row in rows], schema=PLAN))
    number = _newest_plan(store, batch) + 1
    while not store.create(_plan_key(batch, number), data):
        number += 1
    return _plan_key(batch, number)


def read_plan(store: Store, batch: str) -> list[dict[str, Any]]:
    """Rows of the newest plan. Raises FileNotFoundError where there is none."""
    number = _newest_plan(store, batch)
    key = _plan_key(batch, number) if number else f"{root(batch)}/plan.parquet"
    return _decode(key, store.read(key)).to_pylist()


def _newest_plan(store: Store, batch: str) -> int:
    names = [PurePosixPath(key).stem for key in store.keys(f"{root(batch)}/plans")]
    return max((int(name) for name in names if name.isdigit()), default=0)


def _plan_key(batch: str, number: int) -> str:
    return f"{root(batch)}/plans/{number:06}.parquet"


class Writer:
    """Adds attempts to a batch: a part per stage every 256 rows, every 30 s, and when it is closed.

    Writing is done by a thread of its own, so that a slow storage does not hold up who adds. Rows that could not be
    stored are kept and sent again; a row that arrives twice counts once.
    """

    def __init__(self, store: Store, batch: str, rows: int = 256, seconds: float = 30.0) -> None:
        self.store = store
        self.batch = batch
        self._rows, self._seconds = rows, seconds
        self._waiting: dict[str, list[Attempt]] = {}
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
        """Flush and end the thread. Raises TransientError STORAGE where rows could not be stored."""
        self._closed.set()
        self._wake.set()
        self._thread.join()
        self.flush()

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
            self.store.create(f"{root(self.batch)}/attempts/{stage}/{ulid()}.parquet", _encode(to_table(rows)))
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
            except EmodiffError as error:
                waiting = sum(map(len, self._waiting.values()))
                logger().warning("rows wait for the storage", batch=self.batch, rows=waiting, error=str(error))
                self._closed.wait(PAUSE)


class Reader:
    """The attempts of a batch; `refresh` reads only parts that are new."""

    def __init__(self, store: Store, batch: str) -> None:
        self.store = store
        self.batch = batch
        self.state: State = {}
        self._seen: set[str] = set()

    def refresh(self) -> "Reader":
        """Take in what was written since. Raises TransientError STORAGE, SetupError LEDGER_DAMAGED."""
        fresh = [key for key in _parts(self.store, self.batch) if key not in self._seen]
        self.state = fold(from_table(_tables(self.store, fresh, SHORT)), self.state)
        self._seen.update(fresh)
        return self

    def current(self) -> dict[Key, Attempt]:
        """The row that stands for each stage of each job."""
        return current(self.state)


def read_table(store: Store, batch: str, stage: str = "") -> pa.Table:
    """All rows of a batch, or of one stage, as a table; duplicates and superseded attempts are in it."""
    return _tables(store, _parts(store, batch, stage))


def read_attempts(store: Store, batch: str, stage: str = "") -> list[Attempt]:
    """All rows of a batch, or of one stage, without what their fingerprints were made of: see `read_parts`."""
    return from_table(_tables(store, _parts(store, batch, stage), SHORT))


def read_parts(store: Store, batch: str) -> dict[str, str]:
    """What each fingerprint in a batch's rows was made of, as JSON."""
    table = _tables(store, _parts(store, batch), ["fingerprint", "parts"])
    pairs = zip(table["fingerprint"].to_pylist(), table["parts"].to_pylist(), strict=True)
    return {value: parts for value, parts in pairs if parts and parts != "{}"}


def batches(store: Store) -> list[str]:
    """Names of all batches."""
    return store.folders("batches")


def _parts(store: Store, batch: str, stage: str = "") -> list[str]:
    prefix = f"{root(batch)}/attempts/{stage}".rstrip("/")
    return [key for key in store.keys(prefix) if key.endswith(".parquet")]


def _tables(store: Store, keys: list[str], columns: Sequence[str] = NAMES) -> pa.Table:
    with ThreadPoolExecutor(16) as pool:
        parts = list(pool.map(lambda key: _decode(key, store.read(key), columns), keys))
    return pa.concat_tables([to_table([]).select(columns), *parts], promote_options="default")


def _encode(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _decode(key: str, data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """columns: those to read, where they are there; None reads all."""
    try:
        # Arrow's threads, once begun, now and then abort a process at its end (apache/arrow issue 34314).
        file = pq.ParquetFile(io.BytesIO(data))
        names = None if columns is None else [name for name in file.schema_arrow.names if name in columns]
        return file.read(names, use_threads=False)
    except pa.ArrowInvalid as error:
        raise SetupError(
            "LEDGER_DAMAGED", f"{key} is no Parquet file any more", "Move it away; finished work is adopted"
        ) from error
