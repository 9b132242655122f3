"""Loose points of the chart: evenly thrown, dense where a face is fine, symmetric, clear of the rings."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, cKDTree

from emodiff_core.head.chart import LAT, LAT_ZERO, LON, Array, mirrored, on_sphere


def _spacing(uv: Array) -> Array:
    """(N,) wished distance between neighbours, in radians on the sphere: dense around mouth, nose and eyes."""

    def near(u: float, v: float, reach: float) -> Array:
        return np.exp(-(((np.abs(uv[:, 0] - 0.5) - u) / reach) ** 2) - ((uv[:, 1] - v) / reach) ** 2)

    spots = ((0.0, 0.31, 0.14), (0.155, 0.62, 0.1), (0.02, 0.45, 0.12), (0.12, 0.74, 0.1))
    fine = np.maximum.reduce([near(*spot) for spot in spots])
    inside = np.clip(1.5 - np.hypot((uv[:, 0] - 0.5) / 0.5, (uv[:, 1] - 0.47) / 0.5), 0, 1)
    nose = near(0.05, 0.43, 0.075)
    return 0.105 - 0.05 * inside - np.maximum(0.025 * fine, 0.037 * nose)


def _grid() -> tuple[Array, int]:
    """Candidate places on the right half, the midline's first, and how many of those there are."""
    front = np.stack([np.full(300, 0.5), np.linspace(-0.2, 1.25, 300)], 1)
    rear = np.stack([np.full(200, -0.4), np.linspace(-0.2, 1.2, 200)], 1)
    lon, lat = np.meshgrid(np.arange(-180, 0, 0.75), np.arange(-80, 88, 0.75))
    half = np.stack([0.5 + lon.ravel() / LON, LAT_ZERO + lat.ravel() / LAT], 1)
    return np.concatenate([front, rear, np.random.default_rng(5).permutation(half)]), 500


def scatter(fixed: Array) -> Array:
    """(N, 2) opened chart points of the right half and the midline, evenly thrown at the wished spacing."""
    grid, midline = _grid()
    places, wish = on_sphere(grid), _spacing(grid)
    clear = cKDTree(on_sphere(fixed)).query(places)[0] > 0.75 * wish
    crowded = np.abs(places[:, 0]) < 0.5 * wish
    crowded[:midline] = False
    kept: list[int] = []
    taken = crowded | ~clear
    tree = cKDTree(places)
    for i in range(len(grid)):
        if not taken[i]:
            kept.append(i)
            taken[tree.query_ball_point(places[i], wish[i])] = True
    return grid[kept]


def crowds(points: Array, ring: Array) -> NDArray[np.bool_]:
    """(N,) points within the circle over an edge of a ring: without them Delaunay keeps every edge of it."""
    places, a, b = on_sphere(points), on_sphere(ring), on_sphere(np.roll(ring, -1, 0))
    gap = np.linalg.norm(places[:, None] - 0.5 * (a + b)[None], axis=2)
    return np.asarray((gap < 0.53 * np.linalg.norm(a - b, axis=1)[None]).any(1) | inside(points, ring))


def on_midline(uv: Array) -> NDArray[np.bool_]:
    return (np.abs(uv[:, 0] - 0.5) < 1e-9) | (np.abs(uv[:, 0] + 0.4) < 1e-9)


def relaxed(points: Array, fixed: Array) -> Array:
    """Scattered points moved towards their neighbours' middle a few times; the midline stays the midline."""
    middle = on_midline(points)
    for _ in range(6):
        everything = np.concatenate([points, mirrored(points[~middle]), fixed])
        faces = ConvexHull(on_sphere(everything)).simplices
        total, count = np.zeros_like(everything), np.zeros(len(everything))
        for a, b in ((0, 1), (1, 2), (2, 0)):
            near = np.abs(everything[faces[:, a], 0] - everything[faces[:, b], 0]) < 0.5
            for p, q in ((a, b), (b, a)):
                np.add.at(total, faces[near, p], everything[faces[near, q]])
                np.add.at(count, faces[near, p], 1.0)
        mean = (total / np.maximum(count, 1)[:, None])[: len(points)]
        inner = (points[:, 1] > -0.18) & (points[:, 1] < 1.15) & ~middle & (points[:, 0] > -0.3)
        points = np.where(inner[:, None], 0.4 * points + 0.6 * mean, points)
    return points


def inside(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """(N,) whether chart points lie in a closed polygon (even-odd rule)."""
    out = np.zeros(len(points), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        at = (b[0] - a[0]) * (points[:, 1] - a[1]) / (b[1] - a[1] if b[1] != a[1] else 1.0) + a[0]
        out ^= crosses & (points[:, 0] < at)
    return out
