"""The skin: vertices on the chart, rings around mouth and eyes, triangles, and the surface through the control points."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import ConvexHull, cKDTree

from emodiff_core.head.chart import LAT, LAT_ZERO, LON, MOUTH_V, Array, closed, from_degrees, mirrored, on_sphere, opened
from emodiff_core.head.controls import BACK, FACE

Ints = NDArray[np.int64]

# The face mesh's numbers along each contour, from the right corner over the upper side to the left and back below.
LIPS = (
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77),
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    (57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43),
)
LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (130, 247, 30, 29, 27, 28, 56, 190, 243, 112, 26, 22, 23, 24, 110, 25),
)
LIP_ROWS = (0.0, 0.33, 0.67, 1.0, 1.5, 2.0, 2.5, 3.0, 3.33, 3.67, 4.0)
VERMILION = 7  # row of the outer lip contour in LIP_ROWS
LID_ROWS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.4)


@dataclass(frozen=True)
class Skin:
    """uv (V, 2) closed chart; sphere (V, 3) opened chart on the sphere; side (V,) of the mouth; faces (F, 3);
    lips (rows, 40), lids (2, rows, 32) vertex numbers of the rings, innermost first; mirror (V,) the twin on the other side.
    """

    uv: Array
    sphere: Array
    side: Array
    faces: Ints
    lips: Ints
    lids: Ints
    mirror: Ints


def face_controls() -> dict[int, Array]:
    """The right half's control points by the face mesh's number: u, v, x, y, z."""
    return {int(row[0]): np.array(row[1:]) for row in FACE}


def _contour(numbers: tuple[int, ...], table: dict[int, Array]) -> Array:
    """(2n, 2) a closed contour in the chart, each segment halved along a smooth closed curve."""
    half = len(numbers) // 2
    points = []
    for i, k in enumerate(numbers):
        twin = table.get(numbers[(half - i) % len(numbers)])
        points.append(table[k][:2] if k in table or twin is None else np.array([1 - twin[0], twin[1]]))
    ring = np.array(points)
    middle = (9 * (ring + np.roll(ring, -1, 0)) - np.roll(ring, 1, 0) - np.roll(ring, -2, 0)) / 16
    return np.stack([ring, middle], 1).reshape(-1, 2)


def _rows(contours: list[Array], rows: tuple[float, ...]) -> Array:
    """(rows, n, 2) rings between contours; beyond the last one they are extrapolated."""
    out = []
    for row in rows:
        j = min(int(row), len(contours) - 2)
        out.append(contours[j] + (row - j) * (contours[j + 1] - contours[j]))
    return np.array(out)


def _spacing(uv: Array) -> Array:
    """(N,) wished distance between neighbours, in radians on the sphere: dense around mouth, nose and eyes."""
    def near(u: float, v: float, reach: float) -> Array:
        return np.exp(-(((np.abs(uv[:, 0] - 0.5) - u) / reach) ** 2) - ((uv[:, 1] - v) / reach) ** 2)

    fine = np.maximum.reduce([near(0.0, 0.31, 0.14), near(0.155, 0.62, 0.1), near(0.02, 0.45, 0.12), near(0.12, 0.74, 0.1)])
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


def _scatter(fixed: Array) -> Array:
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


def _crowds(points: Array, ring: Array) -> NDArray[np.bool_]:
    """(N,) points within the circle over an edge of a ring: without them Delaunay keeps every edge of it."""
    places, a, b = on_sphere(points), on_sphere(ring), on_sphere(np.roll(ring, -1, 0))
    gap = np.linalg.norm(places[:, None] - 0.5 * (a + b)[None], axis=2)
    return np.asarray((gap < 0.53 * np.linalg.norm(a - b, axis=1)[None]).any(1) | _inside(points, ring))


def _on_midline(uv: Array) -> NDArray[np.bool_]:
    return (np.abs(uv[:, 0] - 0.5) < 1e-9) | (np.abs(uv[:, 0] + 0.4) < 1e-9)


def _relaxed(points: Array, fixed: Array) -> Array:
    """Scattered points moved towards their neighbours' middle a few times; the midline stays the midline."""
    middle = _on_midline(points)
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


def build_skin() -> Skin:
    """The triangulated chart. Deterministic."""
    table = face_controls()
    lip = _rows([_contour(c, table) for c in LIPS], LIP_ROWS)
    side = np.where(np.arange(40) <= 20, 1.0, -1.0)
    lip_open = np.stack([opened(row, side) for row in lip])
    lip_open[:, [0, 20], 1] = lip[:, [0, 20], 1]
    lid = _rows([_contour(c, table) for c in LIDS], LID_ROWS)
    other = mirrored(lid.reshape(-1, 2)).reshape(lid.shape)
    edges = np.concatenate([lip_open[-1], lid[-1], other[-1]])
    loose = _scatter(edges)
    loose = _relaxed(loose[~_inside(loose, lip_open[-1]) & ~_inside(loose, lid[-1])], edges)
    for ring in (lip_open[-1], lid[-1]):
        loose = loose[~_crowds(loose, ring)]
    rings = np.concatenate([lip_open.reshape(-1, 2), lid.reshape(-1, 2), other.reshape(-1, 2)])
    uv_open = np.concatenate([rings, loose, mirrored(loose[~_on_midline(loose)])])
    sphere = on_sphere(uv_open)
    sides = np.where(uv_open[:, 1] >= MOUTH_V, 1.0, -1.0)
    sides[: lip.shape[0] * 40] = np.tile(side, lip.shape[0])
    lips = np.arange(lip.shape[0] * 40).reshape(lip.shape[0], 40)
    lids = lips.size + np.arange(2 * lid.shape[0] * 32).reshape(2, lid.shape[0], 32)
    faces = _triangles(sphere, lips, lids)
    mirror = cKDTree(sphere).query(sphere * np.array([-1, 1, 1]))[1]
    mirror[lips] = np.roll(lips[:, ::-1], 21, 1)
    return Skin(closed(uv_open), sphere, sides, faces, lips, lids, mirror.astype(np.int64))


def _inside(points: Array, polygon: Array) -> NDArray[np.bool_]:
    """(N,) whether chart points lie in a closed polygon (even-odd rule)."""
    out = np.zeros(len(points), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        at = (b[0] - a[0]) * (points[:, 1] - a[1]) / (b[1] - a[1] if b[1] != a[1] else 1.0) + a[0]
        out ^= crosses & (points[:, 0] < at)
    return out


def strip(rows: Ints) -> Ints:
    """(F, 3) triangles between successive closed rows of vertices, wound to be seen where the rows run clockwise inwards."""
    a, b = rows[:-1], np.roll(rows[:-1], -1, 1)
    c, d = rows[1:], np.roll(rows[1:], -1, 1)
    return np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])


def _triangles(sphere: Array, lips: Ints, lids: Ints) -> Ints:
    """Outward triangles: strips around mouth and eyes, Delaunay on the sphere elsewhere, open at the neck's cut."""
    rims = (lips[-1], lids[0, -1], lids[1, -1])
    loose = np.arange(lips.size + lids.size, len(sphere))
    used = np.concatenate([*rims, loose])
    faces = used[ConvexHull(sphere[used]).simplices]
    a, b, c = (sphere[faces[:, i]] for i in range(3))
    flip = (np.cross(b - a, c - a) * (a + b + c)).sum(1) < 0
    faces[flip] = faces[flip][:, [0, 2, 1]]
    drop = (np.degrees(np.arcsin(np.clip(sphere[faces, 1], -1, 1))) < -78).all(1)
    for ring in rims:
        drop |= np.isin(faces, ring).all(1)
    rings = [strip(lips[::-1]), strip(lids[0, ::-1]), strip(lids[1, ::-1])[:, [0, 2, 1]]]
    return np.concatenate([faces[~drop], *rings]).astype(np.int64)


def surface(skin: Skin) -> Array:
    """(V, 3) centimetres: the thin plate through the control points, symmetric."""
    face = np.array([row[1:] for row in FACE])
    upper = {k for c in LIPS for k in c[:11]}
    lower = {k for c in LIPS for k in c[11:]}
    side = np.array([1.0 if row[0] in upper else -1.0 if row[0] in lower else np.sign(row[2] - MOUTH_V) for row in FACE])
    uv = opened(face[:, :2], side)
    back = np.array([[*from_degrees(-row[0], row[1]), *row[2:]] for row in BACK])
    uv, xyz = np.concatenate([uv, back[:, :2]]), np.concatenate([face[:, 2:], back[:, 2:]])
    twins = np.abs(xyz[:, 0]) > 1e-6
    directions = on_sphere(np.concatenate([uv, mirrored(uv[twins])]))
    places = np.concatenate([xyz, xyz[twins] * np.array([-1, 1, 1])])
    fit = RBFInterpolator(directions, places, kernel="thin_plate_spline", smoothing=2e-5)
    out = fit(skin.sphere)
    return 0.5 * (out + out[skin.mirror] * np.array([-1, 1, 1]))
