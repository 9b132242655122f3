"""The face mesh: 468 surface points of a face (Kartynnik et al. 2019), tracked from frame to frame."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.attention import attention_points
from emodiff_core.faces.detect import Face
from emodiff_core.faces.litert import run_model
from emodiff_core.faces.points import MIRROR

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

SIDE = 192
COUNT = 468
MARGIN = 1.5
EYE_CORNERS = (33, 263)  # outer corners, the subject's right and left
CHEEKS = (234, 454)  # in front of the ears


_MIRROR = np.concatenate([MIRROR, [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]])


@dataclass(frozen=True)
class Window:
    """A turned square of the picture: centre (x, y) and side in pixels, angle in radians, clockwise as seen."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3) picture pixels (centres at +0.5) to the pixels of a size x size crop."""
        c, s = np.cos(self.angle) * size / self.side, np.sin(self.angle) * size / self.side
        turn = np.array([[c, s], [-s, c]])
        return np.column_stack([turn, size / 2 - turn @ (self.x, self.y)])


@dataclass(frozen=True)
class Mesh:
    """Points (468, 3) in picture pixels: x right, y down, z on the same scale, larger is nearer (about 0 at the ears).

    presence: 0 to 1, is there a face in the window; doubt: how far the mesh of the mirrored window lies from it, root
    mean square over the distance of the eyes' outer corners; grows where the face is hidden, turned or blurred;
    irises: (2, 5, 3) the subject's right and left, each its centre and four points of its rim (the picture's right,
    top, left, bottom); None where the model does not say.
    """

    points: Floats
    presence: float
    doubt: float = 0.0
    irises: Floats | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, w, h) around the points."""
        low, high = self.points[:, :2].min(0), self.points[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    @property
    def yaw(self) -> float:
        """Degrees the face is turned, positive where the nose points to the picture's right; 90 is a profile."""
        return yaw_of(self.points)


def yaw_of(points: Floats) -> float:
    """Degrees of turn to the picture's right of points (468, 3), from the depth of the two cheeks."""
    across = points[CHEEKS[1]] - points[CHEEKS[0]]
    return float(np.degrees(np.arctan2(-across[2], np.hypot(across[0], across[1]))))


def window_of_face(face: Face) -> Window:
    """The mesh's window for a detected face: its box and half as much again, eyes level."""
    x, y, w, h = face.box
    return Window(x + w / 2, y + h / 2, MARGIN * max(w, h), _level(face.keypoints[0], face.keypoints[1]))


def window_of_points(points: Floats) -> Window:
    """The next frame's window from this frame's points (468, 3)."""
    angle = _level(points[EYE_CORNERS[0]], points[EYE_CORNERS[1]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    level = points[:, :2] @ turn.T
    low, high = level.min(0), level.max(0)
    x, y = turn.T @ (low + high) / 2
    return Window(float(x), float(y), MARGIN * float((high - low).max()), angle)


def mesh_of(model: Path, picture: Picture, window: Window, mirrored: bool = True) -> Mesh:
    """The mesh of the face in a window of picture (H, W, 3) uint8 RGB.

    model: face_landmark.tflite, or face_landmark_with_attention.tflite, which reads lips and lids better and gives
    irises; mirrored: also look at the mirror image and average both, which costs twice the time, steadies
    the points, and says where they are in doubt.
    """
    crop = _cut(picture, window)
    points, presence = _points(model, crop)
    doubt = 0.0
    if mirrored:
        other, second = _points(model, np.ascontiguousarray(crop[:, ::-1]))
        other = _unmirrored(other)
        eyes = np.linalg.norm(points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]])
        doubt = float(np.sqrt(np.square(points - other)[:COUNT, :2].sum(1).mean()) / max(float(eyes), 1e-6))
        points, presence = (points + other) * np.float32(0.5), (presence + second) / 2
    placed = _to_picture(points, window)
    irises = placed[COUNT:].reshape(2, 5, 3) if len(placed) > COUNT else None
    return Mesh(placed[:COUNT], presence, doubt, irises)


def _level(right: Floats, left: Floats) -> float:
    return float(np.arctan2(left[1] - right[1], left[0] - right[0]))


def _cut(picture: Picture, window: Window) -> Floats:
    """(192, 192, 3) in [0, 1]; a window much larger than that is averaged down rather than picked from."""
    factor = max(1, round(window.side / SIDE))
    matrix = window.matrix(SIDE * factor)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV puts pixel centres at whole numbers
    side = SIDE * factor
    crop = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if factor > 1:
        crop = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return crop.astype(np.float32) / np.float32(255)


def _points(model: Path, crop: Floats) -> tuple[Floats, float]:
    """Points (468 or 478, 3) in the crop's pixels, z as the model says it, and presence."""
    if "attention" in model.name:
        points, presence = attention_points(model, crop)
        return points, _share(presence)
    flat, logit = sorted(run_model(model, crop), key=lambda out: -out.size)
    return flat.reshape(468, 3).astype(np.float32), _share(float(logit.ravel()[0]))


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))


def _to_picture(points: Floats, window: Window) -> Floats:
    matrix = window.matrix(SIDE)
    plane = (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.column_stack([plane, -points[:, 2] * window.side / SIDE]).astype(np.float32)


def _unmirrored(points: Floats) -> Floats:
    out: Floats = points[_MIRROR[: len(points)]]
    out[:, 0] = SIDE - out[:, 0]
    return out
