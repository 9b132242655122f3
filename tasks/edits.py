"""What takes changed: their masks in the whole picture, frame after frame, and the edit map that follows from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.media import read_lossless
from emodiff_core.quality.edit_map import Box, Edit, edits_of
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
        """The edits of all takes; what has not been asked for is read now."""
        while self._next is not None:
            self._advance()
        return edits_of(self._seen)

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
