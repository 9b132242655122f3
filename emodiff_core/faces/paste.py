"""Paste: new pixels of a face brought to the colour, grain and sharpness of the picture they are laid into."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.points import FACE_OVAL
from emodiff_core.faces.warp import polygon

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Immerkaer's mask (Fast Noise Variance Estimation, 1996): blind to slopes and to straight edges."""
_BLURS = (0.0, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.3)
_REACH = 0.12  # of the face's width: how far colours are compared and a mask is feathered


def face_mask(source: Floats, target: Floats, size: tuple[int, int], reach: float = _REACH) -> Floats:
    """Soft mask (H, W) in [0, 1] of a face where it was and where it is: 1 inside, feathered outwards, 0 at the border.

    source, target: face-mesh points (468, 2 or more) in pixels; reach: of the feather, in widths of the face.
    """
    rings = [points[FACE_OVAL, :2].astype(np.float32) for points in (source, target)]
    inside = np.maximum(*(polygon(ring, size) for ring in rings))
    width = max(2.0, reach * float(np.ptp(rings[0][:, 0])))
    away = cv2.distanceTransform((inside < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip(1 - away / width, 0, 1)
    return (share * share * (3 - 2 * share) * _held(size, width)).astype(np.float32)


def _held(size: tuple[int, int], width: float) -> Floats:
    """(H, W) 0 at the border, 1 from `width` pixels on."""
    x, y = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (size[1], size[0]))
    share = np.clip(np.minimum(x[None], y[:, None]) / width, 0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def ring_of(share: Floats, width: int) -> Flags:
    """(H, W) pixels of the mask's soft edge and `width` pixels to both sides: there both can be compared."""
    hard, disc = (share > 0.5).astype(np.uint8), np.ones((2 * width + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(hard, disc) > cv2.erode(hard, disc))


def colour_matched(image: Floats, source: Floats, share: Floats, ring: Flags, blur: float) -> Floats:
    """image (H, W, 3) in [0, 1] with the smooth offset added by which source differs from it in the ring.

    The offset is spread from the ring over all of the mask (share > 0) as a skin over a hoop; blur: pixels below which
    a difference is not one of colour but of what is shown.
    """
    known, apart = _soft(ring.astype(np.float32), blur), _soft((source - image) * ring[..., None], blur)
    offset = _soft(_spread_out(apart, known), blur)
    return np.clip(image + offset * (share > 0)[..., None], 0, 1).astype(np.float32)


def _spread_out(values: Floats, weight: Floats) -> Floats:
    """Weighted values (H, W, 3) and their weights as values everywhere: what is not known comes from ever coarser grids
    (Gortler and others, The Lumigraph, 1996: pull and push)."""
    height, width = weight.shape
    sure = np.clip(weight, 0, 1)[..., None]
    mean = values / np.maximum(weight, 1e-6)[..., None]
    if min(height, width) < 4:
        total = max(float(weight.sum()), 1e-6)
        return np.broadcast_to(values.sum((0, 1)) / total, values.shape).astype(np.float32)
    half = (width // 2, height // 2)
    small = (cv2.resize(part, half, interpolation=cv2.INTER_AREA).astype(np.float32) for part in (values, weight))
    coarse = cv2.resize(_spread_out(*small), (width, height), interpolation=cv2.INTER_LINEAR)
    return (sure * mean + (1 - sure) * coarse).astype(np.float32)


def regrained(image: Floats, source: Floats, share: Floats, where: Flags, seed: int) -> Floats:
    """image (H, W, 3) in [0, 1] with seeded grain added where it lacks the source's.

    where: pixels in which the source's grain is measured. Amount, colour and coarseness are the source's; what detail
    an image has already counts as grain, so that hair and pores get none.
    """
    spread, blur = grain(source, where)
    if not spread.any():
        return image
    has = np.abs(_rough(_gray(image)))
    near = cv2.GaussianBlur(np.minimum(has, 6 * np.median(has) + 1e-6), (0, 0), 4.0) * np.float32(np.sqrt(np.pi / 2))
    wanted = _level(_gray(source), where)
    lacking = np.sqrt(np.clip(1 - (near / max(wanted, 1e-6)) ** 2, 0, 1)) * share
    noise = np.random.default_rng(seed).standard_normal(image.shape, dtype=np.float32)
    if blur:
        noise = _soft(noise, blur) / np.float32(_response(blur)[2])
    return np.clip(image + lacking[..., None] * (noise @ spread.T), 0, 1).astype(np.float32)


def grain(picture: Floats, where: Flags) -> tuple[Floats, float]:
    """Grain of a picture (H, W, 3) in [0, 1]: a matrix (3, 3) that colours white noise, and its blur in pixels."""
    answer = _rough(picture)
    found = answer[where]
    if len(found) < 64:
        return np.zeros((3, 3), np.float32), 0.0
    limit = (3 * np.median(np.abs(found), 0) / 0.6745).astype(np.float32)
    calm = (np.abs(found) <= limit).all(-1)
    if calm.sum() < 64 or not limit.all():
        return np.zeros((3, 3), np.float32), 0.0
    blur = _coarseness(answer, where, limit)
    cover = np.cov(found[calm].T) / _response(blur)[1] ** 2
    return np.linalg.cholesky(cover + 1e-9 * np.eye(3)).astype(np.float32), blur


def _coarseness(answer: Floats, where: Flags, limit: Floats) -> float:
    """The blur of white noise whose response is as much like its neighbour as this one."""
    pairs = where[:, 1:] & where[:, :-1]
    one, other = answer[:, :-1][pairs], answer[:, 1:][pairs]
    calm = (np.abs(one) <= limit).all(-1) & (np.abs(other) <= limit).all(-1)
    one, other = one[calm], other[calm]
    likeness = float((one * other).mean() / max(float((one**2 + other**2).mean()) / 2, 1e-12))
    return min(_BLURS, key=lambda blur: abs(_response(blur)[0] - likeness))


@lru_cache
def _response(blur: float) -> tuple[float, float, float]:
    """Of white noise of spread 1, blurred to spread 1: likeness of neighbours in the mask's answer, the answer's
    spread, and the spread that the blur alone leaves."""
    point = np.zeros((25, 25), np.float32)
    point[12, 12] = 1
    soft = _soft(point, blur) if blur else point
    left = float(np.sqrt(np.square(soft).sum()))
    answer = _rough(soft / np.float32(left))
    energy = float(np.square(answer).sum())
    return float((answer[:, 1:] * answer[:, :-1]).sum()) / energy, float(np.sqrt(energy)), left


def _soft(picture: Floats, blur: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)


def _rough(picture: Floats) -> Floats:
    """The mask's answer at each pixel."""
    return np.asarray(cv2.filter2D(picture, cv2.CV_32F, _NOISE), np.float32)


def _gray(picture: Floats) -> Floats:
    return np.asarray(picture.mean(-1), np.float32)


def _level(luma: Floats, where: Flags) -> float:
    """Spread of the mask's answer, robust against edges."""
    found = _rough(luma)[where]
    return float(np.median(np.abs(found)) / 0.6745) if found.size else 0.0
