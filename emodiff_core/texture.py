"""Textures read inside compiled loops, between four texels; what lies beyond the border is the border."""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Spot = tuple[int, int, int, int, float, float]


@numba.njit(inline="always", nogil=True, error_model="numpy")
def spot(texture: Floats, u: float, v: float) -> Spot:
    """Columns and rows of the four texels around (u, v) of a texture (H, W, C), and how far between them it lies."""
    height, width = texture.shape[0], texture.shape[1]
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    xa, xb = min(max(x0, 0), width - 1), min(max(x0 + 1, 0), width - 1)
    ya, yb = min(max(y0, 0), height - 1), min(max(y0 + 1, 0), height - 1)
    return xa, xb, ya, yb, x - x0, y - y0


@numba.njit(inline="always", nogil=True, error_model="numpy")
def read(texture: Floats, place: Spot, channel: int) -> float:
    """One channel of a texture (H, W, C) at a spot."""
    xa, xb, ya, yb, fx, fy = place
    top = texture[ya, xa, channel] * (1 - fx) + texture[ya, xb, channel] * fx
    low = texture[yb, xa, channel] * (1 - fx) + texture[yb, xb, channel] * fx
    return float(top * (1 - fy) + low * fy)
