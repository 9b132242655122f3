"""Eyes: what is painted on them."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import linear, noise
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
IRIS = 0.43  # radius over the eyeball's


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


def _step(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
