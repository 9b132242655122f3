"""Where faces are: BlazeFace (Bazarevsky et al. 2019), MediaPipe's short-range detector, on a picture or its tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.litert import run_model

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

SIDE = 128
_STRIDES = ((8, 2), (16, 6))  # stride and anchors per cell
_OVERLAP = 0.3


@dataclass(frozen=True)
class Face:
    """One face of a picture, in its pixels.

    box: (x, y, w, h); score: 0 to 1; keypoints: (6, 2) the subject's right eye, left eye, nose tip, mouth,
    right ear, left ear. May reach over the picture's edge.
    """

    box: tuple[float, float, float, float]
    score: float
    keypoints: Floats

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        return max(self.box[2:])


def detect(model: Path, picture: Picture, min_score: float = 0.5, smallest: float | None = None) -> list[Face]:
    """Faces of picture (H, W, 3) uint8 RGB, the best score first.

    One look at the whole picture finds faces of about an eighth of its longer side and more. With `smallest`
    (pixels of a face) the picture is also searched in overlapping tiles, halved until such a face fills an eighth.
    """
    found = [_look(model, picture, np.zeros(2, np.float32), float(max(picture.shape[:2])), min_score)]
    if smallest is not None:
        found += [_look(model, tile, corner, side, min_score) for tile, corner, side in _tiles(picture, smallest)]
    return _merge(np.concatenate(found))


def _tiles(picture: Picture, smallest: float) -> Iterator[tuple[Picture, Floats, float]]:
    """Square tiles with their corner and side, half of each shared with its neighbour."""
    height, width = picture.shape[:2]
    side = max(height, width) / 2
    while side > 2 * smallest and side > SIDE / 2:
        whole = round(side)
        for y in _starts(height, whole):
            for x in _starts(width, whole):
                yield picture[y : y + whole, x : x + whole], np.array([x, y], np.float32), float(whole)
        side /= 2


def _starts(length: int, tile: int) -> list[int]:
    steps = max(0, int(np.ceil((length - tile) / (tile / 2))))
    return sorted({round(start) for start in np.linspace(0, max(0, length - tile), steps + 1)})


def _look(model: Path, tile: Picture, corner: Floats, side: float, min_score: float) -> Floats:
    """Candidates (K, 17) in one square window at `corner`: score, centre, size, six keypoints, in picture pixels."""
    regressed, logits = sorted(run_model(model, _letterbox(tile, side)), key=lambda out: -out.shape[1])
    score = 1 / (1 + np.exp(-np.clip(logits[:, 0], -60, 60)))
    keep = score >= min_score
    rows = regressed[keep].reshape(-1, 8, 2) / SIDE
    rows[:, [0, 2, 3, 4, 5, 6, 7]] += _anchors()[keep][:, None]
    rows *= side
    rows[:, [0, 2, 3, 4, 5, 6, 7]] += corner
    return np.concatenate([score[keep][:, None], rows.reshape(-1, 16)], 1).astype(np.float32)


def _letterbox(tile: Picture, side: float) -> Floats:
    """The tile in the upper left of a 128 square at scale 128 / side, in [-1, 1], what is left over black."""
    height, width = (max(1, round(n * SIDE / side)) for n in tile.shape[:2])
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    square[:height, :width] = cv2.resize(tile, (width, height), interpolation=how)
    return square.astype(np.float32) / 127.5 - 1


@cache
def _anchors() -> Floats:
    """(896, 2) anchor centres in [0, 1], x and y."""
    grids = []
    for stride, count in _STRIDES:
        centre = (np.arange(SIDE // stride) + 0.5) * stride / SIDE
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, 0))
    return np.concatenate(grids).astype(np.float32)


def _merge(rows: Floats) -> list[Face]:
    """Weighted non-maximum suppression: overlapping candidates are averaged by score and keep the best one's score."""
    rows = rows[np.argsort(-rows[:, 0], kind="stable")]
    faces = []
    while len(rows):
        same = _overlap(rows[0], rows) > _OVERLAP
        weight = rows[same, 0] * (np.abs(np.log(rows[same, 3] / rows[0, 3])) < 0.5)
        mean = (rows[same, 1:] * weight[:, None]).sum(0) / weight.sum()
        x, y, w, h = (float(v) for v in mean[:4])
        faces.append(Face((x - w / 2, y - h / 2, w, h), float(rows[0, 0]), mean[4:].reshape(6, 2)))
        rows = rows[~same & (_inside(rows[0], rows) < 0.6)]
    return faces


def _shared(one: Floats, rows: Floats) -> Floats:
    """Area shared by box `one` and each of rows, in square pixels."""
    low = np.maximum(one[1:3] - one[3:5] / 2, rows[:, 1:3] - rows[:, 3:5] / 2)
    high = np.minimum(one[1:3] + one[3:5] / 2, rows[:, 1:3] + rows[:, 3:5] / 2)
    return np.prod(np.maximum(high - low, 0), 1)


def _overlap(one: Floats, rows: Floats) -> Floats:
    shared = _shared(one, rows)
    return shared / (np.prod(one[3:5]) + np.prod(rows[:, 3:5], 1) - shared)


def _inside(one: Floats, rows: Floats) -> Floats:
    """Shared area over the smaller box: a nose taken for a face of its own scores 1."""
    return _shared(one, rows) / np.minimum(np.prod(one[3:5]), np.prod(rows[:, 3:5], 1))
