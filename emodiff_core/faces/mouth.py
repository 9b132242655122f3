"""The inside of a mouth: how much light reaches into it, and how its teeth and flesh look in the light of a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.points import LIPS_INNER
from emodiff_core.flame import Part
from emodiff_core.raster import Fragments

Floats = NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
IVORY, GUMS, TONGUE = (np.array(one, np.float32) for one in ((1.08, 1.0, 0.82), (0.55, 0.12, 0.11), (0.68, 0.18, 0.17)))
"""Linear colours where teeth in full light have luminance 1."""
OVER_SCLERA, OVER_SKIN = 1.1, 0.9
"""Teeth in full light over the white of the eyes, both as a picture codes them: .94 to 1.38 on fourteen people; and at
least over the brightest skin: eyes that are narrow or shut show too little white."""
SKIN = 0.4
"""How much of the skin's tint teeth take on, and with it that of the light."""
SCATTERED = 0.06
"""Share of the light outside that reaches the deepest corner, from wall to wall."""
CODED = 2.2


def aperture(points: Floats) -> tuple[Floats, float, float]:
    """Middle (3,), half width and half height of the opening between the lips, from the 468 points (468, 3)."""
    ring = points[LIPS_INNER]
    wide = float(np.linalg.norm(points[78] - points[308])) / 2
    return ring.mean(0), wide, float(np.linalg.norm(points[13] - points[14])) / 2


def reach(vertices: Floats, points: Floats) -> Floats:
    """How much of the light outside reaches points (V, 3) inside a mouth, 0 to 1, of a head turned to the front, y up.

    The solid angle of the opening, darker above, where the upper lip shades the teeth.
    """
    middle, wide, high = aperture(points)
    offset = vertices - middle
    scale = wide + 1e-6
    beyond = np.maximum(np.abs(offset[:, 1]) - high, 0) / scale
    aside = np.maximum(np.abs(offset[:, 0]) - 0.55 * wide, 0) / scale
    deep = np.maximum(-offset[:, 2], 0) / scale
    opening = (high + 0.10 * wide) / scale
    hidden = 0.30 * deep**2 + 0.06 * deep**4 + 1.3 * beyond**2 + 0.5 * aside**2
    lip = np.clip((high + offset[:, 1] * -1) / (0.35 * scale) + 0.42, 0.35, 1)
    return np.asarray((opening / (opening + hidden) * lip).clip(0, 1), np.float32)


def light(picture: Floats, eyes: Floats, face: Floats, lips: Floats) -> Floats:
    """(3,) linear colour of something white near the mouth, judged by the eyes' white and the skin about the lips.

    picture: (H, W, 3) in [0, 1]; eyes, face, lips: (H, W) in [0, 1] where they are.
    """
    luma = picture @ LUMA
    white, skin = luma[eyes > 0.6], luma[face > 0.5]
    level = OVER_SCLERA * float(np.quantile(white, 0.9)) if len(white) > 20 else 0.0
    level = max(level, OVER_SKIN * float(np.quantile(skin, 0.95)) if len(skin) else 0.6)
    width = float(np.sqrt(max(lips.sum(), 1.0)))
    near = cv2.GaussianBlur(lips, (0, 0), 0.25 * width) * face * (cv2.GaussianBlur(lips, (0, 0), 0.06 * width) < 0.02)
    colour = (picture * near[..., None]).sum((0, 1)) + 1e-3
    tint = 1 + SKIN * (colour / float(colour @ LUMA) - 1)
    return np.asarray(tint * min(level, 1.0) ** CODED, np.float32)


class Lining:
    """The mesh's teeth, gums and tongue in the light of a picture.

    triangles: (F, 3) vertices and parts: (F,) of a head, see `flame.Part`; white: (3,) of `light`.
    """

    def __init__(self, triangles: NDArray[np.int64], parts: NDArray[np.uint8], white: Floats) -> None:
        self.triangles, self.white = triangles, white
        self.colours = np.broadcast_to(GUMS, (len(parts), 3)).copy()
        self.colours[parts == Part.TONGUE] = TONGUE
        self.colours[np.isin(parts, (Part.TEETH_UPPER, Part.TEETH_LOWER))] = IVORY

    def painted(
        self, image: Floats, hole: Floats, seen: Fragments, vertices: Floats, normal: Floats, points: Floats,
        turn: Floats,
    ) -> Floats:  # fmt: skip
        """An image (H, W, 3) in [0, 1] with the inside of its mouth, as far as hole (H, W) in [0, 1] says.

        seen: the fragments of vertices (V, 3) with normals (V, 3) and points (468, 3), in the picture, of a head turned
        by turn (3, 3).
        """
        y, x = np.nonzero((hole > 0) & (seen.face >= 0))
        if not len(y):
            return image
        face, share = seen.face[y, x], seen.weights[y, x]
        used, corners = np.unique(self.triangles[face], return_inverse=True)
        back = np.array([1, -1, 1], np.float32)
        front, outline = ((place * back @ turn).astype(np.float32) for place in (vertices[used], points))
        reached = reach(front, outline)
        window = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
        layer = image.copy()
        layer[y, x] = _shown(
            self.colours[face] * self.white,
            np.einsum("kv,kvc->kc", share, normal[used][corners.reshape(-1, 3)]),
            (reached[corners.reshape(-1, 3)] * share).sum(1),
        )
        # The mesh is seen at pixel centres only; its edges are as soft as a lens makes them.
        layer[window] = cv2.GaussianBlur(layer[window], (0, 0), 0.6)
        return image + hole[..., None] * (layer - image)


def _shown(linear: Floats, normal: Floats, reached: Floats) -> Floats:
    """(K, 3) coded colours in [0, 1] of what is linear (K, 3) in full light, of points that face along normals (K, 3)
    and that the light outside reaches by reached (K,)."""
    facing = normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-6)
    light = (0.5 + 0.5 * np.clip(facing, 0, 1)) * (SCATTERED + (1 - SCATTERED) * reached)
    return np.asarray(np.clip(linear * light[:, None], 0, 1) ** (1 / CODED), np.float32)
