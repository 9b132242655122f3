"""The mouth bank: a person's own teeth and tongue, seen in other frames of the same film, offered where a frame that is
made to speak has none to show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.faces.points import CHIN, EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIP_BOTTOM, LIP_TOP, LIPS_INNER
from emodiff_core.faces.warp import INTERIOR, Warp, pixel_grid, polygon, sample

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Picture = NDArray[np.uint8]

MOST = 24
"""Views that are kept: a patch of some ten kilobytes each, however long the film."""
OPEN = 0.06
"""Gap of the inner lips, in distances of the eyes' corners, from which on an interior is worth keeping."""
_NEAR = 0.08
_JAW, _JAW_WEIGHT = ARKIT.index("jawOpen"), 0.3
_CORNERS = (78, 308)
_NOSE, _UNDER_NOSE = 1, 2


@dataclass(frozen=True)
class MouthView:
    """One frame's mouth. patch: (h, w, 3) float32 in [0, 1]; ring: (20, 2) its inner lips in pixels of the patch;
    look: see `look_of`; frame: index in the track."""

    patch: Floats
    ring: Floats
    look: Floats
    frame: int


def look_of(points: Floats, expression: Floats) -> Floats:
    """(N, 6) what decides a mouth's interior, of face-mesh points (N, 468, 3), in distances of the eyes' corners: gap
    and width of the inner lips, what the upper lip uncovers, how far the jaw is down, how far the head is turned; and
    the jaw by the codes (N, 53), which says what lips hide: it is worth 1 to 2 dB when views are chosen."""
    right, left = points[:, EYE_OUTER_RIGHT, :2], points[:, EYE_OUTER_LEFT, :2]
    eyes = np.maximum(np.linalg.norm(left - right, axis=1), 1e-6)

    def apart(a: int, b: int) -> Floats:
        return np.asarray(np.linalg.norm(points[:, a, :2] - points[:, b, :2], axis=1) / eyes, np.float32)

    turned = ((points[:, _NOSE, :2] - (left + right) / 2) * (left - right)).sum(1) / eyes**2
    jaw = apart(LIP_BOTTOM, CHIN)
    found = (
        apart(LIP_TOP, LIP_BOTTOM),
        apart(*_CORNERS),
        apart(_UNDER_NOSE, LIP_TOP),
        jaw,
        turned,
        _JAW_WEIGHT * expression[:, _JAW],
    )
    return np.stack(found, 1).astype(np.float32)


def choose_views(looks: Floats, fit: Flags, most: int = MOST) -> list[int]:
    """Frames, at most `most`, whose open mouths differ from each other as much as they can; the same for the same film.

    looks: (N, 6), see `look_of`; fit: (N,) frames whose face can be trusted and is lit alike. Begins with the widest
    mouth and adds what is farthest from all that were chosen (Gonzalez, Clustering to minimize the maximum
    intercluster distance, 1985).
    """
    open_ = np.flatnonzero(fit & (looks[:, 0] >= OPEN))
    if not len(open_):
        return []
    chosen = [int(open_[looks[open_, 0].argmax()])]
    away = np.linalg.norm(looks[open_] - looks[chosen[0]], axis=1)
    while len(chosen) < most and away.max() > 0.01:
        chosen.append(int(open_[away.argmax()]))
        away = np.minimum(away, np.linalg.norm(looks[open_] - looks[chosen[-1]], axis=1))
    return sorted(chosen)


def view_of(picture: Picture, points: Floats, expression: Floats, frame: int) -> MouthView:
    """The mouth of a picture (H, W, 3) uint8 with face-mesh points (468, 3) in its pixels and codes (53,)."""
    ring = points[LIPS_INNER, :2]
    low = np.maximum(np.floor(ring.min(0)).astype(int) - 4, 0)
    high = np.ceil(ring.max(0)).astype(int) + 4
    patch = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32) / np.float32(255)
    return MouthView(patch, (ring - low).astype(np.float32), look_of(points[None], expression[None])[0], frame)


@dataclass(frozen=True)
class MouthBank:
    """The views of one track."""

    views: tuple[MouthView, ...]

    def nearest(self, look: Floats) -> tuple[MouthView, float] | None:
        """The view that is most like a look (6,), and its distance."""
        if not self.views:
            return None
        away = [float(np.linalg.norm(view.look - look)) for view in self.views]
        best = int(np.argmin(away))
        return self.views[best], away[best]

    def filled(self, warp: Warp, points: Floats, expression: Floats) -> tuple[Warp, Floats]:
        """The warp with the interior of its mouth, where it has nothing of its own to show, from the nearest view, and
        how much of it each pixel (H, W) now is.

        points: (468, 3) face-mesh points of the target in the warp's pixels; expression: (53,) its codes. A view that
        is too far offers nothing, and less and less on the way there.
        """
        found = self.nearest(look_of(points[None], expression[None])[0])
        if found is None or found[1] >= _NEAR:
            return warp, np.zeros_like(warp.valid)
        view, away = found
        sure = np.float32(min(1.0, 2 * (1 - away / _NEAR)))
        flow = _flow(points[LIPS_INNER, :2], view.ring, warp.valid.shape)
        inside = polygon(view.ring, view.patch.shape[:2])
        share = warp.masks[..., INTERIOR] * (1 - warp.valid) * sample(inside, flow) * sure
        image = warp.image + share[..., None] * (sample(view.patch, flow, cv2.INTER_CUBIC) - warp.image)
        valid = np.clip(warp.valid + share, 0, 1).astype(np.float32)
        return replace(warp, image=np.clip(image, 0, 1).astype(np.float32), valid=valid), share.astype(np.float32)


def _flow(ring: Floats, there: Floats, size: Sequence[int]) -> Floats:
    """Pixels (H, W, 2) of a view for each pixel of a target, by the affine map that lays one ring best on the other."""
    design = np.column_stack([ring, np.ones(len(ring))])
    solution, *_ = np.linalg.lstsq(design, there, rcond=None)
    return (pixel_grid(tuple(size)) @ solution[:2] + solution[2]).astype(np.float32)
