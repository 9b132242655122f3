"""Ways in which people differ, one standard deviation each, after Farkas' Anthropometry of the Head and Face (1994)."""

from collections.abc import Callable

import numpy as np

from emodiff_core.head.chart import Array
from emodiff_core.head.strokes import Stroke

Field = Callable[[Array], Array]

STROKES: dict[str, tuple[Stroke, ...]] = {
    "jaw angle": ((0.125, 0.215, 0.4, -0.38, -0.05, 0.0),),
    "chin forward": ((0.5, 0.07, 0.32, 0, 0, 0.32),),
    "chin wide": ((0.43, 0.08, 0.22, -0.28, 0, 0.03),),
    "chin cleft and button": ((0.5, 0.13, 0.2, 0, 0.05, 0.2), (0.5, 0.21, 0.14, 0, 0, -0.12)),
    "nose wide": ((0.415, 0.45, 0.16, -0.17, 0, 0.03), (0.45, 0.42, 0.1, -0.05, 0, 0)),
    "nose forward": ((0.5, 0.46, 0.17, 0, 0, 0.27), (0.5, 0.55, 0.16, 0, 0, 0.1)),
    "nose tip down": ((0.5, 0.455, 0.14, 0, -0.22, -0.03), (0.44, 0.45, 0.1, 0, -0.04, 0)),
    "nose bridge high": ((0.5, 0.57, 0.14, 0, 0, 0.2), (0.5, 0.64, 0.14, 0, 0, 0.14)),
    "nose bridge wide": ((0.46, 0.58, 0.13, -0.1, 0, 0.02), (0.46, 0.65, 0.12, -0.06, 0, 0)),
    "nose tip broad": ((0.475, 0.47, 0.1, -0.09, 0, -0.03),),
    "mouth wide": ((0.39, 0.305, 0.14, -0.24, 0, -0.06), (0.44, 0.306, 0.1, -0.05, 0, 0)),
    "upper lip full": (
        (0.46, 0.34, 0.09, 0, 0.1, 0.1), (0.5, 0.345, 0.08, 0, 0.06, 0.06), (0.41, 0.325, 0.07, 0, 0.05, 0.02),
    ),
    "lower lip full": (
        (0.46, 0.268, 0.1, 0, -0.1, 0.1), (0.5, 0.266, 0.08, 0, -0.06, 0.08), (0.41, 0.284, 0.07, 0, -0.05, 0.02),
    ),
    "lips forward": ((0.5, 0.35, 0.22, 0, 0, 0.16), (0.5, 0.26, 0.22, 0, 0, 0.16)),
    "mouth corners up": ((0.385, 0.307, 0.1, 0, 0.14, 0),),
    "eyes apart": ((0.35, 0.62, 0.26, -0.16, 0, -0.03),),
    "eyes wide": ((0.28, 0.622, 0.1, -0.1, 0, -0.03), (0.42, 0.612, 0.09, 0.05, 0, 0)),
    "eyes open": ((0.345, 0.647, 0.09, 0, 0.1, 0), (0.345, 0.598, 0.08, 0, -0.06, 0)),
    "eyes slant": ((0.275, 0.623, 0.13, 0, 0.14, 0), (0.425, 0.61, 0.08, 0, -0.06, 0)),
    "eyes deep": ((0.36, 0.62, 0.24, 0, 0, -0.2), (0.37, 0.72, 0.18, 0, 0, 0.1)),
    "eyelid fold": ((0.345, 0.672, 0.1, 0, -0.08, 0.14), (0.27, 0.655, 0.1, 0, -0.08, 0.08)),
    "brows high": ((0.35, 0.735, 0.24, 0, 0.27, 0), (0.5, 0.72, 0.14, 0, 0.1, 0)),
    "brow ridge": ((0.38, 0.73, 0.22, 0, -0.05, 0.18), (0.5, 0.72, 0.15, 0, 0, 0.14)),
    "brows slant": ((0.25, 0.71, 0.17, 0, 0.18, 0), (0.44, 0.73, 0.13, 0, -0.12, 0)),
    "cheekbones": ((0.2, 0.52, 0.27, -0.25, 0.05, 0.12), (0.28, 0.5, 0.2, -0.05, 0.03, 0.12)),
    "cheeks full": ((0.2, 0.35, 0.36, -0.36, -0.05, 0.22), (0.3, 0.4, 0.24, -0.05, 0, 0.14)),
    "temples wide": ((0.1, 0.72, 0.4, -0.3, 0, 0.05),),
    "forehead round": ((0.5, 0.83, 0.4, 0, 0, 0.25),),
    "forehead slope": ((0.5, 0.88, 0.45, 0, 0.05, -0.35), (0.5, 0.74, 0.25, 0, 0, 0.08)),
    "aged": (
        (0.22, 0.24, 0.2, -0.12, -0.22, 0.06), (0.37, 0.4, 0.12, 0.04, -0.08, 0.08),
        (0.33, 0.585, 0.12, 0, -0.05, 0.08),
    ),
    "under the chin": ((0.5, -0.05, 0.35, 0, -0.4, 0.25),),
}  # fmt: skip


def _ramp(value: Array, low: float, high: float) -> Array:
    step = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(step * step * (3 - 2 * step))


def _face_wide(v: Array) -> Array:
    return np.stack([0.045 * v[:, 0], 0 * v[:, 0], 0 * v[:, 0]], 1)


def _lower_face_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.42 * np.clip((-1.2 - v[:, 1]) / 6.5, 0, 1.3), 0 * v[:, 1]], 1)


def _upper_lip_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.2 * np.clip((-0.9 - v[:, 1]) / 1.6, 0, 1), 0 * v[:, 1]], 1)


def _nose_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.32 * np.clip((3.6 - v[:, 1]) / 4.6, 0, 1), 0 * v[:, 1]], 1)


def _forehead_high(v: Array) -> Array:
    return np.stack([0 * v[:, 1], 0.45 * np.clip((v[:, 1] - 5.0) / 6.0, 0, 1.4), 0 * v[:, 1]], 1)


def _jaw_narrow(v: Array) -> Array:
    return np.stack([-0.05 * v[:, 0] * _ramp(-v[:, 1], -1.5, 6.0), 0 * v[:, 0], 0 * v[:, 0]], 1)


def _face_deep(v: Array) -> Array:
    return np.stack([0 * v[:, 2], 0 * v[:, 2], 0.05 * (v[:, 2] - 6.0)], 1)


def _profile_convex(v: Array) -> Array:
    wave = 0.3 * np.cos(np.clip((v[:, 1] - 0.5) / 8.5, -1, 1) * np.pi)
    return np.stack([0 * v[:, 1], 0 * v[:, 1], wave * _ramp(v[:, 2], 2, 9)], 1)


NAMED_SHARE = 0.72
"""The named directions overlap with the free ones; together they give the spread Farkas measured."""

FIELDS: tuple[Field, ...] = (
    _face_wide, _lower_face_long, _upper_lip_long, _nose_long, _forehead_high, _jaw_narrow, _face_deep, _profile_convex,
)  # fmt: skip
