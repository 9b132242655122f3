"""Pieces of surface: grids of points to triangles, and what a finished part of the head carries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Patch:
    """A part of the head apart from the skin. vertices (V, 3) cm; faces (F, 3); parts (F,) see Part;
    jaw (V,) how far it follows the lower jaw; eye (V,) 0, or 1 for the right and 2 for the left eyeball.
    """

    vertices: Array
    faces: Ints
    parts: NDArray[np.uint8]
    jaw: Array
    eye: NDArray[np.uint8]


def grid_faces(rows: int, columns: int, wrap: bool) -> Ints:
    """Triangles of a (rows, columns) grid of points, row-major; wrap joins the last column to the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if wrap else columns - 1), indexing="ij")
    a, b = (r * columns + c).ravel(), (r * columns + (c + 1) % columns).ravel()
    return np.concatenate([np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)])


def patch(vertices: Array, faces: Ints, part: int, jaw: float = 0.0, eye: int = 0) -> Patch:
    """A patch of one material."""
    n = len(vertices)
    return Patch(vertices, faces, np.full(len(faces), part, np.uint8), np.full(n, jaw), np.full(n, eye, np.uint8))


def joined(patches: list[Patch]) -> Patch:
    """Several patches as one."""
    starts = np.cumsum([0] + [len(p.vertices) for p in patches])
    faces = np.concatenate([p.faces + s for p, s in zip(patches, starts, strict=False)])
    return Patch(
        np.concatenate([p.vertices for p in patches]),
        faces,
        np.concatenate([p.parts for p in patches]),
        np.concatenate([p.jaw for p in patches]),
        np.concatenate([p.eye for p in patches]),
    )


def outward(vertices: Array, faces: Ints) -> Ints:
    """Faces of a roughly convex patch turned to look away from its middle."""
    tri = vertices[faces]
    normal = np.cross(tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0])
    flip = (normal * (tri.mean(1) - vertices.mean(0))).sum(1) < 0
    out = faces.copy()
    out[flip] = out[flip][:, [0, 2, 1]]
    return out


def flipped(source: Patch) -> Patch:
    """The patch on the other side of the face."""
    swap = np.array([0, 2, 1], np.uint8)
    return Patch(
        source.vertices * np.array([-1.0, 1, 1]), source.faces[:, [0, 2, 1]], source.parts, source.jaw, swap[source.eye]
    )
