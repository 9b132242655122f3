"""The skin: rings around mouth and eyes, loose points elsewhere, triangles, and the surface through the controls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial import ConvexHull, cKDTree

from emodiff_core.head.chart import MOUTH_V, Array, closed, from_degrees, mirrored, on_sphere, opened
from emodiff_core.head.controls import BACK, FACE
from emodiff_core.head.scatter import crowds, inside, on_midline, relaxed, scatter

Ints = NDArray[np.int64]

# The face mesh's numbers along each contour, from the right corner over the upper side to the left, back below.
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
    lips (rows, 40), lids (2, rows, 32) vertex numbers of the rings, innermost first; mirror (V,) each one's twin.
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
    loose = scatter(edges)
    loose = relaxed(loose[~inside(loose, lip_open[-1]) & ~inside(loose, lid[-1])], edges)
    for ring in (lip_open[-1], lid[-1]):
        loose = loose[~crowds(loose, ring)]
    rings = np.concatenate([lip_open.reshape(-1, 2), lid.reshape(-1, 2), other.reshape(-1, 2)])
    uv_open = np.concatenate([rings, loose, mirrored(loose[~on_midline(loose)])])
    sphere = on_sphere(uv_open)
    sides = np.where(uv_open[:, 1] >= MOUTH_V, 1.0, -1.0)
    sides[: lip.shape[0] * 40] = np.tile(side, lip.shape[0])
    lips = np.arange(lip.shape[0] * 40).reshape(lip.shape[0], 40)
    lids = lips.size + np.arange(2 * lid.shape[0] * 32).reshape(2, lid.shape[0], 32)
    faces = _triangles(sphere, lips, lids)
    mirror = cKDTree(sphere).query(sphere * np.array([-1, 1, 1]))[1]
    mirror[lips] = np.roll(lips[:, ::-1], 21, 1)
    return Skin(closed(uv_open), sphere, sides, faces, lips, lids, mirror.astype(np.int64))


def strip(rows: Ints) -> Ints:
    """(F, 3) triangles between successive closed rows of vertices, facing who sees rows run clockwise, inwards."""
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
    lips = {**dict.fromkeys(lower, -1.0), **dict.fromkeys(upper, 1.0)}
    side = np.array([lips.get(int(row[0]), float(np.sign(row[2] - MOUTH_V))) for row in FACE])
    uv = opened(face[:, :2], side)
    back = np.array([[*from_degrees(-row[0], row[1]), *row[2:]] for row in BACK])
    uv, xyz = np.concatenate([uv, back[:, :2]]), np.concatenate([face[:, 2:], back[:, 2:]])
    twins = np.abs(xyz[:, 0]) > 1e-6
    directions = on_sphere(np.concatenate([uv, mirrored(uv[twins])]))
    places = np.concatenate([xyz, xyz[twins] * np.array([-1, 1, 1])])
    fit = RBFInterpolator(directions, places, kernel="thin_plate_spline", smoothing=2e-5)
    out = fit(skin.sphere)
    return 0.5 * (out + out[skin.mirror] * np.array([-1, 1, 1]))
