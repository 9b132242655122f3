"""Mouths with something before them: a hand, a cup, a microphone. Told by a lower face unlike itself."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from emodiff_core.faces.mesh import EYE_CORNERS

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Picture = NDArray[np.uint8]

GRID = 10
_CELL = 4
_REACH = ((-0.75, 0.75), (0.55, 1.65))
"""The patch, across and down from between the eyes, in distances of their outer corners."""
_LEVEL = (9, 151, 195, 197, 50, 280)
_TURN = 12.0
_FEWEST = 8
OUTLIER = 3.0
COVERED = 0.16  # share of the places that must look unlike themselves; a hand makes it .2 to .45, speech under .05
MARGIN = 2  # frames to either side, in which it is on its way
_NOISE = 0.045
_BLUR = 0.03
"""What a degree a frame of turning adds to the noise: the face shows what its still frames do not."""


def around_mouth(picture: Picture, points: Floats) -> Floats:
    """(GRID, GRID, 5) float16 of the lower face, of points (468, 3): colours, and how much there is across and down,
    all over the brightness of the upper face."""
    right, left = points[EYE_CORNERS[0], :2], points[EYE_CORNERS[1], :2]
    across = (left - right).astype(np.float64)
    down = np.array([-across[1], across[0]])
    corner = (right + left) / 2 + _REACH[0][0] * across + _REACH[1][0] * down
    side = GRID * _CELL
    inverse = np.column_stack(
        [across * (_REACH[0][1] - _REACH[0][0]) / side, down * (_REACH[1][1] - _REACH[1][0]) / side, corner]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(picture, inverse, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
    lines = [np.abs(cv2.Sobel(grey, cv2.CV_32F, *way)) / 4 for way in ((1, 0), (0, 1))]
    cells = cv2.resize(np.dstack([patch.astype(np.float32), *lines]), (GRID, GRID), interpolation=cv2.INTER_AREA)
    x, y = np.clip(points[_LEVEL, :2], 0, np.array(picture.shape[1::-1]) - 1).astype(int).T
    return np.asarray(cells / max(float(picture[y, x].mean()), 8.0), np.float16)


def hidden(mouths: Floats, yaw: Floats) -> NDArray[np.bool_]:
    """(N,) frames of one stretch whose mouth is covered.

    mouths: (N, GRID, GRID, 5) of `around_mouth`; yaw: (N,) degrees. What is covered for more than half of the time
    that the head looks that way is taken for the face itself, and what comes and goes within a fast turn for the turn.
    """
    out = np.zeros(len(mouths), bool)
    if len(mouths) < _FEWEST:
        return out
    turning = np.abs(np.gradient(yaw))[:, None]
    flat = mouths.astype(np.float32).reshape(len(mouths), -1, mouths.shape[-1])
    for way in np.unique(np.round(yaw / _TURN)):
        rows = np.flatnonzero(np.abs(yaw / _TURN - way) <= 1)
        if len(rows) < _FEWEST:
            continue
        away = np.linalg.norm(flat[rows] - np.median(flat[rows], 0), axis=2)
        share = (away > OUTLIER * (1.5 * np.median(away, 0) + _NOISE + _BLUR * turning[rows])).mean(1)
        exact = np.round(yaw[rows] / _TURN) == way
        out[rows[exact]] = share[exact] > COVERED
    return np.asarray(binary_dilation(out, iterations=MARGIN)) if out.any() else out
