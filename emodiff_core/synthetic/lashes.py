"""Eyelashes, drawn as strokes on the lids' points after shading."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
_UPPER = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
_LOWER = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362))
_SHIFT = 4


# Lid, rise, length over the eye's width, how many.
_FRINGES = ((_UPPER, 0.75, 0.26, 44), (_LOWER, -0.55, 0.09, 22))


@lru_cache(maxsize=16)
def _fringes(person: Person) -> list[tuple[Floats, Floats, Floats]]:
    """Of each eye and lid: place along the lid (K,), direction in head space (K, 3), length over its width (K,)."""
    out = []
    for sign in (-1.0, 1.0):
        for _, up, long, count in _FRINGES:
            rng = person.rng(f"lash{sign}{up}")
            t = np.linspace(0.02, 0.93, count) + rng.normal(0, 0.008, count)
            fan = sign * (0.95 - 1.35 * t) + rng.normal(0, 0.14, count)
            reach = 0.75 + 0.35 * np.sin(np.pi * np.clip(1 - t, 0, 1)) + 0.2 * (1 - t)
            reach *= long * person.lash * rng.uniform(0.8, 1.1, count)
            way = np.stack([fan, np.full(count, up), np.full(count, 0.8)], 1)
            out.append((t.astype(np.float32), way.astype(np.float32), reach.astype(np.float32)))
    return out


def draw_lashes(light: Floats, depth: Floats, person: Person, points: Floats, turn: Floats) -> None:
    """Darkens light (H, W, 3) under both eyes' lashes. points: (468, 3) in its pixels; turn: (3, 3) of the head."""
    wide = float(np.linalg.norm(points[33] - points[133]) + np.linalg.norm(points[263] - points[362])) / 2
    mask = np.zeros(light.shape[:2], np.uint8)
    fringes = _fringes(person)
    for side in (0, 1):
        if not _faces_us(points, depth, _UPPER[side]):
            continue
        for k, (lids, up, _, _) in enumerate(_FRINGES):
            _fringe(mask, fringes[2 * side + k], points[list(lids[side]), :2], turn, up, wide)
        line = np.round((points[list(_UPPER[side][:-1]), :2] - 0.5) * 2**_SHIFT).astype(np.int32)
        cv2.polylines(mask, [line], False, 200, max(1, round(0.03 * wide * (0.6 + person.lash))), cv2.LINE_AA, _SHIFT)
    rows, columns = np.nonzero(mask)
    share = mask[rows, columns, None].astype(np.float32) / 255
    dark = (0.55 + 0.35 * person.lash) * np.array([0.93, 0.96, 0.97], np.float32)
    light[rows, columns] *= 1 - share * dark


def _faces_us(points: Floats, depth: Floats, lid: tuple[int, ...]) -> bool:
    x, y, z = points[lid[4]]
    row, column = int(y), int(x)
    if not (0 <= row < depth.shape[0] and 0 <= column < depth.shape[1]):
        return False
    return bool(z > depth[row, column] - 0.04 * float(np.ptp(points[:, 0])))


def _fringe(
    mask: NDArray[np.uint8], fringe: tuple[Floats, Floats, Floats], lid: Floats, turn: Floats, up: float, wide: float
) -> None:
    t, way, reach = fringe
    knots = np.linspace(0, 1, len(lid))
    root = np.stack([np.interp(t, knots, lid[:, k]) for k in range(2)], 1)
    step = (way @ turn.T)[:, :2] * (1, -1) * reach[:, None] * wide
    bend = root + step * 0.6 + np.array([0, 0.12 * np.sign(up)]) * reach[:, None] * wide
    strokes = np.round((np.stack([root, bend, root + step], 1) - 0.5) * 2**_SHIFT).astype(np.int32)
    strength = int(np.clip(255 * 0.02 * wide, 50, 190))
    cv2.polylines(mask, list(strokes), False, strength, max(1, round(0.006 * wide)), cv2.LINE_AA, _SHIFT)
