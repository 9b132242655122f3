"""`track.parquet`: where one face is in every frame of a picture, as crop writes it and the later stages read it."""

import json
from collections.abc import Iterable
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
_LARGE = ("landmarks", "irises")
SCHEMA = pa.schema(
    [
        ("frame", pa.int32()),
        ("pts", pa.int64()),
        ("time", pa.float64()),
        ("box", _VECTOR),
        ("landmarks", _VECTOR),
        ("irises", _VECTOR),
        ("presence", pa.float32()),
        ("yaw", pa.float32()),
        ("opening", pa.float32()),
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
    tick of pts; pts (N,) int64; landmarks (N, 468, 3) in pixels of the whole picture, see faces.mesh.Mesh, all 0 in
    shots without the face; presence, yaw (N,); crops (N, 4) int32 x, y, w, h: the rectangle in `crops.mkv`, of one size
    for all frames, in one place for a shot; reasons: N, None where the frame is rendered; shots (N,) int16: number of
    the shot; tracks (N,) int16: number of the face, -1 where it is not seen; irises (N, 2, 5, 3) as in Mesh, nan where
    not seen, None where nobody looked; last: seconds that the last frame lasts, None for one step of the rate.
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
    crops: NDArray[np.int32]
    reasons: tuple[str | None, ...]
    shots: NDArray[np.int16]
    tracks: NDArray[np.int16]
    openings: Floats
    irises: Floats | None = None
    last: Fraction | None = None

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def times(self) -> list[Fraction]:
        """Exact seconds of every frame."""
        return [int(tick) * self.time_base for tick in self.pts]

    @property
    def fit(self) -> NDArray[np.bool_]:
        """(N,) whether the face can be rendered."""
        return np.array([reason is None for reason in self.reasons], bool)

    def crop_at(self, frame: int) -> tuple[int, int, int, int]:
        """The rectangle (x, y, w, h) of a frame of the deliverable; a portrait has one for all."""
        x, y, w, h = (int(value) for value in self.crops[min(frame, len(self.crops) - 1)])
        return x, y, w, h

    @property
    def around(self) -> tuple[int, int, int, int]:
        """The rectangle (x, y, w, h) that holds the crops of all frames that are rendered, or else of all."""
        used = self.crops[self.fit] if self.fit.any() else self.crops
        x, y = (int(v) for v in used[:, :2].min(0))
        right, bottom = (int(v) for v in (used[:, :2] + used[:, 2:]).max(0))
        return x, y, right - x, bottom - y


def write_track(folder: Path, *parts: TrackFile) -> None:
    """Write `track.parquet` into a folder. parts: of one track, in order."""
    write_parts(folder, parts)


def write_parts(folder: Path, parts: Iterable[TrackFile]) -> None:
    """The same part by part, so that a long film's landmarks are never all in memory."""
    writer: pq.ParquetWriter | None = None
    try:
        first = 0
        for part in parts:
            schema = SCHEMA.with_metadata({"emodiff": json.dumps(_about(part))})
            writer = writer or pq.ParquetWriter(folder / NAME, schema, compression="zstd")
            writer.write_table(pa.table(_columns(part, first), schema=schema))
            first += len(part)
    finally:
        if writer is not None:
            writer.close()


def _about(track: TrackFile) -> dict[str, Any]:
    about: dict[str, Any] = {name: getattr(track, name) for name in ("kind", "width", "height")}
    about |= {"rate": _ratio(track.rate), "time_base": _ratio(track.time_base)}
    return about if track.last is None else about | {"last": _ratio(track.last)}


def _columns(track: TrackFile, first: int) -> list[Any]:
    count = len(track)
    low, high = track.landmarks[..., :2].min(1), track.landmarks[..., :2].max(1)
    return [
        np.arange(first, first + count, dtype=np.int32),
        track.pts,
        np.array([float(time) for time in track.times]),
        pa.array(list(np.concatenate([low, high - low], 1).astype(np.float32)), _VECTOR),
        pa.array(list(track.landmarks.reshape(count, -1)), _VECTOR),
        _irises(track),
        track.presence.astype(np.float32),
        track.yaw.astype(np.float32),
        track.openings.astype(np.float32),
        track.shots.astype(np.int16),
        track.tracks.astype(np.int16),
        *track.crops.astype(np.int32).T,
        pa.array(track.reasons, pa.string()),
    ]


def read_track(folder: Path, landmarks: bool = True) -> TrackFile:
    """The track in a folder that `write_track` wrote; without landmarks, which are most of it, they are (N, 0, 3)."""
    table = pq.read_table(folder / NAME, columns=None if landmarks else [n for n in SCHEMA.names if n not in _LARGE])
    meta = json.loads(table.schema.metadata[b"emodiff"])
    crops = np.stack([table[f"crop_{side}"].to_numpy() for side in "xywh"], 1)
    return TrackFile(
        kind=meta["kind"],
        width=meta["width"],
        height=meta["height"],
        rate=Fraction(meta["rate"]),
        time_base=Fraction(meta["time_base"]),
        pts=table["pts"].to_numpy(),
        landmarks=_points(table),
        presence=table["presence"].to_numpy(),
        yaw=table["yaw"].to_numpy(),
        crops=crops,
        reasons=tuple(table["reason"].to_pylist()),
        shots=table["shot"].to_numpy(),
        tracks=table["track"].to_numpy(),
        openings=table["opening"].to_numpy(),
        irises=_seen(table),
        last=Fraction(meta["last"]) if "last" in meta else None,
    )


class Landmarks:
    """The landmarks (N, 468, 3) of a track's frames, read from the file when they are asked for, a row group at a time:
    those of a long film are never all in memory. frames: their numbers, None for all."""

    def __init__(self, folder: Path, frames: NDArray[np.intp] | None = None) -> None:
        self._file = pq.ParquetFile(folder / NAME)
        about = self._file.metadata
        sizes = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self._frames = np.arange(about.num_rows) if frames is None else frames
        self._held, self._points = -1, np.zeros((0, 468, 3), np.float32)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: slice | NDArray[np.intp]) -> Floats:
        wanted = self._frames[index]
        out = np.empty((len(wanted), 468, 3), np.float32)
        groups = np.searchsorted(self._starts, wanted, "right") - 1
        for number in np.unique(groups):
            here = groups == number
            out[here] = self._group(int(number))[wanted[here] - self._starts[number]]
        return out

    def _group(self, number: int) -> Floats:
        if number != self._held:
            table = self._file.read_row_group(number, columns=["landmarks"])
            self._held, self._points = number, _matrix(table["landmarks"]).reshape(-1, 468, 3)
        return self._points


def read_irises(folder: Path) -> Floats | None:
    """(N, 2, 5, 3) of the track in a folder, nan where not seen; None where they never were."""
    return _seen(pq.read_table(folder / NAME, columns=["irises"]))


def _irises(track: TrackFile) -> pa.Array:
    """A row of 30 numbers a frame, null where they were not seen."""
    if track.irises is None:
        return pa.nulls(len(track), _VECTOR)
    flat = track.irises.reshape(len(track), -1)
    return pa.array([None if np.isnan(row).any() else row for row in flat], _VECTOR)


def _seen(table: pa.Table) -> Floats | None:
    if "irises" not in table.column_names or table["irises"].null_count == len(table):
        return None
    column, rows = table["irises"].combine_chunks(), np.full((len(table), 30), np.nan, np.float32)
    rows[column.is_valid().to_numpy(zero_copy_only=False)] = column.flatten().to_numpy().reshape(-1, 30)
    return rows.reshape(-1, 2, 5, 3)


def _points(table: pa.Table) -> Floats:
    if "landmarks" not in table.column_names:
        return np.zeros((len(table), 0, 3), np.float32)
    return _matrix(table["landmarks"]).reshape(len(table), 468, 3)


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _matrix(column: pa.ChunkedArray) -> Floats:
    flat = column.combine_chunks().flatten().to_numpy()
    return np.ascontiguousarray(flat.reshape(len(column), -1), np.float32)
