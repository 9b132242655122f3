"""Finer forms than the control points hold: nostrils, wings of the nose, philtrum, the fold above the eye."""

from emodiff_core.head.chart import Array
from emodiff_core.head.skin import Skin
from emodiff_core.head.strokes import Stroke, painted

DETAILS: tuple[Stroke, ...] = (
    (0.461, 0.424, 0.034, 0.03, 0.26, -0.16),
    (0.453, 0.418, 0.03, 0.03, 0.2, -0.1), (0.468, 0.43, 0.028, 0.02, 0.18, -0.14),
    (0.428, 0.44, 0.05, -0.07, 0.0, 0.07), (0.436, 0.425, 0.035, -0.03, -0.05, 0.03),
    (0.409, 0.455, 0.035, 0.03, 0.0, -0.07),
    (0.405, 0.437, 0.035, 0.02, 0.0, -0.08), (0.412, 0.417, 0.035, 0.02, 0.02, -0.07),
    (0.427, 0.468, 0.035, 0.02, 0.0, -0.05), (0.447, 0.464, 0.03, 0.01, 0.0, -0.04),
    (0.5, 0.372, 0.03, 0.0, 0.0, -0.06), (0.48, 0.37, 0.028, 0.0, 0.0, 0.04), (0.5, 0.333, 0.03, 0.0, -0.02, 0.04),
    (0.345, 0.66, 0.028, 0.0, 0.0, -0.06),
    (0.315, 0.657, 0.028, 0.0, 0.0, -0.05), (0.375, 0.656, 0.028, 0.0, 0.0, -0.05),
    (0.345, 0.676, 0.04, 0.0, -0.02, 0.06), (0.305, 0.672, 0.04, 0.0, -0.02, 0.05),
    (0.37, 0.41, 0.06, 0.0, 0.0, -0.05), (0.35, 0.37, 0.06, 0.0, 0.0, -0.05),
)  # fmt: skip


def detailed(skin: Skin, places: Array) -> Array:
    """(V, 3) skin places with the fine forms added."""
    return places + painted(skin.uv, skin.side, DETAILS, both_sides=True)
