"""Plain pictures of the head, good enough for the face mesh to recognise it: brows, lips, eyes, hair, one light."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.flame import Part
from emodiff_core.head.patches import Array
from emodiff_core.head.sculpt import Sculpt
from emodiff_core.raster import Fragments, interpolate, rasterize

Picture = NDArray[np.uint8]

COLOURS = {
    Part.SKIN: (222, 178, 154), Part.LIP_UPPER: (176, 96, 92), Part.LIP_LOWER: (184, 100, 96), 
    Part.MOUTH: (110, 40, 42), Part.TEETH_UPPER: (236, 230, 214), 
    Part.TEETH_LOWER: (230, 224, 206), Part.TONGUE: (180, 92, 92),
    Part.SCLERA: (236, 234, 232), Part.IRIS: (62, 44, 34), Part.LID: (150, 100, 88), Part.SCALP: (206, 160, 138),
    Part.NECK: (206, 162, 140),
}  # fmt: skip
_BROW = np.array([[0.245, 0.7], [0.3, 0.727], [0.36, 0.733], [0.44, 0.715]])
_HAIR = (58, 42, 32)


def colours(head: Sculpt) -> Array:
    """(V, 3) reflectance of each vertex, 0 to 255."""
    out = np.full((len(head.vertices), 3), COLOURS[Part.SKIN], np.float64)
    for part in Part:
        out[np.unique(head.faces[head.parts == part])] = COLOURS[part]
    uv = head.skin.uv
    right = np.where(uv[:, :1] > 0.5, np.array([[1.0, 0.0]]) + uv * np.array([-1, 1]), uv)
    along = np.concatenate([np.linspace(a, b, 8) for a, b in pairwise(_BROW)])
    near = np.linalg.norm(right[:, None] - along[None], axis=2).min(1)
    dark = np.exp(-((near / 0.016) ** 2))[:, None]
    place = head.vertices[: len(uv)]
    hair = 1 / (1 + np.exp(-6 * (place[:, 1:2] - 10.6 + 0.9 * np.clip(6 - place[:, 2:], 0, 6))))
    hair = hair * (place[:, 1:2] > 2.0)
    mix = np.clip(0.75 * dark + hair, 0, 1)
    out[: len(uv)] = out[: len(uv)] * (1 - mix) + np.array(_HAIR) * mix
    return out


def picture(
    vertices: Array, faces: NDArray[np.int64], colour: Array, turn: Array, size: int, light: Array
) -> tuple[Picture, Fragments, Array]:
    """The head (V, 3) turned by a matrix, lit from `light`: picture (size, size, 3), fragments, vertices in pixels."""
    scale = size / 26
    turned = (vertices - np.array([0, 1.2, 3.0])) @ turn.T
    pixels = np.stack([turned[:, 0] * scale + size / 2, size / 2 - turned[:, 1] * scale, turned[:, 2] * scale], 1)
    seen = rasterize(pixels.astype(np.float32), faces, (size, size))
    across = np.cross(turned[faces[:, 1]] - turned[faces[:, 0]], turned[faces[:, 2]] - turned[faces[:, 0]])
    normals = np.zeros_like(turned)
    for i in range(3):
        np.add.at(normals, faces[:, i], across)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    shade = 0.45 + 0.6 * np.clip(normals @ (light / np.linalg.norm(light)), 0, 1)
    image = interpolate(seen, (colour * shade[:, None]).astype(np.float32), faces)
    image[seen.face < 0] = (120, 126, 132)
    soft = cv2.GaussianBlur(np.clip(image, 0, 255).astype(np.uint8), (3, 3), 0)
    return np.asarray(soft, np.uint8), seen, np.asarray(pixels, np.float64)
