"""A z-buffer: triangles in picture pixels to the face and barycentric weights seen at each pixel."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from emodiff_core.texture import read, spot

Floats = NDArray[np.float32]
Holes = tuple[Floats, Floats, Floats]
"""uv (V, 2 or more), alpha (h, w, 1) and cut (V,), see `cover`; no cut where nothing has holes."""
_SOLID: Holes = (np.zeros((0, 1), np.float32), np.zeros((0, 0, 1), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Fragments:
    """What each pixel sees. face: (H, W) int32, -1 where nothing; weights: (H, W, 3) barycentric; depth: (H, W)."""

    face: NDArray[np.int32]
    weights: Floats
    depth: Floats


def rasterize(vertices: Floats, faces: NDArray[np.int64], size: tuple[int, int], cull: bool = True) -> Fragments:
    """Fragments of one frame at pixel centres.

    vertices: (V, 3) pixels, x right, y down, z larger is nearer; faces: (F, 3); size: (height, width);
    cull: leave out triangles that face away (heads are wound counter-clockwise seen from outside, y up).
    """
    height, width = size
    face = np.full((height, width), -1, np.int32)
    weights = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), -np.inf, np.float32)
    _fill(np.ascontiguousarray(vertices, np.float32), faces, cull, 0, _SOLID, face, weights, depth)
    return Fragments(face, weights, depth)


def cover(
    seen: Fragments, vertices: Floats, faces: NDArray[np.int64], first: int, uv: Floats, alpha: Floats, cut: Floats
) -> None:
    """Adds two-sided faces (F, 3), hair, to fragments in place, numbered from `first` on.

    They have holes where alpha (h, w, 1) at uv (V, 2 or more) is below a vertex's cut (V,), at most 0 for none.
    """
    _fill(vertices, faces, False, first, (uv, alpha, cut), seen.face, seen.weights, seen.depth)


def interpolate(fragments: Fragments, values: Floats, faces: NDArray[np.int64]) -> Floats:
    """Per-vertex values (V, C) at each pixel (H, W, C); zeros where nothing is seen."""
    out = np.zeros((*fragments.face.shape, values.shape[1]), np.float32)
    _gather(fragments.face, fragments.weights, np.ascontiguousarray(values, np.float32), faces, out)
    return out


def vertex_normals(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Area-weighted normals (V, 3), not of unit length, of posed vertices (V, 3): x right, y down, z to the viewer."""
    out = np.zeros_like(vertices, dtype=np.float32)
    _normals(np.ascontiguousarray(vertices, np.float32), faces, out)
    return out


@numba.njit(cache=True, nogil=True)
def _normals(vertices: Floats, faces: NDArray[np.int64], out: Floats) -> None:
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        vx, vy, vz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            out[i, 0] += nx
            out[i, 1] += ny
            out[i, 2] += nz


@numba.njit(cache=True, fastmath=False, nogil=True, error_model="numpy")
def _fill(
    vertices: Floats,
    faces: NDArray[np.int64],
    cull: bool,
    first: int,
    holes: Holes,
    face: NDArray[np.int32],
    weights: Floats,
    depth: Floats,
) -> None:
    height, width = face.shape
    uv, alpha, cut = holes
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        bx, by, bz = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        cx, cy, cz = vertices[c, 0], vertices[c, 1], vertices[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or (cull and area > 0):
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        y0 = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inverse
                wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inverse
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * az + wb * bz + wc * cz
                if z <= depth[y, x]:
                    continue
                if len(cut) and _is_hole(wa, wb, wc, a, b, c, uv, alpha, cut):
                    continue
                depth[y, x] = z
                face[y, x] = first + f
                weights[y, x, 0] = wa
                weights[y, x, 1] = wb
                weights[y, x, 2] = wc


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _is_hole(wa: float, wb: float, wc: float, a: int, b: int, c: int, uv: Floats, alpha: Floats, cut: Floats) -> bool:
    limit = wa * cut[a] + wb * cut[b] + wc * cut[c]
    if limit <= 0:
        return False
    u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
    v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
    return read(alpha, spot(alpha, u, v), 0) < limit


@numba.njit(cache=True, nogil=True)
def _gather(face: NDArray[np.int32], weights: Floats, values: Floats, faces: NDArray[np.int64], out: Floats) -> None:
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            f = face[y, x]
            if f >= 0:
                for k in range(values.shape[1]):
                    out[y, x, k] = (
                        weights[y, x, 0] * values[faces[f, 0], k]
                        + weights[y, x, 1] * values[faces[f, 1], k]
                        + weights[y, x, 2] * values[faces[f, 2], k]
                    )
