"""What is behind a person: walls, gradients and rooms out of focus."""

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import linear, noise
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]


def backdrop(person: Person, size: tuple[int, int]) -> Floats:
    """Background (H, W, 3), linear light, the same picture at every size."""
    rng = person.rng("backdrop")
    base = _room(rng) if rng.random() < 0.6 else _wall(rng)
    return np.asarray(cv2.resize(base, size[::-1], interpolation=cv2.INTER_CUBIC).clip(0.002, 1.5), np.float32)


def _pick(rng: np.random.Generator, low: float, high: float) -> Floats:
    import colorsys

    return linear(colorsys.hsv_to_rgb(rng.random(), float(0.4 * rng.random() ** 1.8), float(rng.uniform(low, high))))


def _wall(rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[0:1:256j, 0:1:256j].astype(np.float32)
    one = _pick(rng, 0.2, 0.85)
    glow = np.exp(-((x - rng.uniform(0.2, 0.8)) ** 2 + (y - rng.uniform(0.1, 0.6)) ** 2) / rng.uniform(0.15, 0.7))
    mottle = noise(rng, (256, 256), (4, 9, 20), (0.06, 0.05, 0.03))
    return np.asarray(one * (0.55 + 0.6 * glow + mottle)[..., None], np.float32)


def _room(rng: np.random.Generator) -> Floats:
    image = np.ones((256, 256, 3), np.float32) * _pick(rng, 0.35, 0.8)
    if rng.random() < 0.5:
        image[int(rng.uniform(150, 230)) :] *= _pick(rng, 0.3, 0.7)
    for _ in range(int(rng.integers(3, 10))):
        x, y = (int(v) for v in rng.uniform(-40, 250, 2))
        w, h = (int(v) for v in rng.uniform(15, 110, 2))
        bright = 1.6 if rng.random() < 0.2 else 1.0
        colour = tuple(float(c) for c in _pick(rng, 0.08, 0.9) * bright)
        cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
    for _ in range(int(rng.integers(0, 7))):
        place = tuple(int(v) for v in rng.uniform(0, 256, 2))
        cv2.circle(image, place, int(rng.uniform(2, 9)), tuple(float(c) for c in _pick(rng, 0.8, 1.0) * 2), -1)
    blur = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(5, 13)))
    return np.asarray(blur * rng.uniform(0.5, 1.0), np.float32)
