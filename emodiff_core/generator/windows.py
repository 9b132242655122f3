"""Windows: the small views of a face that the diffusion model renders."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.faces.points import EYE_LEFT, EYE_OUTER_LEFT, EYE_OUTER_RIGHT, EYE_RIGHT, FACE_OVAL, LIPS_OUTER
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]
Name = Literal["face", "mouth", "eye_l", "eye_r"]
WINDOWS: tuple[Name, ...] = ("face", "mouth", "eye_l", "eye_r")

_RING = {"face": FACE_OVAL, "mouth": LIPS_OUTER, "eye_l": EYE_LEFT, "eye_r": EYE_RIGHT}
# Share of the window's width that the ring's width takes, and how far below the ring's centre the window looks, in
# ring widths: an opening mouth needs room below, an eye its brow above.
_SHARE = {"face": 0.74, "mouth": 0.62, "eye_l": 0.5, "eye_r": 0.5}
_DROP = {"face": 0.06, "mouth": 0.12, "eye_l": -0.12, "eye_r": -0.12}


def rest_points(head: HeadModel, codes: Codes) -> Floats:
    """The 468 points (N, 468, 3) in picture pixels of the neutral expression at each frame's pose.

    Windows hang on these, so that a window moves with the head but never with the mouth.
    """
    neutral = codes.moved(np.zeros_like(codes.expression), codes.rotation, codes.camera)
    weights, index = head.points_weights.numpy(), head.points_vertices.numpy()
    return (head.posed(neutral)[:, index] * weights[None, :, :, None]).sum(2).astype(np.float32)


def window_matrix(points: Floats, name: Name, size: int = 128) -> Floats:
    """Similarity (2, 3) from picture pixels to window pixels, level with the eyes.

    points: (468, 3) of one frame, see `rest_points`; size: the window's side in pixels.
    """
    across = points[EYE_OUTER_LEFT, :2] - points[EYE_OUTER_RIGHT, :2]
    x_axis = across / max(float(np.hypot(*across)), 1e-6)
    y_axis = np.array([-x_axis[1], x_axis[0]], np.float32)
    ring = points[_RING[name], :2]
    along, down = ring @ x_axis, ring @ y_axis
    # A turned head narrows its rings; the eyes' distance in space keeps the scale.
    width = max(float(np.ptp(along)), float(_depth_width(points, name)))
    scale = size * _SHARE[name] / width
    centre_x, centre_y = (along.min() + along.max()) / 2, (down.min() + down.max()) / 2 + _DROP[name] * width
    rows = scale * np.stack([x_axis, y_axis])
    return np.column_stack([rows, size / 2 - scale * np.array([centre_x, centre_y])]).astype(np.float32)


def _depth_width(points: Floats, name: Name) -> float:
    ring = points[_RING[name]]
    left, right = ring[ring[:, 0].argmin()], ring[ring[:, 0].argmax()]
    return float(np.linalg.norm(left - right))


def inverse(matrix: Floats) -> Floats:
    """The affine (2, 3) that undoes another."""
    full = np.vstack([matrix, [0, 0, 1]]).astype(np.float64)
    return np.linalg.inv(full)[:2].astype(np.float32)
