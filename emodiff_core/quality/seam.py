"""The seam of a composite: whether an edge, a change of grain or a tremor shows where new pixels meet the source's."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Flags = NDArray[np.bool_]

_WIDTH = 3


@dataclass(frozen=True)
class SeamFigures:
    """Of a composite over its source, 1 where they are alike. step: mean gradient across the seam over the source's own
    there; flicker: root mean square of the second difference in time along the seam over the source's own;
    grain: spread of the finest detail inside over the source's own there; sharpness: the same of detail of one to three
    pixels, along the inside of the seam, where both show the same skin; shimmer: flicker inside of that finest detail.
    """

    step: float
    flicker: float
    grain: float
    sharpness: float
    shimmer: float


def seam_of(mask: Mask, width: int = _WIDTH) -> Flags:
    """(H, W) pixels within `width` of the border between mask (not 0) and source."""
    hard, disc = (mask > 0).astype(np.uint8), np.ones((2 * width + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(hard, disc) > cv2.erode(hard, disc, borderType=cv2.BORDER_REPLICATE))


def seam_figures(result: Sequence[Picture], source: Sequence[Picture], masks: Sequence[Mask]) -> SeamFigures:
    """Figures of N frames (H, W, 3) and their masks (H, W). Raises ValueError for fewer than three."""
    if len(result) < 3:
        raise ValueError(f"a seam is measured over three frames or more, not {len(result)}")
    made, own = (np.stack([_luma(picture) for picture in frames]) for frames in (result, source))
    seams, inside = np.stack([seam_of(mask) for mask in masks]), np.stack([_core(mask) for mask in masks])
    step = _ratio(*(_step(f, masks, seams) for f in (made, own)))
    still = seams[:-2] & seams[1:-1] & seams[2:]
    flicker = _ratio(*(float(np.sqrt(np.square(np.diff(f, 2, axis=0)[still]).mean())) for f in (made, own)))
    grain = _ratio(*(float(np.mean([grain_of(p, i) for p, i in zip(f, inside, strict=True)])) for f in (made, own)))
    rims = np.stack([_rim(mask) for mask in masks])
    sharpness = _ratio(*(_spread(np.stack([_detail(p) for p in f]), rims) for f in (made, own)))
    held = inside[:-2] & inside[1:-1] & inside[2:]
    shimmer = _ratio(*(_spread(np.diff(np.stack([_finest(p) for p in f]), 2, axis=0), held) for f in (made, own)))
    return SeamFigures(step, flicker, grain, sharpness, shimmer)


def grain_of(luma: Floats, where: Flags) -> float:
    """Standard deviation of the noise (in the picture's units) where it is asked for, robust against edges.

    Median of the absolute response to Immerkaer's mask (Fast Noise Variance Estimation, 1996), which answers to
    neither slopes nor straight edges.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    answer = cv2.filter2D(luma, cv2.CV_32F, kernel)[where]
    return float(np.median(np.abs(answer)) / 0.6745) if answer.size else 0.0


def _core(mask: Mask) -> Flags:
    return np.asarray(cv2.erode((mask > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)


def _rim(mask: Mask) -> Flags:
    """The inside of the seam, as wide as a tenth of the mask."""
    reach = max(3, round(0.1 * float(np.sqrt((mask > 0).sum()))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return _core(mask) & (cv2.erode((mask > 0).astype(np.uint8), disc) == 0)


def _finest(luma: Floats) -> Floats:
    return luma - np.asarray(cv2.GaussianBlur(luma, (0, 0), 0.8), np.float32)


def _detail(luma: Floats) -> Floats:
    """What is between one and three pixels wide."""
    fine, coarse = (cv2.GaussianBlur(luma, (0, 0), blur) for blur in (0.6, 1.6))
    return np.asarray(fine - coarse, np.float32)


def _spread(values: Floats, where: Flags) -> float:
    """Robust against the few edges among many calm pixels."""
    found = np.abs(values[where])
    return float(np.median(found) / 0.6745) if found.size else 0.0


def _across(luma: Floats, mask: Mask) -> Floats:
    """Gradient (H, W) along the direction in which the mask's edge runs from inside to outside."""
    soft = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 2.0)
    nx, ny = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    length = np.maximum(np.hypot(nx, ny), 1e-6)
    gx, gy = cv2.Scharr(luma, cv2.CV_32F, 1, 0) / 32, cv2.Scharr(luma, cv2.CV_32F, 0, 1) / 32
    return np.abs((gx * nx + gy * ny) / length).astype(np.float32)


def _step(frames: Floats, masks: Sequence[Mask], seams: Flags) -> float:
    found = (_across(p, mask)[seam].mean() for p, mask, seam in zip(frames, masks, seams, strict=True))
    return float(np.mean(list(found)))


def _ratio(made: float, own: float) -> float:
    return float(made / max(own, 1e-6))


def _luma(picture: Picture) -> Floats:
    return (picture.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)).astype(np.float32)
