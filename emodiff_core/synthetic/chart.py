"""The chart: a stable map of a head's outside, so that skin painted once stays on the same spot in every frame.

A cylinder around the vertical axis through the head up to the eyes' height, a sphere above it; the front is
magnified. Everything is measured on the head's own template, so one painter serves every head.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from emodiff_core.flame import HeadModel
from emodiff_core.raster import interpolate, rasterize

Floats = NDArray[np.float32]
BOTTOM = 22.0  # centimetres below the pivot that the chart still shows
ASPECT = 0.75  # height over width


@dataclass(frozen=True)
class Chart:
    """Chart of one head. pivot: (3,) where cylinder and sphere meet on the axis; radius: of the sphere, centimetres;
    template: (V, 3); outside: (F, 3) faces of the outer skin; points: (468, 3) of the template."""

    pivot: Floats
    radius: float
    template: Floats
    outside: NDArray[np.int64]
    points: Floats

    def uv(self, positions: Floats) -> Floats:
        """Chart coordinates (P, 2) in 0 to 1 (u to the picture's right, v down) of template positions (P, 3)."""
        x, y, z = (positions - self.pivot).T
        turn = np.arctan2(x, z) / np.pi
        rise = np.where(y > 0, self.radius * np.arctan2(y, np.hypot(x, z)), y)
        top = self.radius * np.pi / 2
        return np.stack([0.5 + 0.75 * turn - 0.25 * turn**3, (top - rise) / (top + BOTTOM)], 1).astype(np.float32)

    @cached_property
    def marks(self) -> Floats:
        """Chart coordinates (468, 2) of the face mesh's points."""
        return self.uv(self.points)

    def positions(self, width: int) -> Floats:
        """Template position (H, W, 3) of every texel, nearest to the axis where the surface folds; zeros outside."""
        height = int(width * ASPECT)
        uv = self.uv(self.template)
        radius = np.hypot(self.template[:, 0], self.template[:, 2] - self.pivot[2])
        flat = np.column_stack([uv * (width, height), -radius]).astype(np.float32)
        wide = np.ptp(uv[self.outside, 0], axis=1) < 0.5
        seen = rasterize(flat, self.outside[wide], (height, width), cull=False)
        return interpolate(seen, self.template, self.outside[wide])


def chart_of(head: HeadModel) -> Chart:
    """The chart of a head's template."""
    template = head.template.numpy()
    points = head.landmarks(head.template[None])[0].numpy()
    eyes = (points[33] + points[263]) / 2
    depth = float(points[168, 2] - points[234, 2])
    pivot = np.array([0, eyes[1] + 0.5, points[234, 2] - 0.55 * depth], np.float32)
    outside = np.isin(head.parts.numpy(), (0, 1, 2, 9, 10, 11))
    return Chart(pivot, float(np.ptp(points[:, 0])) * 0.62, template, head.faces.numpy()[outside], points)
