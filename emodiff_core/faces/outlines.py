"""Outlines of a face as soft masks: lips, what lies between them, eyes, the face."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.points import (
    FACE_OVAL,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    LIPS_OUTER,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)

Floats = NDArray[np.float32]


def outlines(points: Floats, size: tuple[int, ...]) -> tuple[Floats, Floats, Floats, Floats]:
    """Lips, what lies between them, eyes and face of points (468, 2), each (H, W) in [0, 1]."""
    interior = polygon(slit(points, INNER_UPPER_LIP, INNER_LOWER_LIP), size)
    lips = np.clip(polygon(points[LIPS_OUTER], size) - interior, 0, 1)
    lids = (LEFT_UPPER_LID, LEFT_LOWER_LID), (RIGHT_UPPER_LID, RIGHT_LOWER_LID)
    eyes = np.maximum(*(polygon(slit(points, *pair), size) for pair in lids))
    return lips, interior, eyes, np.maximum(polygon(points[FACE_OVAL], size), interior)


def slit(points: Floats, upper: Sequence[int], lower: Sequence[int]) -> Floats:
    """Ring (K, 2) of what lies between two lips or lids of points (468, 2 or 3), both named from right to left.

    Codes can press lips past each other (a frown on a p): they meet halfway then, nothing is open between them.
    """
    top, bottom = points[list(upper), :2], points[list(lower), :2]
    across = top[-1] - top[0]
    crossed = (bottom - top) @ np.array([-across[1], across[0]], np.float32) < 0
    middle = (top + bottom) / 2
    top, bottom = (np.where(crossed[:, None], middle, edge) for edge in (top, bottom))
    return np.concatenate([bottom, top[-2:0:-1]]).astype(np.float32)


def polygon(ring: Floats, size: tuple[int, ...], fine: int = 4) -> Floats:
    """A filled polygon (H, W) in [0, 1] with soft edges; ring: (K, 2) pixels; fine: samples across a pixel."""
    out = np.zeros(size, np.float32)
    low = np.clip(np.floor(ring.min(0)).astype(int) - 1, 0, (size[1], size[0]))
    high = np.clip(np.ceil(ring.max(0)).astype(int) + 1, 0, (size[1], size[0]))
    width, height = high - low
    if width < 1 or height < 1:
        return out
    canvas = np.zeros((height * fine, width * fine), np.uint8)
    # OpenCV fills the outline's own pixels too: half a fine pixel on every side, an eighth of a real one.
    cv2.fillPoly(canvas, [np.round(((ring - low) * fine - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    small = cv2.resize(canvas, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    out[low[1] : high[1], low[0] : high[0]] = small.astype(np.float32) / np.float32(255)
    return out
