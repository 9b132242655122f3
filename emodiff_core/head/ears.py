"""An ear: a cupped leaf with helix, concha and lobe, leaning back from the side of the head."""

import numpy as np

from emodiff_core.flame import Part
from emodiff_core.head.patches import Array, Patch, grid_faces, patch


def _bump(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    return np.asarray(np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2))


def right_ear() -> Patch:
    """The right ear (F front edge at the cheek), height 6.1 cm and width 3.4 cm after Farkas."""
    radius = np.concatenate([np.linspace(0.02, 0.9, 8), [0.97, 1.0, 0.97, 0.85, 0.6]])
    around = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    r, a = np.meshgrid(radius, around, indexing="ij")
    turn = np.meshgrid(np.arange(len(radius)), around, indexing="ij")[0]
    x = -1.65 * r * np.cos(a) * (1 - 0.16 * (np.sin(a) < 0) * np.abs(np.sin(a)))
    y = 3.05 * r * np.sin(a)
    helix = np.exp(-(((r - 0.92) / 0.12) ** 2)) * np.clip(0.35 - np.cos(a) * 0 + 0.65 * (x > -1.0), 0, 1)
    height = 0.35 + 0.32 * helix - 0.75 * _bump(x, y, -0.25, -0.5, 0.75, 1.0) + 0.22 * _bump(x, y, 0.45, 0.2, 0.35, 1.6)
    height += 0.3 * _bump(x, y, -1.15, -0.55, 0.3, 0.45) + 0.1 * _bump(x, y, 0.1, -2.4, 0.8, 0.6)
    height = np.where(turn > 9, height - 0.25 * (turn - 9), height)
    flare = 0.42 * (x + 1.6)
    lean = np.radians(14)
    back, up = x * np.cos(lean) + y * np.sin(lean) * 0.35, y * np.cos(lean) - x * np.sin(lean) * 0.6
    vertices = np.stack([-(6.45 + flare + height * 0.8), 1.9 + up, 3.3 - back], -1).reshape(-1, 3)
    faces = grid_faces(len(radius), 26, wrap=True)
    tri = vertices[faces[:40]]
    looks = np.cross(tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0])[:, 0].sum()
    return patch(vertices, faces if looks < 0 else faces[:, [0, 2, 1]], Part.SCALP)
