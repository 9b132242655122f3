"""Brushes of the chart: noise, spots, lines, areas and hairs, measured in centimetres of the head's surface."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.chart import ASPECT, BOTTOM, Chart

Floats = NDArray[np.float32]
COARSE = 4
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def linear(colour: Sequence[float] | Floats) -> Floats:
    """sRGB 0 to 1 as linear light (IEC 61966-2-1)."""
    value = np.asarray(colour, np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: Sequence[int],
    amounts: Sequence[float],
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Floats:
    """Smooth noise (H, W) about -1 to 1: octaves of `cells` across the width, equal at all sizes that show them."""
    height, width = shape
    out = np.zeros(shape, np.float32)
    for count, amount in zip(cells, amounts, strict=True):
        lattice = rng.standard_normal((max(2, int(count * ASPECT * stretch[1])), max(2, int(count * stretch[0]))))
        if count > width * 1.5:
            continue
        out += cv2.resize(lattice.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) * amount
    return out


def blobs(brush: "Brush", spots: Sequence[tuple[int, float]]) -> Floats:
    """Soft spots (H, W) around face-mesh points, each with its radius in centimetres; 0 to 1."""
    places = brush.coarse
    out = np.zeros(places.shape[:2], np.float32)
    for mark, radius in spots:
        away = ((places - brush.chart.points[mark]) ** 2).sum(-1)
        out = np.maximum(out, np.exp(-away / radius**2))
    return cv2.resize(out, brush.shape[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


class Brush:
    """Paints masks (H, W) float32 0 to 1 on one chart at one width in texels."""

    def __init__(self, chart: Chart, width: int) -> None:
        self.chart = chart
        self.shape = (int(width * ASPECT), width)
        self.places = chart.positions(width)
        self.coarse = self.places[::COARSE, ::COARSE]
        self.marks = chart.marks * (self.shape[1], self.shape[0])
        self.density = self.shape[0] / (chart.radius * np.pi / 2 + BOTTOM)  # texels a centimetre, downwards

    def area(self, ring: Sequence[int], soft: float) -> Floats:
        """Inside of a ring of face-mesh points, its edge soft over so many centimetres."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [_fixed(_smooth(self.marks[list(ring)]))], 255, cv2.LINE_AA, _SHIFT)
        return _unit(mask, soft * self.density)

    def line(self, path: Sequence[int] | Floats, width: float, soft: float) -> Floats:
        """A line through face-mesh points (or chart places in texels), width and softness in centimetres."""
        places = path if isinstance(path, np.ndarray) else self.marks[list(path)]
        mask = np.zeros(self.shape, np.uint8)
        thick = max(1, round(width * self.density))
        cv2.polylines(mask, [_fixed(places)], False, 255, thick, cv2.LINE_AA, _SHIFT)
        return _unit(mask, soft * self.density) * np.float32(min(1.0, width * self.density / thick))

    def scatter(self, rng: np.random.Generator, count: int, centre: tuple[int, float], radius: float) -> Floats:
        """Chart places (K, 2) in texels strewn around a face-mesh point within a radius in centimetres."""
        spread = rng.standard_normal((count, 2)) * radius / 2 * self.density
        return np.asarray(self.marks[centre[0]] + spread, np.float32)

    def dots(self, places: Floats, radii: NDArray[np.float64]) -> Floats:
        """Round dots of radii in centimetres."""
        mask = np.zeros(self.shape, np.uint8)
        for place, radius in zip(places, radii, strict=True):
            size = int(max(radius * self.density, 0.5) * 16)
            x, y = (place * 16).astype(int)
            strength = int(255 * min(1.0, 2 * radius * self.density))
            cv2.circle(mask, (int(x), int(y)), size, strength, -1, cv2.LINE_AA, _SHIFT)
        return _unit(mask, 0.02 * self.density)

    def beard_area(self) -> tuple[Floats, Floats]:
        """Where a beard and a moustache grow."""
        p, at = self.chart.points, self.coarse
        x, y, z = np.abs(at[..., 0]), at[..., 1], at[..., 2]
        line = np.interp(x, [0, abs(p[61, 0]) + 0.3, abs(p[58, 0]) * 0.75, abs(p[234, 0])],
                         [p[17, 1], p[61, 1] + 0.2, p[61, 1] + 0.8, p[234, 1] + 0.5])  # fmt: skip
        beard = _step(line - y, -0.2, 0.9) * _step(y, p[152, 1] - 4.5, p[152, 1] - 1.0) * _step(z, 0.5, 3.5)
        bare = np.exp(-(((x - 1.3) / 0.8) ** 2) - ((y - p[18, 1]) / 0.8) ** 2)
        lip = np.interp(
            x, [0, 1.2, abs(p[61, 0]), abs(p[61, 0]) + 0.9], [p[2, 1], p[2, 1] - 0.1, p[61, 1] + 1.5, p[61, 1] + 0.3]
        )
        moustache = _step(lip - y, 0.0, 0.5) * _step(y, p[61, 1] - 0.6, p[61, 1] + 0.2) * _step(3.3 - x, 0, 0.6)
        inside = cv2.resize(self.area(LIPS, 0.1), at.shape[1::-1], interpolation=cv2.INTER_AREA)
        full = [np.asarray(a * (1 - inside) * (z > 0), np.float32) for a in (beard * (1 - 0.6 * bare), moustache)]
        grown = [np.asarray(cv2.resize(a, self.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32) for a in full]
        return grown[0], grown[1]

    def hairs(
        self, rng: np.random.Generator, area: Floats, count: int, length: tuple[float, float], width: float, lean: float
    ) -> Floats:
        """Short hairs that hang down inside an area (H, W) of 0 to 1; count is for the whole chart's front half."""
        low, high = self.marks.min(0), self.marks.max(0)
        span = (high - low) * (1.1, 0.75)
        start = low + (high - low) * (-0.05, 0.5) + rng.random((count, 2)) * span
        turn = rng.normal(0, lean, count) + (start[:, 0] - self.marks[4, 0]) / span[0] * 0.8
        reach = rng.uniform(*length, count) * self.density
        keep = rng.random(count) < _look(area, start)
        steps = np.stack([np.sin(turn), np.cos(turn)], 1) * reach[:, None]
        return self._strokes(start[keep], (start + steps)[keep], width)

    def brow(
        self, rng: np.random.Generator, lower: Sequence[int], upper: Sequence[int], density: float, width: float
    ) -> Floats:
        """One brow: hairs that rise at the inner end and lie along it further out. Points run from outside in."""
        count = int(430 * density)
        along, across = rng.beta(1.2, 1.05, count), rng.uniform(0, 1, count)
        low, high = (_smooth_line(self.marks[list(side)], along) for side in (lower, upper))
        slim = width * (0.45 + 0.55 * np.clip(along * 2.2, 0, 1))
        root = (low + high) / 2 + (high - low) * ((across - 0.5) * slim * 0.9)[:, None]
        outward = _smooth_line(self.marks[list(lower)], np.clip(along - 0.1, 0, 1)) - low
        outward = outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6)
        rise = np.clip((along - 0.55) * 1.8, 0, 0.9) + (0.5 - across) * 0.7 + rng.normal(0, 0.15, count)
        way = outward + np.stack([np.zeros(count), -rise], 1)
        tips = root + way * (rng.uniform(0.35, 0.75, count) * self.density)[:, None]
        strokes = self._strokes(root, tips, 0.03)
        body = cv2.GaussianBlur(strokes, (0, 0), 0.14 * self.density)
        return np.asarray(np.clip(strokes * 0.62 + body * 0.75 * density, 0, 0.9), np.float32)

    def _strokes(self, roots: NDArray[np.float64], tips: NDArray[np.float64], width: float) -> Floats:
        fine = max(1, int(np.ceil(20 / self.density)))
        mask = np.zeros((self.shape[0] * fine, self.shape[1] * fine), np.uint8)
        thick = max(1, round(width * self.density * fine))
        lines = _fixed(np.stack([roots, tips], 1) * fine)
        cv2.polylines(mask, list(lines), False, 255, thick, cv2.LINE_AA, _SHIFT)
        small = cv2.resize(mask, self.shape[::-1], interpolation=cv2.INTER_AREA) if fine > 1 else mask
        return small.astype(np.float32) * np.float32(min(1.0, width * self.density * fine / thick) / 255)


LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)


def _fixed(places: Floats | NDArray[np.float64]) -> NDArray[np.int32]:
    shifted = (np.asarray(places, np.float64) - 0.5) * 2**_SHIFT
    return np.asarray(np.round(shifted), np.int32)


def _unit(mask: NDArray[np.uint8], sigma: float) -> Floats:
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), sigma) if sigma > 0.3 else soft  # type: ignore[return-value]


def _step(value: Floats | NDArray[np.float64], low: float, high: float) -> Floats:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _smooth(ring: Floats, rounds: int = 2) -> Floats:
    """Chaikin's corner cutting of a closed ring."""
    for _ in range(rounds):
        following = np.roll(ring, -1, axis=0)
        ring = np.stack([0.75 * ring + 0.25 * following, 0.25 * ring + 0.75 * following], 1).reshape(-1, 2)
    return ring


def _smooth_line(knots: Floats, at: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.linspace(0, 1, len(knots))
    return np.stack([np.interp(at, places, knots[:, k]) for k in range(2)], 1)


def _look(area: Floats, places: NDArray[np.float64]) -> Floats:
    x, y = np.clip(places.astype(int), 0, np.array(area.shape[::-1]) - 1).T
    return np.asarray(area[y, x], np.float32)
