"""The crop: one rectangle of whole pixels for a whole track, and whether a face is fit to be worked on."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.mesh import yaw_of
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_OUTER

Floats = NDArray[np.float32]

MARGIN = 0.5  # of the face's longer side, around it: room for a falling jaw, the neck and the seam
PROFILE = 62.0  # degrees; beyond, one eye and half the lips are guesses
_FEATURES = np.concatenate([EYE_LEFT, EYE_RIGHT, LIPS_OUTER])


def rectangle(points: Floats, size: tuple[int, int], margin: float = MARGIN) -> tuple[int, int, int, int]:
    """(x, y, w, h), whole pixels, with points (N, 468, 3) of all frames and a margin, inside size (height, width)."""
    low, high = points[..., :2].min((0, 1)), points[..., :2].max((0, 1))
    faces = np.ptp(points[..., :2], axis=1).max(1)
    room = margin * float(np.quantile(faces, 0.9))
    x0, y0 = (max(0, int(np.floor(v - room))) for v in low)
    x1, y1 = (min(side, int(np.ceil(v + room))) for v, side in zip(high, (size[1], size[0]), strict=True))
    return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


def unfit(points: Floats, size: tuple[int, int], smallest: float) -> str | None:
    """Why the face with points (468, 3) in a picture (height, width) cannot be worked on, as a code, or None.

    FACE_TOO_SMALL: narrower than `smallest` pixels; FACE_CUT_OFF: an eye, the lips or a quarter of the outline lie
    outside the picture; FACE_TURNED_AWAY: near to a profile or beyond.
    """
    if np.ptp(points[:, 0]) < smallest:
        return "FACE_TOO_SMALL"
    outside = np.any((points[:, :2] < 0) | (points[:, :2] > (size[1], size[0])), axis=1)
    if outside[_FEATURES].any() or outside[FACE_OVAL].mean() > 0.25:
        return "FACE_CUT_OFF"
    return "FACE_TURNED_AWAY" if abs(yaw_of(points)) > PROFILE else None
