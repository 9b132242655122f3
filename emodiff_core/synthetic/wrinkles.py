"""Wrinkles that come and go with the expression, and stay with age: relief on the chart, added frame by frame."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.brush import Brush
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
_MIRROR = {
    129: 358, 203: 423, 206: 426, 216: 436, 212: 432, 55: 285, 107: 336, 65: 295, 33: 263, 130: 359, 226: 446,
    143: 372, 35: 265, 31: 261, 111: 340, 124: 353, 193: 417, 189: 413, 122: 351, 196: 419, 228: 448, 229: 449,
    230: 450, 231: 451, 232: 452, 68: 298, 104: 333, 69: 299, 108: 337, 63: 293, 105: 334, 66: 296, 71: 301,
    202: 422, 210: 430, 57: 287, 43: 273, 106: 335, 182: 406, 186: 410, 92: 322, 103: 332, 67: 297, 109: 338,
    54: 284, 98: 327,
}  # fmt: skip
_FORE = ((71, 63, 105, 66, 107, 9), (68, 104, 69, 108, 151), (103, 67, 109, 10))


Side = Callable[[int], int]


def _same(mark: int) -> int:
    return mark


def _across(mark: int) -> int:
    """The face-mesh point of the other side."""
    return _MIRROR.get(mark, mark)


@dataclass(frozen=True)
class Fold:
    """One wrinkle's relief where it lies. top, left: texels; slopes: (h, w, 3) along u, along v, crease;
    codes: what raises it, as index and gain; rest: how much is always there."""

    top: int
    left: int
    slopes: Floats
    codes: tuple[tuple[int, float], ...]
    rest: float


def folds_of(person: Person, brush: Brush) -> tuple[Fold, ...]:
    """A person's wrinkles: laugh lines, forehead, frown, crow's feet, nose, bags, mouth corners, chin; sides apart."""
    rng = person.rng("folds")
    age, strength = 1.25 * person.age, 0.6 + 0.8 * person.age
    out: list[Fold] = []
    for side in "RL":
        at = _same if side == "R" else _across
        smile = {
            f"mouthSmile_{side}": 1.0,
            f"cheekSquint_{side}": 0.5,
            f"noseSneer_{side}": 0.7,
            f"mouthUpperUp_{side}": 0.6,
        }
        laugh = _path(brush, [at(k) for k in (129, 203, 206, 216, 212)], rng)
        out.append(_fold(brush, [laugh], 0.42, 0.085 * strength, smile, 0.2 + 0.6 * age))
        lines = [_row(brush, at, rng, rise) for rise in np.linspace(0.35, 1.55, 4)]
        raise_ = {f"browOuterUp_{side}": 0.9, "browInnerUp_" + side: 0.7}
        out.append(_fold(brush, lines, 0.12, 0.028 * strength, raise_, 0.6 * age))
        frown = [_between(brush, at(107), at(55), 9, 8, share, rng) for share in (0.35, 0.55)]
        out.append(
            _fold(brush, frown, 0.11, 0.030 * strength, {f"browDown_{side}": 1.1, f"noseSneer_{side}": 0.3}, 0.5 * age)
        )
        feet = [_ray(brush, at, rise, rng) for rise in (-0.5, 0.0, 0.5, 0.9)]
        squint = {f"cheekSquint_{side}": 0.9, f"eyeSquint_{side}": 0.7, f"mouthSmile_{side}": 0.5}
        out.append(_fold(brush, feet, 0.08, 0.018 * strength, squint, 0.7 * age))
        nose = [_path(brush, [at(k) for k in pair], rng) for pair in ((193, 122), (189, 196))]
        out.append(_fold(brush, nose, 0.09, 0.016 * strength, {f"noseSneer_{side}": 1.2}, 0.1 * age))
        bag = _path(brush, [at(k) for k in (228, 229, 230, 231, 232)], rng)
        out.append(
            _fold(
                brush,
                [bag],
                0.14,
                0.022 * strength,
                {f"cheekSquint_{side}": 0.8, f"eyeSquint_{side}": 0.8},
                0.2 + 0.7 * age,
            )
        )
        corner = _path(brush, [at(k) for k in (57, 43, 202)], rng)
        out.append(
            _fold(
                brush,
                [corner],
                0.14,
                0.026 * strength,
                {f"mouthFrown_{side}": 1.0, f"mouthPress_{side}": 0.5},
                0.5 * age,
            )
        )
        dimple = _path(brush, [at(k) for k in (186, 57)], rng)
        out.append(
            _fold(brush, [dimple], 0.12, 0.018 * strength, {f"mouthDimple_{side}": 1.0, f"mouthSmile_{side}": 0.5}, 0.0)
        )
    chin = _path(brush, [182, 83, 18, 313, 406], rng)
    out.append(
        _fold(brush, [chin], 0.3, 0.03, {"mouthShrugLower": 1.0, "mouthFrown_L": 0.4, "mouthFrown_R": 0.4}, 0.15)
    )
    return tuple(out)


def relief_at(base: Floats, folds: tuple[Fold, ...], expression: Floats) -> Floats:
    """Slopes and creases (H, W, 3) of one frame: the skin's own relief plus the wrinkles its expression (E,) raises."""
    out = base.copy()
    for fold in folds:
        raised = sum(expression[k] * gain for k, gain in fold.codes)
        amount = np.float32(min(1.3, fold.rest * 0.7 + raised))
        if amount > 0.02:
            height, width = fold.slopes.shape[:2]
            out[fold.top : fold.top + height, fold.left : fold.left + width] += amount * fold.slopes
    return out


def slopes(relief: Floats, density: float) -> Floats:
    """Slopes (H, W, 3) of a relief in centimetres; the third channel, the crease, is zero."""
    u = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) * np.float32(density / 8)
    v = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3) * np.float32(density / 8)
    return np.stack([u, v, np.zeros_like(u)], -1)


def _fold(brush: Brush, lines: list[Floats], width: float, depth: float, codes: dict[str, float], rest: float) -> Fold:
    groove = np.zeros(brush.shape, np.float32)
    for line in lines:
        groove = np.maximum(groove, brush.line(line, width * 0.35, width * 0.45))
    groove /= max(float(groove.max()), 1e-6)
    spread = np.asarray(cv2.GaussianBlur(groove, (0, 0), width * 1.4 * brush.density), np.float32)
    mound = spread / max(float(spread.max()), 1e-6)
    rows, columns = np.nonzero(mound > 0.01)
    box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    out = slopes(depth * (0.55 * mound - groove), brush.density)[box]
    out[..., 2] = np.clip(groove[box] * depth / width * 0.85, 0, 0.4)
    pairs = tuple((ARKIT.index(name), gain) for name, gain in codes.items())
    return Fold(int(rows.min()), int(columns.min()), out, pairs, rest)


def _path(brush: Brush, marks: list[int], rng: np.random.Generator) -> Floats:
    knots = brush.marks[marks]
    t, fine = np.linspace(0, 1, len(knots)), np.linspace(0, 1, 24)
    line = np.stack([np.interp(fine, t, knots[:, k]) for k in range(2)], 1)
    soft = np.stack([np.convolve(np.pad(line[:, k], 3, mode="edge"), np.ones(7) / 7, "valid") for k in range(2)], 1)
    return (soft + rng.normal(0, 0.05, 2) * brush.density).astype(np.float32)


def _row(brush: Brush, at: Side, rng: np.random.Generator, rise: float) -> Floats:
    low, high = (int(rise), int(rise) + 1)
    t = np.linspace(0, 1, 24)
    marks = [brush.marks[[at(k) for k in _FORE[r]]] for r in (low, high)]
    rows = [np.stack([np.interp(t, np.linspace(0, 1, len(m)), m[:, c]) for c in range(2)], 1) for m in marks]
    line = rows[0] + (rows[1] - rows[0]) * (rise - low)
    wobble = np.interp(t, np.linspace(0, 1, 6), rng.normal(0, 0.12, 6)) * brush.density
    keep = slice(int(rng.integers(3, 9)), None)
    return np.asarray((line + np.stack([np.zeros(24), wobble], 1))[keep], np.float32)


def _between(
    brush: Brush, top: int, low: int, mid_top: int, mid_low: int, share: float, rng: np.random.Generator
) -> Floats:
    ends = [
        brush.marks[mid] + (brush.marks[out] - brush.marks[mid]) * share
        for out, mid in ((top, mid_top), (low, mid_low))
    ]
    line = np.linspace(ends[0], ends[1] + (0, 0.2 * brush.density), 12)
    return (line + rng.normal(0, 0.03, 2) * brush.density).astype(np.float32)


def _ray(brush: Brush, at: Side, rise: float, rng: np.random.Generator) -> Floats:
    corner, inner = brush.marks[at(33)], brush.marks[at(133)]
    outward = (corner - inner) / np.linalg.norm(corner - inner) if at(33) == 33 else (corner - brush.marks[362])
    outward = outward / np.linalg.norm(outward)
    start = corner + outward * brush.density * 0.55 + np.array([0, -rise * 0.5 * brush.density])
    end = corner + outward * brush.density * rng.uniform(1.3, 1.9) + np.array([0, -rise * 1.5 * brush.density])
    return np.linspace(start, end, 10).astype(np.float32)
