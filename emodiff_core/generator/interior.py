"""The inside of a mouth that the picture does not show: what diffusion made of it, in colours of teeth and flesh."""

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.warp import FACE, INTERIOR, LIPS, TEETH, Warp

Floats = NDArray[np.float32]
Box = tuple[slice, slice]

LIGHT = np.array([0.299, 0.587, 0.114], np.float32)
IVORY = np.array([1.05, 1.0, 0.90], np.float32)
"""Tint of teeth; those below are of about luminance 1 too."""
FLESH = np.array([1.62, 0.80, 0.72], np.float32)
"""Tint of a throat and a tongue."""
SKIN = 0.25
"""How much of the skin's tint teeth take on, and with it that of the light."""
TEETH_GAIN, FLESH_GAIN = 1.1, 0.9
"""Brightness over diffusion's own: where it is not sure, a small model paints the mean of teeth and dark."""
TRUST = 0.3
"""Share of diffusion's own pixels that is left."""


def lit(answer: Floats, warp: Warp, box: Box) -> Floats:
    """Diffusion's answer (h, w, 3) in [0, 1] for a box of the warp, with its mouth's inside coloured and shaded.

    Crowns are the mesh's, and flesh lies between and behind them; how bright they are diffusion says, and the shadow
    deepens towards rims and corners. What the picture itself shows stays as it is.
    """
    masks = warp.masks[box]
    inside = masks[..., INTERIOR]
    hole = inside * (1 - np.clip(2 * warp.valid[box] - 1, 0, 1))
    if hole.max() < 0.05:
        return answer
    width = float(np.sqrt(max((masks[..., LIPS] + inside).sum(), 1.0)))
    made, shade = answer @ LIGHT, 0.7 + 0.3 * _room(inside, width)
    teeth = _blurred(_closed(masks[..., TEETH], 0.05 * width) * inside, 0.012 * width)
    crowns = TEETH_GAIN * shade * gaps(warp, box, width) * _blurred(_closed(made, 0.07 * width), 0.02 * width)
    bright = float(np.quantile(made[inside > 0.5], 0.95)) if (inside > 0.5).any() else 1.0
    # Teeth that diffusion leaves in the dark would be a grey band: they are gums and tongue then.
    teeth = teeth * np.clip((crowns / max(bright, 0.05) - 0.3) / 0.4, 0, 1)
    tint = IVORY + SKIN * (_skin_tint(warp.image[box], masks, width) - IVORY)
    flesh = FLESH * (FLESH_GAIN * shade * made)[..., None]
    shaded = flesh + teeth[..., None] * (tint * crowns[..., None] - flesh)
    return np.clip(answer + (1 - TRUST) * hole[..., None] * (shaded - answer), 0, 1).astype(np.float32)


def gaps(warp: Warp, box: Box, width: float) -> Floats:
    """(h, w) in [0, 1], less where a crown of the mesh turns aside to meet the next; width: of the lips, pixels."""
    normal = warp.normal[box]
    aside = normal[..., 0] / np.maximum(np.linalg.norm(normal, axis=-1), 1e-6)
    teeth = warp.masks[box][..., TEETH]
    around = _blurred(aside * teeth, 0.07 * width) / np.maximum(_blurred(teeth, 0.07 * width), 1e-3)
    turned = np.clip((np.abs(aside - around) - 0.15) / 0.5, 0, 1) * teeth
    return (1 - 0.3 * _blurred(turned, 0.01 * width)).astype(np.float32)


def _skin_tint(image: Floats, masks: Floats, width: float) -> Floats:
    """(3,) colour of the skin about the lips over its luminance."""
    lips = np.clip(masks[..., LIPS] + masks[..., INTERIOR], 0, 1)
    near = _blurred(lips, 0.25 * width) * masks[..., FACE] * (_blurred(lips, 0.06 * width) < 0.02)
    colour = (image * near[..., None]).sum((0, 1)) + 1e-3
    return np.asarray(colour / float(colour @ LIGHT), np.float32)


def _room(inside: Floats, width: float) -> Floats:
    """(h, w) in [0, 1]: how much light comes in, less at rims and corners and little through a slit."""
    near, wide = _blurred(inside, 0.05 * width), _blurred(inside, 0.16 * width)
    return np.asarray(np.clip((near - 0.35) / 0.55, 0, 1) * np.clip((wide - 0.15) / 0.5, 0.25, 1), np.float32)


def _closed(values: Floats, reach: float) -> Floats:
    """Values (h, w) without what is darker and narrower than twice `reach`: cracks, and bars between teeth."""
    size = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.morphologyEx(values.astype(np.float32), cv2.MORPH_CLOSE, np.ones((size, size))), np.float32)


def _blurred(values: Floats, sigma: float) -> Floats:
    """Values (h, w) smoothed; where much, on a coarser grid."""
    values = values.astype(np.float32)
    if sigma < 6:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), max(sigma, 0.3)), np.float32)
    step = 3 / sigma
    small = cv2.resize(values, None, fx=step, fy=step, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 3)
    return np.asarray(cv2.resize(smooth, values.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
