"""Who speaks: how mouths move, against the speech that is heard."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.mesh import EYE_CORNERS
from emodiff_core.faces.points import LIP_BOTTOM, LIP_TOP

Floats = NDArray[np.float32]


def openings(points: Floats) -> Floats:
    """(N,) gap of the inner lips over the distance of the eyes' outer corners, of face-mesh points (N, 468, 3)."""
    flat = points[..., :2].astype(np.float64)
    gap = np.linalg.norm(flat[:, LIP_TOP] - flat[:, LIP_BOTTOM], axis=1)
    eyes = np.linalg.norm(flat[:, EYE_CORNERS[0]] - flat[:, EYE_CORNERS[1]], axis=1)
    return np.asarray(gap / np.maximum(eyes, 1e-6), np.float32)
