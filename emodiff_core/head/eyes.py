"""Eyeballs with iris, and the rims of the lids that lie on them."""

import numpy as np
from scipy.optimize import least_squares

from emodiff_core.flame import Part
from emodiff_core.head.patches import Array, Patch, grid_faces, outward

RADIUS = 1.28
IRIS_ANGLE = np.arcsin(0.6 / RADIUS)
_POLAR = np.concatenate([np.linspace(0.03, IRIS_ANGLE, 6), np.linspace(IRIS_ANGLE + 0.14, 2.2, 11)])


def socket(rim: Array) -> Array:
    """(3,) the eyeball's centre: the sphere on which the lids' rim (N, 3) lies, a millimetre above its surface."""

    def distance(centre: Array) -> Array:
        return np.asarray(np.linalg.norm(rim - centre, axis=1) - RADIUS - 0.1)

    start = rim.mean(0) - np.array([0, 0, RADIUS])
    return np.asarray(least_squares(distance, start).x)


def eyeball(centre: Array, side: int) -> Patch:
    """A sphere looking along z with a raised cornea; 24 meridians. side: 1 right, 2 left."""
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    polar, azimuth = np.meshgrid(_POLAR, around, indexing="ij")
    raised = RADIUS + 0.05 * np.clip(1 - (polar / IRIS_ANGLE) ** 2, 0, 1)
    unit = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], -1)
    ball = (unit * raised[..., None]).reshape(-1, 3)
    vertices = np.concatenate([ball, [[0, 0, RADIUS + 0.05]]])
    rows = grid_faces(len(_POLAR), 24, wrap=True)
    cap = np.array([[len(ball), i, (i + 1) % 24] for i in range(24)])
    faces = outward(vertices, np.concatenate([rows, cap]))
    inside = np.arccos(np.clip(unit.reshape(-1, 3)[:, 2], -1, 1)) <= IRIS_ANGLE + 1e-6
    iris = np.append(inside, True)[faces].all(1)
    parts = np.where(iris, Part.IRIS, Part.SCLERA).astype(np.uint8)
    n = len(vertices)
    return Patch(vertices + centre, faces, parts, np.zeros(n), np.full(n, side, np.uint8))


def lid_rows(rim: Array, centre: Array) -> Array:
    """(3, N, 3) the rim's thickness: its edge on the eyeball and two rows that follow the ball behind the lid."""
    away = rim - centre
    unit = away / np.linalg.norm(away, axis=1, keepdims=True)
    middle = rim.mean(0)
    inward = (middle - rim) * np.array([1, 1, 0])
    edge = centre + unit * (RADIUS + 0.015) + 0.03 * inward
    behind = []
    for reach, height in ((0.18, -0.03), (0.5, -0.12)):
        out = unit - reach * inward / np.linalg.norm(inward, axis=1, keepdims=True)
        out = out / np.linalg.norm(out, axis=1, keepdims=True)
        behind.append(centre + out * (RADIUS + height))
    return np.stack([edge, *behind])
