"""Displacement fields: extended beyond where they are known, and how much they stretch."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def extend(field: Floats, known: NDArray[np.bool_], wanted: NDArray[np.bool_], falloff: float) -> Floats:
    """A field (H, W, 2) continued from where it is known, dying out over `falloff` pixels.

    Beside the border it takes the nearest known value, farther away ever smoother ones, so that neither a step at
    the border nor streaks behind it remain. Zero where not wanted.
    """
    out = np.zeros_like(field, dtype=np.float32)
    box = _around(known, int(2.2 * falloff) + 1)
    out[box] = _extended(field[box], known[box], falloff)
    return np.where(wanted[..., None], out, 0).astype(np.float32)


def feathered(field: Floats, face: Floats, width: float) -> Floats:
    """A field (H, W, 2) that is smooth across the outline of a face, (H, W) 0 to 1, within `width` pixels of it.

    There the head's triangles stand on edge: what they say jumps from one to the next, and a picture drawn by it has
    teeth like a comb.
    """
    inside = (face > 0.5).astype(np.uint8)
    edge = cv2.distanceTransform(inside, cv2.DIST_L2, 3) + cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    share = np.exp(-np.square(edge / width)).astype(np.float32)[..., None]
    return field + share * (_blurred(field, 0.6 * width) - field)


def combed(field: Floats, still: NDArray[np.bool_]) -> Floats:
    """A field (H, W, 2) without lone pixels that go another way than all around them; not within 2 of `still`."""
    near = cv2.dilate(still.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    clean = np.stack([cv2.medianBlur(np.ascontiguousarray(field[..., k]), 5) for k in range(2)], -1)
    return np.where(near[..., None], field, clean)


def _extended(field: Floats, known: NDArray[np.bool_], falloff: float) -> Floats:
    distance, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    index = np.zeros(int(labels.max()) + 1, np.intp)
    index[labels[known]] = np.flatnonzero(known)
    nearest = np.ascontiguousarray(field, np.float32).reshape(-1, 2)[index[labels]]
    smooth = _blurred(nearest, falloff / 3)
    share = np.clip(distance / (falloff / 3), 0, 1)[..., None]
    fade = np.exp(-((distance / falloff) ** 2)).astype(np.float32)[..., None]
    return np.where(known[..., None], field, (nearest + share * (smooth - nearest)) * fade)


def _around(known: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The box of what is known and a margin around it; everything where nothing is known."""
    rows, columns = np.flatnonzero(known.any(1)), np.flatnonzero(known.any(0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    return slice(top, int(rows[-1]) + margin + 1), slice(left, int(columns[-1]) + margin + 1)


def _blurred(field: Floats, sigma: float) -> Floats:
    """Gaussian blur on a grid a quarter as fine; sigma in pixels of the full one."""
    height, width = field.shape[:2]
    coarse = (max(width // 4, 1), max(height // 4, 1))
    small = cv2.resize(field.astype(np.float32), coarse, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / 4, 0.5))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
