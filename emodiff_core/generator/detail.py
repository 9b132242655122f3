"""Detail transfer: what diffusion changed in its small windows, carried to the full-resolution warp."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.warp import EYES, FACE, INTERIOR, LIPS, Guide, Warp, pixel_grid
from emodiff_core.generator.windows import Name, inverse

Floats = NDArray[np.float32]

SHUT, OPEN = 0.1, 0.15
"""How much of diffusion's change shut lips take, and the share of the mouth's area that is new from which they take all
of it: on seven real clips mouths gain .8 dB by it, on five synthetic ones they stay within .02."""

TONES = 1.0
"""Window pixels over which diffusion tells the colours inside a mouth; edges of teeth are the mesh's."""


@dataclass(frozen=True)
class View:
    """One rendered window. matrix: (2, 3) picture to window pixels; answer: (S, S, 3) float32 in [0, 1];
    weight: in [0, 1], how much of it is taken."""

    name: Name
    matrix: Floats
    guide: Guide
    answer: Floats
    weight: float = 1.0


def transfer(warp: Warp, views: list[View]) -> tuple[Floats, Floats]:
    """The finished picture (H, W, 3) in [0, 1] and where diffusion had a say (H, W) in [0, 1].

    Where the warp is valid, its pixels take the difference that diffusion made to its view of them, so that pores and
    grain stay; where the warp had nothing to show, diffusion's own pixels stand (DESIGN: detail transfer), between the
    lips on the edges of the mesh's teeth.
    Views are laid in order: the face first, then what is finer.
    """
    image, touched = warp.image.copy(), np.zeros(warp.valid.shape, np.float32)
    for view in views:
        box = _box(view.matrix, view.answer.shape[0], warp.valid.shape)
        if box is None:
            continue
        share = view.weight * gate(view, warp, box) * _inner(view.matrix, view.answer.shape[0], box)
        answer, told = _up(view.answer, view.matrix, box), _up(view.guide.image, view.matrix, box)
        change = answer - told
        if view.name == "face":
            change = cv2.GaussianBlur(change, (0, 0), 2.5 / _scale(view.matrix)).astype(np.float32)
        rim = seam(view, warp, change, box)
        kept = (_sure(warp.valid[box]) * (1 - rim))[..., None]
        if view.name == "mouth":
            # Diffusion mends most of what is dragged along a rim; what single pixels it misses, their neighbours tell.
            answer = answer + rim[..., None] * (cv2.medianBlur(answer, 5) - answer)
        repaired = kept * (warp.image[box] + change) + (1 - kept) * answer
        if view.name == "mouth":
            hole = (warp.masks[box][..., INTERIOR] * (1 - _sure(warp.valid[box])) * (1 - rim))[..., None]
            toned = cv2.GaussianBlur(change, (0, 0), TONES / _scale(view.matrix))
            repaired = repaired + hole * (warp.image[box] + toned - repaired)
        image[box] += share[..., None] * (repaired - image[box])
        touched[box] = np.maximum(touched[box], share)
    return np.clip(image, 0, 1), touched


def laid(picture: Floats, matrix: Floats, answer: Floats) -> Floats:
    """A picture (H, W, 3) with all of a window's answer (S, S, 3) in it, fading out at its border; both in [0, 1]."""
    image, box = picture.copy(), _box(matrix, answer.shape[0], picture.shape[:2])
    if box is not None:
        share = _inner(matrix, answer.shape[0], box)[..., None]
        image[box] += share * (_up(answer, matrix, box) - image[box])
    return np.clip(image, 0, 1).astype(np.float32)


def gate(view: View, warp: Warp, box: tuple[slice, slice]) -> Floats:
    """How much a window may change (h, w) in [0, 1]: holes everywhere, lips with their surroundings as far as the mouth
    shows something new, eyes from brow to cheek, half of the broad shading of the face; of teeth that the picture shows
    hardly anything."""
    masks, holes = warp.masks[box], 1 - warp.valid[box]
    if view.name == "face":
        return np.maximum(_grown(holes, 2.0), 0.5 * masks[..., FACE]).astype(np.float32)
    if view.name != "mouth":
        return np.clip(_up(_eye(view.answer.shape[0]), view.matrix, box), 0, 1)
    core = np.clip(masks[..., LIPS] + masks[..., INTERIOR], 0, 1)
    area = max(float(core.sum()), 1.0)
    reach = 0.06 * float(np.sqrt(area)) + 1.0
    unseen = masks[..., INTERIOR] * (1 - _sure(warp.valid[box]))
    # Lips that open nothing new the warp carries better than diffusion paints them.
    lips = SHUT + (1 - SHUT) * min(1.0, float(unseen.sum()) / (OPEN * area))
    near = np.maximum(lips * _grown(core, reach), holes * _grown(core, 3 * reach))
    near = np.maximum(near, _grown(unseen, reach))
    return (near * (1 - 0.8 * _sure(warp.valid[box]) * masks[..., INTERIOR])).astype(np.float32)


def seam(view: View, warp: Warp, change: Floats, box: tuple[slice, slice]) -> Floats:
    """Where the warp's own pixels are not to be trusted (h, w) in [0, 1]: along the rims of lips and lids, where
    diffusion found another colour. Teeth and eyeballs of the source, a pixel beyond their rim, are dragged along there.
    """
    if view.name == "face":
        return np.zeros(change.shape[:2], np.float32)
    ring = warp.masks[box][..., INTERIOR if view.name == "mouth" else EYES]
    reach = max(1, round(2.0 / _scale(view.matrix)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    hard = (ring > 0.1).astype(np.float32)
    band = cv2.dilate(hard, disc) - cv2.erode(hard, disc)
    differs = cv2.GaussianBlur(np.abs(change).max(-1), (0, 0), float(reach))
    soft = cv2.GaussianBlur(band, (0, 0), 0.4 * reach + 0.3)
    return (soft * np.clip((differs - 0.02) / 0.08, 0, 1)).astype(np.float32)


def changed(warp: Warp, touched: Floats) -> Floats:
    """Where the result may differ from the source (H, W) in [0, 1]: what moved by more than a hair, or was repaired."""
    moved = np.linalg.norm(warp.flow - pixel_grid(warp.valid.shape), axis=-1)
    return np.maximum(np.clip(moved / 0.25, 0, 1), touched).astype(np.float32)


def _sure(valid: Floats) -> Floats:
    """Validity without its soft rim: where the warp half sees something it is a mixture of both sides."""
    return np.clip(2 * valid - 1, 0, 1)


def _grown(mask: Floats, reach: float) -> Floats:
    """A mask widened by about `reach` pixels with a soft edge."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(reach, 0.5))
    return np.clip(soft * 2.5, 0, 1).astype(np.float32)


def _scale(matrix: Floats) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _eye(size: int) -> Floats:
    """(S, S) 1 over an eye and its lids in its window, whether they are open or shut, fading towards brow and cheek."""
    x, y = (np.mgrid[0:size, 0:size][::-1] + 0.5) / size
    away = np.hypot((x - 0.5) / 0.36, (y - 0.55) / 0.24)
    return np.clip((1.15 - away) / 0.4, 0, 1).astype(np.float32)


def _corners(matrix: Floats, size: int, margin: float = 0.0) -> Floats:
    edge = np.array([[margin, margin], [size - margin, margin], [size - margin] * 2, [margin, size - margin]])
    back = inverse(matrix)
    return (edge @ back[:, :2].T + back[:, 2]).astype(np.float32)


def _box(matrix: Floats, size: int, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    corners = _corners(matrix, size)
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int), (shape[1], shape[0]))
    return (slice(y0, y1), slice(x0, x1)) if x1 - x0 > 2 and y1 - y0 > 2 else None


def _inner(matrix: Floats, size: int, box: tuple[slice, slice]) -> Floats:
    """Soft inside of a window (h, w), zero at its border."""
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    ring = _corners(matrix, size, size * 0.08) - np.array([box[1].start, box[0].start], np.float32)
    return cv2.GaussianBlur(polygon(ring, shape), (0, 0), 0.03 * size / _scale(matrix)).astype(np.float32)


def _up(image: Floats, matrix: Floats, box: tuple[slice, slice]) -> Floats:
    """A window's image (S, S, C) laid back over a box of the picture (h, w, C)."""
    back = matrix.astype(np.float64).copy()
    back[:, 2] += back[:, :2] @ [box[1].start + 0.5, box[0].start + 0.5] - 0.5
    size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
