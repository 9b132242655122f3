"""The rows of the ledger and the fold that makes a state of them."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple

import pyarrow as pa

from infra.errors import SetupError
from infra.ulid import ulid

SCHEMA_VERSION = 1
JOB = "job"


class Status(StrEnum):
    """How an attempt ended. The rows of stage `job` say shipped or failed; stages say succeeded, reused or failed."""

    SUCCEEDED = "succeeded"
    REUSED = "reused"
    SHIPPED = "shipped"
    FAILED = "failed"
    STOPPED = "stopped"


SUCCESS = frozenset({Status.SUCCEEDED, Status.REUSED, Status.SHIPPED})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one stage of one job, or the end of a job (stage `job`). A re-sent row has the same id."""

    batch: str
    job: str
    stage: str
    status: str
    span: int | None = None
    attempt: int = 1
    fingerprint: str = ""
    error_code: str = ""
    error_kind: str = ""
    message: str = ""
    hint: str = ""
    start: float = 0.0
    end: float = 0.0
    cpu_s: float = 0.0
    gpu_s: float = 0.0
    peak_rss: int = 0
    worker: str = ""
    output: str = ""
    bytes: int = 0
    sha256: str = ""
    findings: str = "[]"
    figures: str = "{}"
    parts: str = "{}"
    id: str = field(default_factory=ulid)

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.status in SUCCESS

    @property
    def key(self) -> "Key":
        """What it was a try at."""
        return Key(self.job, self.stage, self.span)

    def found(self) -> list[dict[str, Any]]:
        """Findings as objects: level, code, message, time."""
        return json.loads(self.findings)

    def measured(self) -> dict[str, float]:
        """Figures by name."""
        return json.loads(self.figures)


ATTEMPTS = pa.schema(
    [
        pa.field("batch", pa.string()),
        pa.field("job", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("status", pa.string()),
        pa.field("span", pa.int32(), metadata={"about": "null where the stage works on the whole job"}),
        pa.field("attempt", pa.int32(), metadata={"about": "counts from 1 for each job, stage and span"}),
        pa.field("fingerprint", pa.string()),
        pa.field("error_code", pa.string()),
        pa.field("error_kind", pa.string(), metadata={"about": "class in infra/errors.py"}),
        pa.field("message", pa.string()),
        pa.field("hint", pa.string()),
        pa.field("start", pa.float64(), metadata={"unit": "s since 1970 UTC"}),
        pa.field("end", pa.float64(), metadata={"unit": "s since 1970 UTC"}),
        pa.field("cpu_s", pa.float64(), metadata={"unit": "s"}),
        pa.field("gpu_s", pa.float64(), metadata={"unit": "s"}),
        pa.field("peak_rss", pa.int64(), metadata={"unit": "bytes"}),
        pa.field("worker", pa.string()),
        pa.field("output", pa.string(), metadata={"about": "key of the artifact's folder in the store"}),
        pa.field("bytes", pa.int64(), metadata={"unit": "bytes"}),
        pa.field("sha256", pa.string()),
        pa.field("findings", pa.string(), metadata={"about": "JSON list"}),
        pa.field("figures", pa.string(), metadata={"about": "JSON object"}),
        pa.field("parts", pa.string(), metadata={"about": "JSON object: what the fingerprint was made of"}),
        pa.field("id", pa.string(), metadata={"about": "ULID of the row"}),
    ],
    metadata={"emodiff.ledger": "attempts", "emodiff.schema": str(SCHEMA_VERSION)},
)


class Key(NamedTuple):
    """What rows are about: one stage of one job, and one span where there are several."""

    job: str
    stage: str
    span: int | None = None


@dataclass(frozen=True)
class Standing:
    """All that counts of the rows of one key and one fingerprint: the best row and the newest."""

    best: Attempt
    newest: Attempt


State = Mapping[tuple[Key, str], Standing]


def fold(rows: Iterable[Attempt], state: State | None = None) -> dict[tuple[Key, str], Standing]:
    """What rows say together. Success beats failure, then the newest; order and duplicates do not matter.

    A state and more rows give the state of all rows, so that a reader goes on from where it was.
    """
    folded = dict(state or {})
    for row in rows:
        place = (row.key, row.fingerprint)
        known = folded.get(place)
        folded[place] = Standing(row, row) if known is None else _join(known, row)
    return folded


def current(state: State) -> dict[Key, Attempt]:
    """The row that stands for each key: of the fingerprint that was tried last, the best row."""
    latest: dict[Key, Standing] = {}
    for (key, _), standing in state.items():
        known = latest.get(key)
        if known is None or _age(known.newest) < _age(standing.newest):
            latest[key] = standing
    return {key: standing.best for key, standing in latest.items()}


def _join(known: Standing, row: Attempt) -> Standing:
    best = max(known.best, row, key=lambda r: (r.ok, _age(r)))
    return Standing(best, max(known.newest, row, key=_age))


def _age(row: Attempt) -> tuple[int, float, str]:
    """Newer is larger. The count comes before the clock, which may jump; ids leave no tie."""
    return (row.attempt, row.end, row.id)


NAMES = tuple(f.name for f in fields(Attempt))


def to_table(rows: Iterable[Attempt]) -> pa.Table:
    """Rows as a table in the ledger's schema."""
    listed = list(rows)
    return pa.table({name: [getattr(row, name) for row in listed] for name in NAMES}, schema=ATTEMPTS)


def from_table(table: pa.Table) -> list[Attempt]:
    """Rows of a table; columns that an older writer did not know have their defaults.

    Raises SetupError LEDGER_DAMAGED where it does not even say of which job, which stage, and what became of it.
    """
    missing = {"job", "stage", "status"} - set(table.column_names)
    if missing:
        raise SetupError("LEDGER_DAMAGED", f"Rows without {', '.join(sorted(missing))}", "Move that part away")
    columns = {f.name: _column(table, f) for f in fields(Attempt) if f.name != "id"}
    derived = "id" not in table.column_names
    ids = list(map(_derived, zip(*columns.values(), strict=True))) if derived else _column(table, _ID)
    return _made(columns | {"id": ids}, table.num_rows)


def _made(columns: Mapping[str, list[Any]], count: int) -> list[Attempt]:
    """Rows of columns. A frozen class sets field by field in Python; column by column takes a quarter of that."""
    rows = [Attempt.__new__(Attempt) for _ in range(count)]
    for name, values in columns.items():
        deque(map(vars(Attempt)[name].__set__, rows, values), maxlen=0)
    return rows


def upgraded(table: pa.Table) -> pa.Table:
    """A table of an older writer with all columns of today; columns of a newer writer stay."""
    if set(NAMES) <= set(table.column_names):
        return table
    fresh = to_table(from_table(table))
    for name in table.column_names:
        if name not in NAMES:
            fresh = fresh.append_column(table.schema.field(name), table.column(name))
    return fresh


_ID = next(f for f in fields(Attempt) if f.name == "id")


def _derived(values: tuple[Any, ...]) -> str:
    """The id of a row that was written without one: the same at each reading."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:26].upper()


def _column(table: pa.Table, column: Field[Any]) -> list[Any]:
    default = "" if column.default is MISSING else column.default
    if column.name not in table.column_names:
        return [default] * table.num_rows
    values = table.column(column.name)
    listed: list[Any] = values.to_pylist()
    if values.null_count == 0 or default is None:
        return listed
    return [default if value is None else value for value in listed]
