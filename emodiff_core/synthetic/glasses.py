"""Glasses: two rims, a bridge and temples, fitted to the eyes of a head at rest."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
SIDES = 6


def glasses_of(person: Person, points: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Vertices (V, 3) in centimetres and faces (F, 3) of a person's glasses on the 468 points (468, 3) of their face at
    rest; empty where none are worn."""
    if not person.glasses:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    rng = person.rng("glasses")
    thick = float(rng.uniform(0.07, 0.2))
    wide, high, square = rng.uniform(2.5, 2.85), rng.uniform(1.75, 2.3), rng.uniform(2.0, 4.5)
    tubes = []
    for sign in (-1.0, 1.0):
        tubes += _half(points, sign, float(wide), float(high), float(square), thick)
    bridge = (points[168] + points[6]) / 2
    arch = np.linspace(-1, 1, 9)
    gap = abs(float(points[133 if points[133, 0] > 0 else 362, 0])) * 0.55
    level = np.stack([arch * gap, bridge[1] + 0.1 + 0.25 * (1 - arch**2), bridge[2] + 0.8 - 0.1 * arch**2], 1)
    tubes.append(_tube(level, thick, False))
    return _joined(tubes)


def _half(
    points: Floats, sign: float, wide: float, high: float, square: float, thick: float
) -> list[tuple[Floats, NDArray[np.int64]]]:
    outer, inner = (33, 133) if sign < 0 else (263, 362)
    middle = (points[outer] + points[inner]) / 2
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    round_ = (np.abs(cos) ** square + np.abs(sin) ** square) ** (-1 / square)
    x = middle[0] + cos * round_ * wide + sign * 0.15
    y = middle[1] - 0.25 + sin * round_ * high
    front = float(points[6, 2]) + 0.8
    rim = np.stack([x, y, front - 0.05 * x**2], 1)
    hinge = rim[int(np.argmax(rim[:, 0] * sign + 0.3 * rim[:, 1]))]
    ear = np.array([points[127 if sign < 0 else 356, 0] * 1.01, hinge[1] - 0.2, points[234, 2] - 3.0])
    side = np.array([ear[0], hinge[1], hinge[2] - 0.6])
    return [_tube(rim, thick, True), _tube(np.stack([hinge, side, (side + ear) / 2, ear]), thick * 0.9, False)]


def _tube(path: NDArray[np.float64], radius: float, closed: bool) -> tuple[Floats, NDArray[np.int64]]:
    """A tube of SIDES sides around a path (K, 3)."""
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    one = np.cross(along, np.where(np.abs(along[:, 2:]) > 0.8, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    one /= np.linalg.norm(one, axis=1, keepdims=True) + 1e-9
    two = np.cross(along, one)
    turn = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
    ring = one[:, None] * np.cos(turn)[:, None] + two[:, None] * np.sin(turn)[:, None]
    vertices = (path[:, None] + radius * ring).reshape(-1, 3).astype(np.float32)
    k, j = np.meshgrid(np.arange(len(path) - (not closed)), np.arange(SIDES), indexing="ij")
    a, b = k * SIDES + j, k * SIDES + (j + 1) % SIDES
    c, d = (k + 1) % len(path) * SIDES + j, (k + 1) % len(path) * SIDES + (j + 1) % SIDES
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    return vertices, faces.astype(np.int64)


def _joined(tubes: list[tuple[Floats, NDArray[np.int64]]]) -> tuple[Floats, NDArray[np.int64]]:
    first = np.cumsum([0, *(len(v) for v, _ in tubes)])
    return np.concatenate([v for v, _ in tubes]), np.concatenate(
        [f + s for (_, f), s in zip(tubes, first, strict=False)]
    )
