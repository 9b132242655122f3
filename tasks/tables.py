"""CSV, JSONL and Parquet to plain records, whatever program wrote them."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MOST_ROWS, MOST_COLUMNS, MOST_BYTES = 1_000_000, 1000, 2**31
DELIMITERS = (",", ";", "\t")


class NotATable(ValueError):
    """The bytes are no CSV, JSONL or Parquet; the text says what they are and what to do."""


@dataclass(frozen=True)
class Trouble:
    """Something wrong with one row before its values were looked at."""

    row: int
    column: str
    value: str
    expected: str


@dataclass
class Table:
    """Records by column name, without empty cells, and the row each is in: a line of JSONL, a row of a spreadsheet."""

    columns: list[str]
    records: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


def read_table(data: bytes, name: str) -> Table:
    """Records of a file. name: decides the format where the content does not. Raises NotATable."""
    if data.startswith(b"PAR1"):
        return _parquet(data)
    if data.startswith(b"PK\x03\x04"):
        raise NotATable("a zip archive or an Excel workbook: save it as CSV UTF-8")
    text = _decode(data)
    if name.lower().endswith((".jsonl", ".ndjson", ".json")):
        return _jsonl(text)
    if not name.lower().endswith((".csv", ".tsv", ".txt")) and text.lstrip().startswith("{"):
        return _jsonl(text)
    return _csv(text)


def _decode(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotATable(
            f"byte {error.start} is not {encoding.removesuffix('-sig').upper()}: save it as UTF-8"
        ) from None
    if "\x00" in text:
        raise NotATable("binary: a sheet is CSV, JSONL or Parquet")
    return text


def _csv(text: str) -> Table:
    try:
        return _cells(text, strict=True)
    except csv.Error as error:
        # A space after a closing quote is common and harmless; a quote that never closes is not.
        if "expected after" not in str(error):
            raise NotATable(f"not CSV: {error}; is a quote not closed?") from None
    try:
        return _cells(text, strict=False)
    except csv.Error as error:
        raise NotATable(f"not CSV: {error}") from None


def _cells(text: str, strict: bool) -> Table:
    header = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict)
    table = Table([cell.strip() for cell in next(lines, [])])
    for row, cells in enumerate(lines, start=2):
        _take_cells(table, row, [cell.strip() for cell in cells])
    return table


def _take_cells(table: Table, row: int, cells: list[str]) -> None:
    if not any(cells):
        return
    if any(cells[len(table.columns) :]):
        about = f"{len(table.columns)} cells as in the header; quote a cell that holds the separator"
        table.troubles.append(Trouble(row, "", f"{len(cells)} cells", about))
    table.records.append({name: cell for name, cell in zip(table.columns, cells, strict=False) if cell})
    table.rows.append(row)


def _jsonl(text: str) -> Table:
    table = Table([])
    seen: dict[str, None] = {}
    for row, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                record = json.loads(line, object_pairs_hook=_object, parse_constant=_constant)
                if not isinstance(record, dict):
                    raise ValueError("not an object")
            except (ValueError, RecursionError) as error:
                table.troubles.append(Trouble(row, "", line, f"one JSON object a line ({error})"))
                continue
            seen |= dict.fromkeys(record)
            table.records.append({key: _strip(value) for key, value in record.items() if value not in (None, "")})
            table.rows.append(row)
    if not table.records and table.troubles and len(table.troubles) > 3:
        raise NotATable("not JSONL: one JSON object a line")
    table.columns = list(seen)
    return table


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _parquet(data: bytes) -> Table:
    try:
        columns = _unpacked(data)
    except (pa.ArrowException, OSError) as error:
        # The library quotes the file's own bytes.
        why = "".join(sign if sign.isprintable() else " " for sign in str(error)).strip()
        raise NotATable(f"a damaged Parquet file: {why[:200]}") from None
    names = columns.column_names
    records = [dict(_present(names, values)) for values in zip(*(c.to_pylist() for c in columns.columns), strict=True)]
    return Table(names, records, list(range(1, len(records) + 1)))


def _unpacked(data: bytes) -> pa.Table:
    """The table, unless a small file says that it unpacks to a very large one. Raises NotATable."""
    file = pq.ParquetFile(io.BytesIO(data))
    about = file.metadata
    if about.num_rows > MOST_ROWS or about.num_columns > MOST_COLUMNS:
        raise NotATable(f"{about.num_rows} rows of {about.num_columns} columns: cut it into several")
    texts = [file.schema_arrow.names[i] for i, kind in enumerate(file.schema_arrow.types) if pa.types.is_string(kind)]
    # A text that is said once may be repeated in every row: it is kept once until its length is known.
    packed = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts).read(use_threads=False)
    longest = sum(pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in _dictionaries(packed))
    if longest * about.num_rows > MOST_BYTES:
        raise NotATable(f"unpacks to as much as {longest * about.num_rows} bytes: cut it into several")
    return file.read(use_threads=False)


def _dictionaries(columns: pa.Table) -> Iterator[pa.DictionaryArray]:
    """One chunk of each column of texts, the one with the longest texts in it."""
    for column in columns.columns:
        parts = [part for part in column.chunks if pa.types.is_dictionary(part.type)]
        yield from sorted(parts, key=lambda part: part.dictionary.nbytes)[-1:]


def _present(names: list[str], values: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    return ((name, _strip(value)) for name, value in zip(names, values, strict=True) if value is not None)


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
