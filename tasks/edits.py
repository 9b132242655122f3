"""What takes changed: their masks in the whole picture, frame after frame, and the edit map that follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.media import read_lossless
from emodiff_core.quality.edit_map import Box, Edit, Outline, edits_of
from tasks.track_file import TrackFile

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class _Changed:
    """A frame in which something changed. mask: of its crop; corner: of the crop in the picture; why: its need."""

    frame: int
    mask: Mask
    corner: tuple[int, int]
    why: str

    @property
    def box(self) -> Box | None:
        """The rectangle of the picture that holds all that changed, None where nothing did."""
        x, y, w, h = cv2.boundingRect(self.mask)
        return (self.corner[0] + x, self.corner[1] + y, w, h) if w and h else None


class Masks:
    """Called with one frame after the other it tells where pixels were changed; `edits` when all are through."""

    def __init__(self, takes: list[Path], track: TrackFile) -> None:
        self._size = (track.height, track.width)
        self._takes, self._track = takes, track
        self._left = _changed(takes, track)
        self._next = next(self._left, None)
        self._seen: list[tuple[int, Box | None, str]] = []

    def __call__(self, frame: int) -> Mask | None:
        """(H, W) of the whole picture as shown, 0 where pixels are the source's; None where all are."""
        while self._next is not None and self._next.frame < frame:
            self._advance()
        if self._next is None or self._next.frame != frame or not self._next.mask.any():
            return None
        whole, (x, y) = np.zeros(self._size, np.uint8), self._next.corner
        height, width = self._next.mask.shape
        whole[y : y + height, x : x + width] = self._next.mask
        return whole

    def edits(self) -> list[Edit]:
        """The edits of all takes with their outlines; what has not been asked for is read now."""
        while self._next is not None:
            self._advance()
        edits = edits_of(self._seen)
        found = _outlines(self._takes, self._track, {frame for edit in edits for frame in edit.marks})
        return [replace(edit, outlines={k: found[k] for k in edit.marks}) for edit in edits]

    def _advance(self) -> None:
        if self._next is not None:
            self._seen.append((self._next.frame, self._next.box, self._next.why))
            self._next = next(self._left, None)


def _changed(takes: list[Path], track: TrackFile) -> Iterator[_Changed]:
    for folder in takes:
        table = pq.read_table(folder / "take.parquet")
        frames = table["frame"].to_pylist()
        needs = table["need"].to_pylist() if "need" in table.column_names else ["speech"] * len(frames)
        for frame, why, mask in zip(frames, needs, read_lossless(folder / "mask.mkv"), strict=True):
            x, y, _, _ = track.crop_at(frame)
            yield _Changed(frame, mask, (x, y), why)


def _outlines(takes: list[Path], track: TrackFile, frames: set[int]) -> dict[int, Outline]:
    """Outlines of some frames' masks, in the whole picture."""
    found = {}
    for folder in takes:
        for row, frame in enumerate(pq.read_table(folder / "take.parquet", columns=["frame"])["frame"].to_pylist()):
            if frame in frames:
                (mask,) = read_lossless(folder / "mask.mkv", row, row + 1)
                x, y, _, _ = track.crop_at(frame)
                found[frame] = outline_of(mask, (x, y))
    return found


def outline_of(mask: Mask, corner: tuple[int, int]) -> Outline:
    """Polygons around what is not 0 in a mask (h, w), within a pixel. corner: (x, y) of the mask in the picture."""
    rings, _ = cv2.findContours((mask > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=corner)
    return tuple(tuple((int(x), int(y)) for x, y in cv2.approxPolyDP(ring, 0.9, True)[:, 0]) for ring in rings)
