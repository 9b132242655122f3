"""`codes.parquet`: what the fit says of a face in every frame, as expression writes it and generate reads it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.codes import Codes

NAME = "codes.parquet"
_FIELDS = ("expression", "rotation", "camera", "sigma")


@dataclass(frozen=True)
class Flame:
    """What DECA said, kept beside the codes it became: expression (N, 50 + 3) of the `flame` space, shape (100,)."""

    expression: NDArray[np.float32]
    shape: NDArray[np.float32]


def write_codes(folder: Path, codes: Codes, flame: Flame | None = None) -> None:
    """Write `codes.parquet` into a folder; flame becomes a column and an entry of the metadata of their own."""
    columns = {"frame": pa.array(np.arange(len(codes), dtype=np.int32))}
    columns |= {name: _lists(getattr(codes, name)) for name in _FIELDS}
    meta = {"head": codes.head, "shape": codes.shape.tolist(), "residual": codes.residual.tolist()}
    if flame is not None:
        columns["flame"] = _lists(flame.expression)
        meta["flame_shape"] = flame.shape.tolist()
    table = pa.table(columns).replace_schema_metadata({"emodiff": json.dumps(meta)})
    pq.write_table(table, folder / NAME, compression="zstd")


def read_codes(folder: Path) -> Codes:
    """The codes in a folder that `write_codes` wrote."""
    table = pq.read_table(folder / NAME)
    meta = json.loads(table.schema.metadata[b"emodiff"])
    return Codes(
        head=meta["head"],
        shape=np.array(meta["shape"], np.float32),
        residual=np.array(meta["residual"], np.float32),
        **{name: _matrix(table[name]) for name in _FIELDS},
    )


def _lists(rows: NDArray[np.float32]) -> pa.Array:
    """A list of numbers a row of (N, C), without a copy a row."""
    count, width = rows.shape
    flat = np.ascontiguousarray(rows, np.float32).ravel()
    return pa.ListArray.from_arrays(np.arange(0, count * width + 1, width, dtype=np.int32), flat)


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    flat = column.combine_chunks().flatten().to_numpy()
    return np.ascontiguousarray(flat.reshape(len(column), -1), np.float32)
