"""Parquet parts of a ledger: written whole under a name of their own, never changed, folded into larger ones.

The file metadata names the schema: `emodiff.schema` is absent in rows older than version 1, and a version that this
code does not know is refused rather than half understood. `emodiff.folds` names the parts that a larger one took in.
"""

import io
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import SetupError, TransientError, newer
from infra.rows import ATTEMPTS, SCHEMA_VERSION, upgraded
from infra.storage import Store
from infra.ulid import ulid

VERSION, FOLDS = b"emodiff.schema", b"emodiff.folds"
# Arrow's own allocator keeps what a fold of ten thousand rows has used: 409 MB instead of 216, and is no faster here.
pa.set_memory_pool(pa.system_memory_pool())
READERS = 16
LISTINGS = 8


def root(batch: str) -> str:
    """Key of a batch."""
    return f"batches/{batch}"


def part_sizes(store: Store, batch: str, stage: str = "") -> dict[str, int]:
    """Bytes of every part of a batch, or of one stage, by key, oldest first."""
    prefix = f"{root(batch)}/attempts/{stage}".rstrip("/")
    return {key: size for key, size in sorted(store.sizes(prefix).items()) if key.endswith(".parquet")}


def new_part(batch: str, stage: str) -> str:
    """A key that no part has yet."""
    return f"{root(batch)}/attempts/{stage}/{ulid()}.parquet"


def read_keys(store: Store, keys: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of some parts, in the schema of today; columns: those wanted, None also those that a newer writer added.

    Raises FileNotFoundError where a part is gone, SetupError LEDGER_DAMAGED, LEDGER_NEWER.
    """
    with ThreadPoolExecutor(READERS) as pool:
        parts = list(pool.map(lambda key: _wanted(decode(key, store.read(key), columns), columns), keys))
    # Making a table here, even an empty one, would have Arrow import pandas where it is installed: half a second.
    return pa.concat_tables(parts or [_wanted(ATTEMPTS.empty_table(), columns)], promote_options="default")


def read_listed(
    store: Store, listing: Callable[[], Sequence[str]], columns: Sequence[str] | None = None
) -> tuple[Sequence[str], pa.Table]:
    """What is listed, and its rows. A part that went away meanwhile was folded into one that a new listing shows."""
    for _ in range(LISTINGS):
        keys = listing()
        try:
            return keys, read_keys(store, keys, columns)
        except FileNotFoundError:
            continue
    raise TransientError("STORAGE", "Parts of the ledger vanish while they are read", "Run the command again")


def _wanted(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    if columns is None:
        return upgraded(table)
    return (table if set(columns) <= set(table.column_names) else upgraded(table)).select(columns)


def encode(table: pa.Table, sources: Sequence[str] = ()) -> bytes:
    """A table as a Parquet file. sources: parts that it takes in."""
    if sources:
        folds = {FOLDS: json.dumps([key.rsplit("/", 1)[-1] for key in sources]).encode()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), **folds})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def decode(key: str, data: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """The table of a part or plan; columns: those to read, None reads all. An older part is read whole, to be upgraded.

    Raises SetupError LEDGER_DAMAGED, LEDGER_NEWER.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        _known(key, file.schema_arrow)
        whole = columns is None or not set(columns) <= set(file.schema_arrow.names)
        # Arrow's threads, once begun, now and then abort a process at its end (apache/arrow issue 34314).
        return file.read(None if whole else list(columns or ()), use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        hint = "Move it away; finished work is adopted"
        raise SetupError("LEDGER_DAMAGED", f"{key} is no Parquet file any more", hint) from error


def _known(key: str, schema: pa.Schema) -> None:
    found = (schema.metadata or {}).get(VERSION, b"0").decode(errors="replace")
    if not found.isdigit() or int(found) > SCHEMA_VERSION:
        raise newer("LEDGER_NEWER", key, f"{found}, and this program knows none after {SCHEMA_VERSION}")
