"""Paste: new pixels of a face brought to the colour and grain of the picture they are laid into."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import FACE_OVAL
from emodiff_core.faces.warp import EYES, FACE, INTERIOR, LIPS, Guide, Warp, sample

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Immerkaer's mask (Fast Noise Variance Estimation, 1996): blind to slopes and to straight edges."""
_BLURS = (0.0, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.3)
_CAST = 0.06  # the most that is called a cast
_ENOUGH = 0.86  # of the source's grain: what lacks less is left as it is, for added grain also trembles
_STILL = 2**32 - 1  # no frame has this number
_FIRST = 6  # frames by which it is told how much of a grain is new in each
_REACH = 0.12  # of the face's width: how far colours are compared and a mask is feathered


class Matcher:
    """Brings the new pixels of a clip, frame by frame, to its own colour and grain.

    seed: of the clip's grain; pictures: (H, W, 3) frames of it in a row, of which the first few tell how much of the
    grain is new in each.

    The grain is measured once, in the first frame that is asked for, so that its strength does not tremble.
    """

    def __init__(self, seed: int, pictures: Sequence[Bytes] = ()) -> None:
        self.seed = seed
        self.like: Grain | None = None
        self.fresh = freshness(pictures[:_FIRST])
        self._still: Floats | None = None

    def levelled(self, name: str, answer: Floats, told: Guide) -> Floats:
        """The answer (S, S, 3) to the window of the face without the cast by which it differs from what it was told
        along the inside of the face's outline; other windows as they are."""
        face = told.masks[..., FACE]
        if name != "face" or not (face > 0.5).any():
            return answer
        ring = ring_of(face, max(1, len(face) // 24)) & (face > 0.5) & (told.valid > 0.9)
        return colour_matched(answer, told.image, face, ring, len(face) / 32)

    def grained(self, image: Floats, picture: Bytes, warp: Warp, share: Floats, frame: int) -> Floats:
        """image (H, W, 3) in [0, 1] with the grain of its picture (H, W, 3) where the mask share (H, W) is not 0."""
        box = _around(share > 0)
        source, masks = (picture[box] / np.float32(255)).astype(np.float32), warp.masks[box]
        told = 1 - masks[..., LIPS] - masks[..., INTERIOR]
        if self.like is None:
            self.like = grain_of(source, (masks[..., FACE] > 0.9) & (told > 0.9) & (masks[..., EYES] < 0.1))
        corner = np.array([box[1].start, box[0].start], np.float32)
        known = warp.valid[box] * np.clip(told, 0, 1)
        out = image.copy()
        noise = np.random.default_rng((self.seed, frame)).standard_normal(source.shape, dtype=np.float32)
        if self.fresh < 1:
            noise = self.fresh * noise + np.sqrt(1 - self.fresh**2) * self._held(image.shape)[box]
        out[box] = regrained(image[box], source, self.like, warp.flow[box] - corner, known, noise.astype(np.float32))
        return out

    def _held(self, shape: tuple[int, ...]) -> Floats:
        """White noise (H, W, 3) that is the same in every frame."""
        if self._still is None or self._still.shape != shape:
            self._still = np.random.default_rng((self.seed, _STILL)).standard_normal(shape, dtype=np.float32)
        return self._still


def _around(where: Flags) -> tuple[slice, slice]:
    """The box of what is true, all where nothing is."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return slice(0, where.shape[0]), slice(0, where.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


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
    offset = np.clip(_soft(_spread_out(apart, known), blur), -_CAST, _CAST)
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


@dataclass(frozen=True)
class Grain:
    """Grain of a picture. spread: (3, 3) colours white noise, for values in [0, 1]; blur: its coarseness in pixels."""

    spread: Floats
    blur: float

    @property
    def level(self) -> float:
        """Spread of the mask's answer to its luma."""
        return float(np.linalg.norm(self.spread.mean(0)) * _response(self.blur)[1])


def freshness(pictures: Sequence[Bytes]) -> float:
    """0 to 1, how much of the finest detail of frames (H, W, 3) in a row is new in each.

    1 is a camera's grain; little is new where a codec that spares bits holds it still. 1 for fewer than two frames.
    """
    fine = [_rough(_gray((picture / np.float32(255)).astype(np.float32))) for picture in pictures]
    usual = [float(np.median(np.abs(one))) for one in fine]
    pairs = zip(fine, fine[1:], usual[1:], strict=False)
    shares = [float(np.median(np.abs(b - a))) / (np.sqrt(2) * level) for a, b, level in pairs if level]
    return float(np.clip(np.median(shares), 0, 1)) if shares else 1.0


def regrained(image: Floats, source: Floats, like: Grain, flow: Floats, valid: Floats, noise: Floats) -> Floats:
    """image (H, W, 3) in [0, 1] with grain made of white noise (H, W, 3) added where it lacks the source's.

    flow: (H, W, 2) where in the source each pixel was taken from, and valid: (H, W) how far it was: there it is to be
    as rough as the source at that place, elsewhere as `like`. Detail counts as grain: hair and pores get none on top.
    """
    if not like.level:
        return image
    own, now = (_roughness(_gray(picture), like.level) for picture in (source, image))
    wanted = valid * sample(own, flow) + (1 - valid) * like.level
    lacks = np.sqrt(np.clip(np.square(_ENOUGH * wanted) - np.square(now), 0, None)) / like.level
    if like.blur:
        noise = _soft(noise, like.blur) / np.float32(_response(like.blur)[2])
    return np.clip(image + np.minimum(lacks, 1)[..., None] * (noise @ like.spread.T), 0, 1).astype(np.float32)


def _roughness(luma: Floats, usual: float, blur: float = 4.0) -> Floats:
    """(H, W) spread of the mask's answer around each pixel; an edge counts no more than a few times what is usual."""
    has = np.minimum(np.abs(_rough(luma)), 4 * usual)
    return _soft(has, blur) * np.float32(np.sqrt(np.pi / 2))


def grain_of(picture: Floats, where: Flags) -> Grain:
    """Grain of a picture (H, W, 3) in [0, 1], measured where it is asked for; none where too little is to be seen."""
    none = Grain(np.zeros((3, 3), np.float32), 0.0)
    answer = _rough(picture)
    found = answer[where]
    if len(found) < 64:
        return none
    limit = (3 * np.median(np.abs(found), 0) / 0.6745).astype(np.float32)
    calm = (np.abs(found) <= limit).all(-1)
    if calm.sum() < 64 or not limit.all():
        return none
    blur = _coarseness(answer, where, limit)
    cover = np.cov(found[calm].T) / _response(blur)[1] ** 2
    return Grain(np.linalg.cholesky(cover + 1e-9 * np.eye(3)).astype(np.float32), blur)


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
