"""The face mesh's 468 points landed on an unknown head, from where they lie on the built-in one."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emodiff_core.flame import load_builtin

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_ROUNDS = 40


def landed(template: Floats, faces: Ints) -> tuple[Ints, Floats]:
    """Vertex triples (468, 3) and weights (468, 3) on a head (V, 3) in centimetres, upright and looking along z.

    The built-in head's points are moved by the similarity that brings them nearest to the surface (iterated closest
    points, Besl and McKay 1992), then to the closest place on it.
    """
    source = load_builtin()
    points = source.landmarks(source.template[None])[0].numpy().astype(np.float64)
    tree = cKDTree(template)
    moved = points - points.mean(0) + _front(template, points)
    for _ in range(_ROUNDS):
        moved = _similar(points, template[tree.query(moved)[1]])
    return _closest(moved, template, faces, tree)


def _front(template: Floats, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A first place for the points' middle: behind the foremost vertex, the nose's tip."""
    nose = template[np.argmax(template[:, 2])].astype(np.float64)
    return np.asarray(nose + points.mean(0) - points[4])


def _similar(points: NDArray[np.float64], targets: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points moved, turned and scaled to lie nearest to targets (Umeyama 1991), without reflection."""
    a, b = points - points.mean(0), targets - targets.mean(0)
    u, stretch, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (stretch * sign).sum() / (a**2).sum()
    return np.asarray(scale * a @ (u * sign @ vt).T + targets.mean(0))


def _closest(points: NDArray[np.float64], template: Floats, faces: Ints, tree: cKDTree) -> tuple[Ints, Floats]:
    """The closest place on the triangles around each point's nearest vertices."""
    around: list[list[int]] = [[] for _ in template]
    for number, face in enumerate(faces):
        for vertex in face:
            around[vertex].append(number)
    corners, weights = np.empty((len(points), 3), np.int64), np.empty((len(points), 3), np.float32)
    for i, (point, near) in enumerate(zip(points, tree.query(points, k=6)[1], strict=True)):
        candidates = faces[sorted({number for vertex in near for number in around[vertex]})]
        share = _weights(point, template[candidates].astype(np.float64))
        away = np.linalg.norm((template[candidates] * share[..., None]).sum(1) - point, axis=1)
        best = int(np.argmin(away))
        corners[i], weights[i] = candidates[best], share[best]
    return corners, weights


def _weights(point: NDArray[np.float64], triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Barycentric weights (F, 3) of the point's projection on triangles (F, 3, 3), drawn into each triangle."""
    a, e, f = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    d = point - a
    ee, ef, ff = (e * e).sum(1), (e * f).sum(1), (f * f).sum(1)
    de, df = (d * e).sum(1), (d * f).sum(1)
    area = np.maximum(ee * ff - ef**2, 1e-12)
    v, w = (ff * de - ef * df) / area, (ee * df - ef * de) / area
    share = np.clip(np.stack([1 - v - w, v, w], 1), 0, 1)
    return np.asarray(share / share.sum(1, keepdims=True))
