"""The chart of the head: a flat map of the skin with mouth and eyes open, wrapped on a sphere to be triangulated.

Chart coordinates are those of the face mesh's published texture layout: u to the subject's left, v up, the face about
[0, 1]. On the sphere u is longitude and v latitude, so the back of the head closes and the neck is the south pole.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LON, LAT, LAT_ZERO = 200.0, 115.0, 0.47
MOUTH_V, MOUTH_HALF = 0.3065, 0.098
_OPENING, _REACH = 0.028, 0.075


def side_of_mouth(uv: Array) -> Array:
    """(N,) 1 above the line between the lips, -1 below."""
    return np.where(uv[:, 1] >= MOUTH_V, 1.0, -1.0)


def opened(uv: Array, side: Array | None = None) -> Array:
    """(N, 2) chart points with the lips drawn apart, so that the closed mouth's two rims are two places."""
    side = side_of_mouth(uv) if side is None else side
    across = np.clip(1 - ((uv[:, 0] - 0.5) / MOUTH_HALF) ** 2, 0, None)
    shift = _OPENING * np.sqrt(across) * np.exp(-(((uv[:, 1] - MOUTH_V) / _REACH) ** 2))
    return np.stack([uv[:, 0], uv[:, 1] + side * shift], 1)


def closed(uv: Array) -> Array:
    """The inverse of `opened` for points outside the opening, by a few fixed-point steps."""
    out = uv.copy()
    side = side_of_mouth(uv)
    for _ in range(30):
        out[:, 1] += uv[:, 1] - opened(out, side)[:, 1]
    return out


def on_sphere(uv: Array) -> Array:
    """(N, 3) unit directions of chart points."""
    lon, lat = np.radians((uv[:, 0] - 0.5) * LON), np.radians((uv[:, 1] - LAT_ZERO) * LAT)
    return np.stack([np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)], 1)


def from_degrees(lon: float, lat: float) -> tuple[float, float]:
    """Chart point of a longitude and latitude in degrees."""
    return 0.5 + lon / LON, LAT_ZERO + lat / LAT


def mirrored(uv: Array) -> Array:
    """The chart points of the other side."""
    return np.stack([1 - uv[:, 0], uv[:, 1]], 1)
