"""Eyes, teeth, gums and tongue: what is painted on them, and how much light reaches into a mouth."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import linear, noise
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
IRIS = 0.43  # radius over the eyeball's
LIPS_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)


def paint_eye(person: Person, size: int) -> Floats:
    """An eyeball seen from its front, (size, size, 4): linear colour and wetness; the ball fills the square."""
    rng = person.rng("eye")
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    away, turn = np.hypot(x, y), np.arctan2(y, x) / np.pi
    polar = noise(rng, (64, 256), (40, 110, 200), (0.5, 0.6, 0.4), stretch=(1.0, 0.08))
    fibres = polar[np.clip(away / IRIS * 63, 0, 63).astype(int), ((turn + 1) * 127.9).astype(int)]
    colour = linear(person.iris)
    inner = np.exp(-(((away / IRIS - person.pupil - 0.12) / 0.2) ** 2))[..., None]
    iris = colour * (1.25 + 0.45 * fibres[..., None]) * (1 + inner * np.array([0.55, 0.3, 0.05]))
    limbus = _step(away / IRIS, 0.78, 1.02)[..., None]
    iris = iris * (1 - 0.75 * limbus)
    iris = iris * (1 - _step(IRIS * person.pupil - away, -0.015, 0.015)[..., None] * 0.985)
    white = np.array([0.64, 0.60, 0.565]) * (1 - 0.05 * person.age)
    veins = np.clip(noise(rng, (size, size), (18, 40), (0.6, 0.5)) - 0.55, 0, 1) * _step(away, 0.5, 0.95)
    white = white * (1 - (0.10 * _step(away, 0.5, 1.0) + 0.35 * veins)[..., None] * np.array([0.35, 1, 0.95]))
    edge = _step(away, IRIS - 0.025, IRIS + 0.03)[..., None]
    both = iris + (white - iris) * edge
    return np.concatenate([both, np.ones((size, size, 1))], -1).astype(np.float32)


def aperture(points: Floats) -> tuple[Floats, float, float]:
    """Middle (3,), half width and half height of the opening between the lips, from the 468 points (468, 3)."""
    ring = points[list(LIPS_INNER)]
    wide = float(np.linalg.norm(points[78] - points[308])) / 2
    return ring.mean(0), wide, float(np.linalg.norm(points[13] - points[14])) / 2


def reach(vertices: Floats, points: Floats) -> Floats:
    """How much of the light outside reaches points (V, 3) inside a mouth, 0 to 1, in one frame's turned-back pixels.

    The solid angle of the opening, darker above, where the upper lip shades the teeth.
    """
    middle, wide, high = aperture(points)
    offset = vertices - middle
    scale = wide + 1e-6
    beyond = np.maximum(np.abs(offset[:, 1]) - high, 0) / scale
    aside = np.maximum(np.abs(offset[:, 0]) - 0.55 * wide, 0) / scale
    deep = np.maximum(-offset[:, 2], 0) / scale
    opening = (high + 0.10 * wide) / scale
    hidden = 0.30 * deep**2 + 0.06 * deep**4 + 1.3 * beyond**2 + 0.5 * aside**2
    lip = np.clip((high + offset[:, 1] * -1) / (0.35 * scale) + 0.42, 0.35, 1)
    return np.asarray((opening / (opening + hidden) * lip).clip(0, 1), np.float32)


def _step(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
