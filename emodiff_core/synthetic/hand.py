"""A hand that comes up over a mouth: rounded fingers, a palm and a sleeve, lit from above."""

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.points import EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIP_BOTTOM, LIP_TOP
from emodiff_core.synthetic.brush import linear
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]

# Capsules in units of the eyes' outer distance, seen from the mouth, x to the right, y down: from, to, radius there.
_FINGERS = (
    ((0.55, 0.40), (-0.60, -0.22), 0.155), ((0.60, 0.58), (-0.72, 0.02), 0.165),
    ((0.62, 0.76), (-0.66, 0.27), 0.160), ((0.60, 0.92), (-0.48, 0.50), 0.140),
    ((0.90, 0.70), (0.62, -0.30), 0.165),
)  # fmt: skip
_PALM = ((1.0, 1.0), (0.62, 0.66), 0.46)
_WRIST = ((1.75, 2.1), (1.02, 1.1), 0.36)
_SLEEVE = ((3.6, 4.6), (1.7, 2.05), 0.50)
_CHEEKS = [50, 280, 101, 330, 117, 346, 4, 151]
_WAY = np.array([1.9, 3.6])
"""Where the hand comes from, in the same units."""


def cover(light: Floats, points: Floats, raised: float, person: Person) -> None:
    """Draw a hand into linear light (H, W, 3) before the face with points (468, 3); raised: 0 out of sight, 1 on the
    mouth."""
    if raised <= 0:
        return
    eyes = points[EYE_OUTER_LEFT, :2] - points[EYE_OUTER_RIGHT, :2]
    unit = float(np.hypot(*eyes))
    across = eyes / max(unit, 1e-6)
    turn = np.column_stack([across, (-across[1], across[0])])
    mouth = points[[LIP_TOP, LIP_BOTTOM], :2].mean(0) + unit * (turn @ _WAY) * (1 - raised)
    skin, cloth = _lit_skin(light, points), linear(person.cloth)
    for part, colour in ((_SLEEVE, cloth), (_WRIST, skin), (_PALM, skin), *((finger, skin) for finger in _FINGERS)):
        start, end = (mouth + unit * (turn @ np.array(place)) for place in part[:2])
        _limb(light, start, end, unit * part[2], colour)


def _lit_skin(light: Floats, points: Floats) -> Floats:
    """The colour of the cheeks as the light of the scene makes it, (3,) linear."""
    x, y = points[_CHEEKS, :2].T
    rows, columns = (np.clip(v, 0, side - 1).astype(int) for v, side in ((y, light.shape[0]), (x, light.shape[1])))
    return np.asarray(np.median(light[rows, columns], 0))


def _limb(light: Floats, start: Floats, end: Floats, radius: float, colour: Floats) -> None:
    """One capsule: round, brighter above, ruddy at its tip, with a soft shadow under it on what lies behind."""
    height, width = light.shape[:2]
    low = np.clip(np.minimum(start, end) - 2 * radius, 0, (width, height)).astype(int)
    high = np.clip(np.maximum(start, end) + 2 * radius + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    along = end - start
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(float(along @ along), 1e-6), 0, 1)
    dx, dy = x - start[0] - share * along[0], y - start[1] - share * along[1]
    away = np.hypot(dx, dy) / radius
    place = light[low[1] : high[1], low[0] : high[0]]
    shadow = cv2.GaussianBlur((away < 1).astype(np.float32), (0, 0), max(0.25 * radius, 0.5))
    place *= 1 - 0.3 * shadow[..., None]
    depth = np.sqrt(np.clip(1 - away**2, 0.04, 1))
    shade = 0.62 * depth + 0.28 * np.clip(-dy / radius, -0.8, 1) + 0.08 * np.clip(-dx / radius, -1, 1) + 0.38
    tone = colour * (1 + np.array([0.12, -0.05, -0.06]) * np.clip(share[..., None] * 4 - 3, 0, 1))
    edge = np.clip((1 - away) * radius + 0.5, 0, 1)[..., None]
    place += edge * (tone * np.clip(shade, 0.1, 1.2)[..., None] - place)
