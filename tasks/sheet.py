"""A sheet of jobs: all errors of form at once, before anything runs."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from infra.errors import EmodiffError, SetupError
from infra.settings import Settings
from infra.storage import open_store
from tasks.jobs import Emotion, Job
from tasks.tables import NotATable, Table, read_table

SHOWN = 20
LIMIT = 512 * 2**20


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a sheet. row: as a spreadsheet or an editor counts it, 0 for the whole file."""

    row: int
    column: str
    value: str
    expected: str

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row else "the sheet"
        column = f", column {self.column}" if self.column else ""
        value = f": {self.value}" if self.value else ""
        return f"{place}{column}{value} — {self.expected}"


class SheetError(SetupError):
    """The sheet is refused as a whole. faults: everything that is wrong, in the order of rows."""

    def __init__(self, sheet: str, faults: Iterable[Fault]) -> None:
        self.sheet = sheet
        self.faults = sorted(faults, key=lambda fault: fault.row)
        shown = "\n".join(f"  {fault}" for fault in self.faults[:SHOWN])
        more = len(self.faults) - SHOWN
        rest = f"\n  and {more} more" if more > 0 else ""
        count = f"{len(self.faults)} errors" if len(self.faults) > 1 else "an error"
        super().__init__("SHEET", f"{sheet} has {count} of form:\n{shown}{rest}", "Nothing has run")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sheet, self.faults)

    def as_json(self) -> list[dict[str, Any]]:
        """Faults as plain objects."""
        return [asdict(fault) for fault in self.faults]


def read_sheet(where: str | Path, settings: Settings | None = None) -> list[Job]:
    """Jobs of a CSV, JSONL or Parquet sheet on a disk or at s3://, in its order. Raises SheetError."""
    return parse_sheet(_bytes(str(where), settings), str(where))


def folder_of(where: str | Path) -> str:
    """The folder that relative paths in a sheet are relative to."""
    address = str(where)
    return address.rsplit("/", 1)[0] if address.startswith("s3://") else str(Path(address).absolute().parent)


def parse_sheet(data: bytes, name: str) -> list[Job]:
    """Jobs of a sheet's bytes. name: for its suffix and for messages. Raises SheetError."""
    try:
        table = read_table(data, name)
    except NotATable as error:
        raise SheetError(name, [Fault(0, "", "", f"no sheet: {error}")]) from None
    faults = [Fault(t.row, t.column, shown(t.value), t.expected) for t in table.troubles] + _header(table)
    missing = {n for n, info in Job.model_fields.items() if info.is_required() and n not in table.columns}
    jobs, wrong = _rows(table, missing)
    faults += wrong
    if not table.records and not faults:
        faults.append(Fault(0, "", "", "no jobs: a sheet has a header and at least one row"))
    if faults:
        raise SheetError(name, faults)
    return jobs


def documentation() -> str:
    """The columns of a sheet as a Markdown table."""
    lines = ["| column | default | meaning |", "|---|---|---|"]
    for name, info in Job.model_fields.items():
        default = "required" if info.is_required() else f"`{info.default}`" if info.default is not None else ""
        choices = f" ({', '.join(Emotion)})" if name == "emotion" else ""
        lines.append(f"| `{name}` | {default} | {info.description}{choices} |")
    return "\n".join(lines) + "\n"


def shown(value: object) -> str:
    """A value as an operator may see it: short, and no control characters."""
    text = value if isinstance(value, str) else repr(value)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "�", text)
    return text if len(text) <= 80 else text[:79] + "…"


def faults_of(error: ValidationError, row: int, model: type[BaseModel]) -> list[Fault]:
    """What pydantic found wrong with one row, said for the one who wrote it."""
    found = []
    for entry in error.errors(include_url=False, include_context=False):
        if entry["type"] == "default_factory_not_called":
            continue
        column = shown(str(entry["loc"][0])) if entry["loc"] else ""
        value = "" if entry["type"] == "missing" or not column else shown(entry["input"])
        found.append(Fault(row, column, value, _expected(entry, column, model)))
    return found


def _expected(entry: Any, column: str, model: type[BaseModel]) -> str:
    info = model.model_fields.get(column)
    about = (info.description if info else "") or ""
    if entry["type"] == "missing":
        return f"a value is needed: {about}"
    if entry["type"] == "enum":
        return f"one of {', '.join(Emotion)}{_meant(str(entry['input']).lower(), tuple(Emotion))}"
    if entry["type"] == "extra_forbidden":
        return f"unknown column{_meant(column, tuple(model.model_fields))}"
    return entry["msg"].removeprefix("Value error, ") + (f": {about}" if about else "")


@lru_cache(maxsize=1024)
def _meant(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _header(table: Table) -> list[Fault]:
    known = tuple(Job.model_fields)
    unknown = [name for name in dict.fromkeys(table.columns) if name not in Job.model_fields]
    twice = sorted({name for name in table.columns if table.columns.count(name) > 1})
    missing = [n for n, info in Job.model_fields.items() if info.is_required() and n not in table.columns]
    if table.columns and len(unknown) == len(set(table.columns)) and len(missing) > 1:
        return [Fault(0, "", shown(", ".join(table.columns)), f"no sheet of jobs: its columns are {', '.join(known)}")]
    faults = [Fault(0, shown(n), "", f"unknown column{_meant(n.lower().replace(' ', '_'), known)}") for n in unknown]
    faults += [Fault(0, name, "", "the column is there twice") for name in twice if name in Job.model_fields]
    if table.columns or table.records:
        faults += [
            Fault(0, name, "", f"the column is missing: {Job.model_fields[name].description}") for name in missing
        ]
    return faults


def _rows(table: Table, missing: set[str]) -> tuple[list[Job], list[Fault]]:
    """Jobs, and faults of rows. missing: columns that are not there, which is said once and not for every row."""
    validate = TypeAdapter(Job).validate_python
    jobs: list[Job] = []
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    strange = {name for name in table.columns if name not in Job.model_fields}
    for row, record in zip(table.rows, table.records, strict=True):
        kept = {k: v for k, v in record.items() if k not in strange} if strange else record
        try:
            jobs.append(validate(kept))
        except ValidationError as error:
            faults += [fault for fault in faults_of(error, row, Job) if fault.column not in missing]
        faults += _twice(kept.get("job_id"), row, seen)
    return jobs, faults


def _twice(job_id: object, row: int, seen: dict[str, int]) -> list[Fault]:
    """Ids that differ in case only are one file on some disks."""
    if job_id is None:
        return []
    first = seen.setdefault(str(job_id).casefold(), row)
    return [] if first == row else [Fault(row, "job_id", shown(job_id), f"unique: row {first} has it already")]


def _bytes(where: str, settings: Settings | None) -> bytes:
    if not where.startswith("s3://") and Path(where).is_dir():
        raise SheetError(where, [Fault(0, "", "", "no sheet: it is a folder")])
    folder, name = folder_of(where), where.rsplit("/", 1)[-1]
    try:
        store = open_store(folder, settings)
        size = store.sizes(name).get(name, 0) if where.startswith("s3://") else Path(where).stat().st_size
        if size > LIMIT:
            raise SheetError(where, [Fault(0, "", f"{size} bytes", "a sheet of at most 512 MiB; cut it into several")])
        return store.read(name)
    except FileNotFoundError:
        raise SheetError(where, [Fault(0, "", "", "there is no such file")]) from None
    except SheetError:
        raise
    except EmodiffError as error:
        raise SheetError(where, [Fault(0, "", "", f"it cannot be read: {error.message}")]) from None
