"""Measures between pictures: PSNR, SSIM, fine detail, flicker."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Floats = NDArray[np.float32]


def psnr(result: Floats, truth: Floats, weight: Floats | None = None) -> float:
    """Peak signal-to-noise ratio in dB of pictures (..., H, W, C) in [0, 1]; inf where they are equal.

    weight: (..., H, W) in [0, 1], where it counts. Raises ValueError where it counts nowhere.
    """
    error = np.square(result.astype(np.float64) - truth).mean(-1)
    if weight is not None and not weight.any():
        raise ValueError("the weight is zero everywhere")
    mean = float(np.average(error, weights=weight))
    return float("inf") if mean == 0 else float(-10 * np.log10(mean))


def ssim(result: Floats, truth: Floats) -> float:
    """Structural similarity (Wang et al. 2004, Gaussian window of 1.5 px) of pictures (N, H, W, C) in [0, 1]."""
    values = [
        structural_similarity(
            a, b, channel_axis=-1, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(result, truth, strict=True)
    ]
    return float(np.mean(values))


def detail_share(result: Floats, truth: Floats, weight: Floats) -> float:
    """How much of the truth's fine detail pictures (N, H, W, 3) show: their finest band, what a blur of 1.5 px takes
    away, projected on the truth's. 1 for the truth, 0 for a smooth picture, and 0 for noise too, however much of it.
    weight: (N, H, W)."""
    fine, true = _fine(result), _fine(truth)
    shown, there = (np.average((band * true).mean(-1), weights=weight) for band in (fine, true))
    return float(shown / max(there, 1e-12))


def _fine(pictures: Floats) -> NDArray[np.float64]:
    """The finest band (N, H, W, 3)."""
    return np.stack([one - cv2.GaussianBlur(one, (0, 0), 1.5) for one in pictures]).astype(np.float64)


def flicker(frames: Floats, weight: Floats | None = None) -> float:
    """Root mean square of the second difference in time of frames (N, H, W, C) in [0, 1], times 255.

    weight: (H, W). Raises ValueError for fewer than three frames.
    """
    if len(frames) < 3:
        raise ValueError(f"flicker needs three frames, not {len(frames)}")
    second = np.square(np.diff(frames.astype(np.float64), 2, axis=0)).mean((0, -1))
    return float(255 * np.sqrt(np.average(second, weights=weight)))


def flicker_ratio(result: Floats, truth: Floats, weight: Floats | None = None) -> float:
    """Flicker of the result over that of the truth; 1 is as still and as lively as the truth."""
    return flicker(result, weight) / max(flicker(truth, weight), 1e-9)
