"""Shoulders and clothes: a bust of rings below the neck, with the neckline of the garment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import noise
from emodiff_core.synthetic.chart import Chart
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
COLUMNS, ROWS = 72, 34

_RINGS = np.array([
    # height, half width, half depth, middle z: centimetres below and around a chin at y -7.7
    (-10.2, 6.6, 6.8, -0.9), (-11.0, 8.3, 7.4, -1.2), (-12.2, 11.2, 8.2, -1.5), (-13.4, 14.6, 9.0, -1.6),
    (-15.2, 17.8, 9.8, -1.2),    (-18.0, 20.2, 11.0, -0.4), (-24.0, 21.4, 11.8, 0.2), (-48.0, 22.0, 12.4, 0.6),
])  # fmt: skip
_DROP = {"crew": 0.9, "v": 3.6, "shirt": 2.4, "turtle": 0.0, "scoop": 2.4}


@dataclass(frozen=True)
class Garment:
    """vertices: (V, 3) centimetres in head space at rest; faces: (F, 3); uv: (V, 2); fabric: (h, w, 3) tone about 1."""

    vertices: Floats
    faces: NDArray[np.int64]
    uv: Floats
    fabric: Floats


def garment_of(person: Person, chart: Chart, width: int) -> Garment:
    """What a person wears, on a body that fits the head."""
    rng = person.rng("body")
    turn, t = np.meshgrid(np.linspace(-np.pi, np.pi, COLUMNS), np.linspace(0, 1, ROWS) ** 1.4)
    scale = float(np.ptp(chart.points[:, 1])) / 16.7 * (1.04 - 0.12 * person.feminine + rng.normal(0, 0.03))
    wide = np.array([1, scale, scale, 1])
    at = np.stack([np.interp(t, np.linspace(0, 1, len(_RINGS)), _RINGS[:, k] * wide[k]) for k in range(4)], -1)
    front = np.exp(-((turn / (0.5 if person.neckline == "v" else 0.8)) ** 2))
    drop = _DROP[person.neckline] * front * np.clip(1 - t * 2.2, 0, 1)
    folds = noise(rng, (ROWS, COLUMNS), (8, 20), (0.22, 0.12)) * np.clip(t * 3, 0, 1)
    sin, cos = np.sin(turn), np.cos(turn)
    square = (np.abs(sin) ** 2.6 + np.abs(cos) ** 2.6) ** (-1 / 2.6)
    reach = 1 + 0.09 * (drop / 4) + (0.12 * np.clip(1 - t * 12, 0, 1) if person.neckline == "shirt" else 0)
    roll = 2.2 * np.clip(1 - t * 14, 0, 1) * (person.neckline == "turtle")
    reach = reach + 0.09 * roll
    x = at[..., 1] * sin * square * reach + folds * sin
    z = at[..., 3] + at[..., 2] * cos * square * reach + folds * cos - 0.3 * drop + 0.35 * roll * np.clip(cos, 0, 1)
    y = at[..., 0] - drop + roll + 1.2 * np.clip(np.abs(sin) - 0.5, 0, 1) * np.clip(1 - t * 1.5, 0, 1)
    chin = float(chart.points[152, 1]) + 7.7
    vertices = np.stack([x, y + chin, z], -1).reshape(-1, 3).astype(np.float32)
    uv = np.stack([turn / (2 * np.pi) + 0.5, t], -1).reshape(-1, 2).astype(np.float32)
    return Garment(vertices, _faces(), uv, _fabric(rng, width))


def _faces() -> NDArray[np.int64]:
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(COLUMNS - 1), indexing="ij")
    a = (row * COLUMNS + column).ravel()
    b, c, d = a + 1, a + COLUMNS, a + COLUMNS + 1
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int64)


def _fabric(rng: np.random.Generator, width: int) -> Floats:
    shape = (width // 2, width)
    weave = noise(rng, shape, (60, 700), (0.05, 0.06))
    pattern = np.zeros(shape)
    kind = rng.integers(0, 5)
    if kind == 0:
        pattern = 0.25 * np.sign(np.sin(np.arange(shape[0]) / shape[0] * rng.uniform(40, 90)))[:, None] * np.ones(shape)
    if kind == 1:
        pattern = 0.06 * np.sign(np.sin(np.arange(width) / width * rng.uniform(60, 130)))[None] * np.ones(shape)
    rim = np.zeros(shape)
    rim[: max(2, shape[0] // 40)] = -0.12
    return np.repeat((1 + weave + pattern + rim)[..., None], 3, 2).astype(np.float32)
