"""A real face whose mouth opens as told, without any of the project's generator: a photograph, bent at the lips."""

from functools import cache

import cv2
import numpy as np
import skimage.data

from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.detect import detect
from emodiff_core.faces.mesh import mesh_of, window_of_face, window_of_points
from infra.models import model_path

CROP = (140, 50, 170, 180)


def models() -> FaceModels:
    return FaceModels(model_path("face_detection"), model_path("face_landmark"))


@cache
def portrait() -> np.ndarray:
    """The photograph of Eileen Collins in scikit-image's wheel (public domain): (360, 400, 3)."""
    return np.ascontiguousarray(skimage.data.astronaut()[:360, :400])


@cache
def landmarks() -> np.ndarray:
    """Its face mesh (468, 3)."""
    paths, picture = models(), portrait()
    first = mesh_of(paths.mesh, picture, window_of_face(detect(paths.detector, picture)[0]))
    return mesh_of(paths.mesh, picture, window_of_points(first.points)).points


def mouth_open(pixels: float) -> np.ndarray:
    """The portrait with everything under the parting of the lips moved down by so many pixels, fading to the chin."""
    points, picture = landmarks(), portrait()
    x, y = points[[13, 14], :2].mean(0)
    half = float(np.linalg.norm(points[61, :2] - points[291, :2])) / 2
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    across = np.clip(1 - ((columns - x) / (1.3 * half)) ** 2, 0, 1)
    down = np.clip(1 - (rows - y - pixels) / (3.0 * half), 0, 1)
    gap = pixels * across
    moved = np.where(rows > y, rows - gap * down, rows).astype(np.float32)
    bent = cv2.remap(picture, columns, moved, cv2.INTER_LINEAR)
    inside = (rows > y) & (rows < y + gap) & (np.abs(columns - x) < half)
    bent[inside] = (60, 20, 20)
    return bent


def crop_of(picture: np.ndarray) -> np.ndarray:
    """The rectangle CROP of a picture."""
    x, y, w, h = CROP
    return np.ascontiguousarray(picture[y : y + h, x : x + w])
