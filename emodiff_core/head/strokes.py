"""Strokes: smooth local displacements of the skin, the tool that expressions and identities are sculpted with."""

import numpy as np

from emodiff_core.head.chart import MOUTH_V, Array, mirrored, on_sphere, opened, side_of_mouth

_CORNER = 0.094  # chart distance from the middle where the inner lips begin to part

Stroke = tuple[float, float, float, float, float, float]
"""Chart u, v of its middle; radius in radians of the chart's sphere; x, y, z centimetres at its middle."""


def lower(uv: Array, side: Array) -> Array:
    """(N,) how far a chart point belongs to the lower lip's side: 0 or 1 at the lips, soft beyond the corners."""
    beyond = np.abs(uv[:, 0] - 0.5) - _CORNER
    soft = 0.5 - 0.5 * np.clip((uv[:, 1] - MOUTH_V) / np.maximum(1.2 * beyond, 1e-4), -1, 1)
    return np.where(beyond < 0, 0.5 - 0.5 * side, soft)


def reach(uv: Array, side: Array, middles: Array, radii: Array) -> Array:
    """(N, K) how strongly strokes act on chart points: bells over the opened chart, not from lip to lip."""
    own = side_of_mouth(middles)
    places, centres = on_sphere(opened(uv, side)), on_sphere(opened(middles, own))
    square = ((places[:, None] - centres[None]) ** 2).sum(2)
    apart = np.abs(lower(uv, side)[:, None] - lower(middles, own)[None])
    return np.asarray(np.exp(-square / radii**2) * np.clip(2 - 2 * apart, 0, 1))


def painted(uv: Array, side: Array, strokes: tuple[Stroke, ...], both_sides: bool) -> Array:
    """(N, 3) centimetres: the sum of strokes, with their mirror images where both sides move alike."""
    table = np.array(strokes, np.float64).reshape(-1, 6)
    out = reach(uv, side, table[:, :2], table[:, 2]) @ table[:, 3:]
    if both_sides:
        off = np.abs(table[:, 0] - 0.5) > 1e-6
        out += reach(uv, side, mirrored(table[off, :2]), table[off, 2]) @ (table[off, 3:] * np.array([-1, 1, 1]))
        middle = ~off
        out[:, 0] -= reach(uv, side, table[middle, :2], table[middle, 2]) @ table[middle, 3]
    return np.asarray(out)
