"""Plain coloured renders of any HeadModel with known codes: what the fit is measured on."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.faces.points import LEFT_BROW, LIPS_OUTER, RIGHT_BROW
from emodiff_core.flame import HeadModel, Part
from emodiff_core.raster import interpolate, rasterize

Floats = NDArray[np.float32]

_COLOURS = {
    Part.SKIN: (222, 178, 154), Part.LIP_UPPER: (178, 98, 94), Part.LIP_LOWER: (186, 102, 98), Part.MOUTH: (95, 30, 34),
    Part.TEETH_UPPER: (236, 230, 214), Part.TEETH_LOWER: (230, 224, 206), Part.TONGUE: (180, 92, 92),
    Part.SCLERA: (236, 234, 232), Part.IRIS: (62, 44, 34), Part.LID: (120, 76, 66), Part.SCALP: (60, 44, 34),
    Part.NECK: (206, 162, 140),
}  # fmt: skip
_HAIR, _BROWS, _LIPS = (60, 44, 34), (84, 58, 44), (180, 98, 94)
_PAINTED = (Part.SKIN, Part.LIP_UPPER, Part.LIP_LOWER)


def colours(head: HeadModel) -> Floats:
    """(V, 3) colour of each vertex, 0 to 255: by part, with lips, brows and a hairline painted where the points say."""
    vertices, parts, faces = head.template.numpy(), head.parts.numpy(), head.faces.numpy()
    out = np.full((len(vertices), 3), _COLOURS[Part.SKIN], np.float32)
    for part in Part:
        out[np.unique(faces[parts == part])] = _COLOURS[part]
    points = head.landmarks(head.template[None])[0].numpy()
    _paint_eyes(out, vertices, np.unique(faces[np.isin(parts, (Part.SCLERA, Part.IRIS))]))
    skin = np.unique(faces[np.isin(parts, _PAINTED)])
    skin = skin[vertices[skin, 2] > np.quantile(points[:, 2], 0.02) - 1]
    for ring, colour in ((LIPS_OUTER, _LIPS), (_hull(points, RIGHT_BROW), _BROWS), (_hull(points, LEFT_BROW), _BROWS)):
        inside = _inside(vertices[skin, :2], points[ring, :2], 0.05)
        near = np.abs(vertices[skin, 2] - points[ring, 2].mean()) < 2.5
        out[skin[inside & near]] = colour
    out[skin[vertices[skin, 1] > points[10, 1] - 0.2]] = _HAIR
    return out


def _paint_eyes(out: Floats, vertices: Floats, eyes: NDArray[np.intp]) -> None:
    """Irises and pupils, for a head whose parts do not tell them from the sclera."""
    for side in (eyes[vertices[eyes, 0] > 0], eyes[vertices[eyes, 0] <= 0]):
        low, high = vertices[side].min(0), vertices[side].max(0)
        away = np.linalg.norm(vertices[side, :2] - (low + high)[:2] / 2, axis=1)
        front = vertices[side, 2] > (low + high)[2] / 2
        out[side] = _COLOURS[Part.SCLERA]
        out[side[front & (away < 0.58)]] = (92, 66, 48)
        out[side[front & (away < 0.24)]] = (16, 12, 10)


def _hull(points: Floats, index: tuple[int, ...]) -> NDArray[np.intp]:
    order = cv2.convexHull(points[list(index), :2].astype(np.float32), returnPoints=False)
    return np.array(index)[order[:, 0]]


def _inside(at: Floats, ring: Floats, reach: float) -> NDArray[np.bool_]:
    contour = ring.astype(np.float32)[:, None]
    return np.array([cv2.pointPolygonTest(contour, (float(x), float(y)), True) > -reach for x, y in at])


def render(head: HeadModel, codes: Codes, size: tuple[int, int], colour: Floats) -> NDArray[np.uint8]:
    """One frame (H, W, 3) uint8 of the first of codes, antialiased twice, lit from above and the side."""
    vertices = head.posed(codes)[0] * np.float32(2)
    faces = head.faces.numpy()
    faces = faces[head.parts.numpy() != 255]
    big = (size[0] * 2, size[1] * 2)
    seen = rasterize(vertices, faces, big)
    normal = np.zeros_like(vertices)
    across = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    for corner in range(3):
        np.add.at(normal, faces[:, corner], across)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    # Picture space has y down, which turns the winding: outward is against the cross product.
    light = np.array([-0.3, 0.5, -0.8]) / np.linalg.norm([0.3, 0.5, 0.8])
    shade = 0.4 + 0.65 * np.clip(normal @ light, 0, 1)
    image = interpolate(seen, (colour * shade[:, None]).astype(np.float32), faces)
    image[seen.face < 0] = (126, 132, 140)
    return cv2.resize(np.clip(image, 0, 255).astype(np.uint8), size[::-1], interpolation=cv2.INTER_AREA)


def points_of(head: HeadModel, codes: Codes) -> Floats:
    """The true 468 points (N, 468, 3) in picture pixels."""
    return head.landmarks(torch.from_numpy(head.posed(codes))).numpy()
