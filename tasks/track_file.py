"""`track.parquet`: where one face is in every frame of a picture, as crop writes it and the later stages read it."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NAME = "track.parquet"
_VECTOR = pa.list_(pa.float32())
SCHEMA = pa.schema(
    [
        ("frame", pa.int32()),
        ("pts", pa.int64()),
        ("time", pa.float64()),
        ("box", _VECTOR),
        ("landmarks", _VECTOR),
        ("presence", pa.float32()),
        ("yaw", pa.float32()),
        ("shot", pa.int16()),
        ("track", pa.int16()),
        ("crop_x", pa.int32()),
        ("crop_y", pa.int32()),
        ("crop_w", pa.int32()),
        ("crop_h", pa.int32()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True)
class TrackFile:
    """One face over the N frames of a picture.

    kind: portrait or footage; width, height: pixels of the whole picture; rate: frames a second; time_base: seconds a
    tick of pts; pts (N,) int64; landmarks (N, 468, 3) in pixels of the whole picture, see faces.mesh.Mesh;
    presence, yaw (N,); crop (x, y, w, h): the rectangle in `crops.mkv`; reasons: N, None where the frame is rendered.
    """

    kind: str
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    pts: NDArray[np.int64]
    landmarks: Floats
    presence: Floats
    yaw: Floats
    crop: tuple[int, int, int, int]
    reasons: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def times(self) -> list[Fraction]:
        """Exact seconds of every frame."""
        return [int(tick) * self.time_base for tick in self.pts]


def write_track(folder: Path, track: TrackFile) -> None:
    """Write `track.parquet` into a folder."""
    count = len(track)
    low, high = track.landmarks[..., :2].min(1), track.landmarks[..., :2].max(1)
    columns = [
        np.arange(count, dtype=np.int32),
        track.pts,
        np.array([float(time) for time in track.times]),
        pa.array(list(np.concatenate([low, high - low], 1).astype(np.float32)), _VECTOR),
        pa.array(list(track.landmarks.reshape(count, -1)), _VECTOR),
        track.presence.astype(np.float32),
        track.yaw.astype(np.float32),
        np.zeros(count, np.int16),
        np.zeros(count, np.int16),
        *(np.full(count, value, np.int32) for value in track.crop),
        pa.array(track.reasons, pa.string()),
    ]
    meta: dict[str, Any] = {name: getattr(track, name) for name in ("kind", "width", "height")}
    meta |= {"rate": _ratio(track.rate), "time_base": _ratio(track.time_base)}
    table = pa.table(columns, schema=SCHEMA.with_metadata({"emodiff": json.dumps(meta)}))
    pq.write_table(table, folder / NAME, compression="zstd")


def read_track(folder: Path) -> TrackFile:
    """The track in a folder that `write_track` wrote."""
    table = pq.read_table(folder / NAME)
    meta = json.loads(table.schema.metadata[b"emodiff"])
    rectangle = [int(table[name][0].as_py()) for name in ("crop_x", "crop_y", "crop_w", "crop_h")]
    return TrackFile(
        kind=meta["kind"],
        width=meta["width"],
        height=meta["height"],
        rate=Fraction(meta["rate"]),
        time_base=Fraction(meta["time_base"]),
        pts=table["pts"].to_numpy(),
        landmarks=_matrix(table["landmarks"]).reshape(len(table), 468, 3),
        presence=table["presence"].to_numpy(),
        yaw=table["yaw"].to_numpy(),
        crop=(rectangle[0], rectangle[1], rectangle[2], rectangle[3]),
        reasons=tuple(table["reason"].to_pylist()),
    )


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _matrix(column: pa.ChunkedArray) -> Floats:
    flat = column.combine_chunks().flatten().to_numpy()
    return np.ascontiguousarray(flat.reshape(len(column), -1), np.float32)
