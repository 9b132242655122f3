"""The crop: one rectangle of whole pixels for a whole track, and whether a face is fit to be worked on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.mesh import yaw_of
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_OUTER

Floats = NDArray[np.float32]
Rectangle = tuple[int, int, int, int]

MARGIN = 0.5  # of the face's longer side, around it: room for a falling jaw, the neck and the seam
PROFILE = 52.0
"""Degrees as the mesh sees them, 60 as they are: beyond, one eye and half the lips are guesses. The mesh never says
more than about 60."""
_FEATURES = np.concatenate([EYE_LEFT, EYE_RIGHT, LIPS_OUTER])


def rectangle(points: Floats, size: tuple[int, int], margin: float = MARGIN) -> tuple[int, int, int, int]:
    """(x, y, w, h), whole pixels, with points (N, 468, 3) of all frames and a margin, inside size (height, width)."""
    low, high = points[..., :2].min(1), points[..., :2].max(1)
    return rectangle_around(np.concatenate([low, high - low], 1), size, margin)


def rectangle_around(boxes: Floats, size: tuple[int, int], margin: float = MARGIN) -> tuple[int, int, int, int]:
    """The same of the boxes (N, 4), x, y, w, h, of the faces."""
    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    room = margin * float(np.quantile(boxes[:, 2:].max(1), 0.9))
    x0, y0 = (max(0, int(np.floor(v - room))) for v in low)
    x1, y1 = (min(side, int(np.ceil(v + room))) for v, side in zip(high, (size[1], size[0]), strict=True))
    return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


def one_size(rectangles: Sequence[Rectangle], size: tuple[int, int]) -> list[Rectangle]:
    """Rectangles as large as the largest in each direction, about the same middles, inside size (height, width)."""
    w, h = (max(one[side] for one in rectangles) for side in (2, 3))
    out = []
    for x, y, own_w, own_h in rectangles:
        left = min(max(0, x + (own_w - w) // 2), size[1] - w)
        out.append((left, min(max(0, y + (own_h - h) // 2), size[0] - h), w, h))
    return out


def unfit(points: Floats, size: tuple[int, int], smallest: float, profile: float = PROFILE) -> str | None:
    """Why the face with points (468, 3) in a picture (height, width) cannot be worked on, as a code, or None.

    FACE_TOO_SMALL: narrower than `smallest` pixels; FACE_CUT_OFF: an eye, the lips or a quarter of the outline lie
    outside the picture; FACE_TURNED_AWAY: turned by more than `profile` degrees.
    """
    if np.ptp(points[:, 0]) < smallest:
        return "FACE_TOO_SMALL"
    outside = np.any((points[:, :2] < 0) | (points[:, :2] > (size[1], size[0])), axis=1)
    if outside[_FEATURES].any() or outside[FACE_OVAL].mean() > 0.25:
        return "FACE_CUT_OFF"
    return "FACE_TURNED_AWAY" if abs(yaw_of(points)) > profile else None
