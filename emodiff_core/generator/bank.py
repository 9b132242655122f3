"""The mouth bank: a person's own teeth and tongue, seen in other frames of the same film, offered where a frame that is
made to speak has none to show."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from emodiff_core.codes import ARKIT
from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import CHIN, EYE_OUTER_LEFT, EYE_OUTER_RIGHT, LIP_BOTTOM, LIP_TOP, LIPS_INNER
from emodiff_core.faces.warp import INTERIOR, Warp, pixel_grid, sample

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Picture = NDArray[np.uint8]

MOST = 24
"""Views that are kept: a patch of some ten kilobytes each, however long the film."""
OPEN = 0.06
"""Gap of the inner lips, in distances of the eyes' corners, from which on an interior is worth keeping."""
MIX = 0.75
"""Share of a view that is taken, the rest is diffusion's: two guesses together are nearer than either."""
_SLIT = (0.035, 0.065)
"""Gap of the inner lips from which on a view is of use: a slit shows darkness, and a view of teeth would light it."""
_NEAR = 0.2
"""How unlike what is wanted a view may be before it is no help."""
_WEIGHTS = np.array([0.5, 0.3, 0.5, 0.5, 0.5, 1.5], np.float32)
"""What each part of a look counts when views are compared; _SHORT: what it counts that a view ends before the lips."""
_SHORT = 12.0
_SWITCH = 0.03
"""What another view than the frame before must be nearer by: teeth that change are seen, teeth that differ are not."""
_BLEND = np.array([1, 2, 3, 2, 1], np.float32) / 9
_BEHIND, _WHOLE = 0.06, 0.9
"""How far behind the lips a view is believed, in widths of the mouth; share of a pixel that must be interior."""
_FOOT = (0.12, 0.18)
"""How far under the upper lip, in distances of the eyes' corners, a view shows no more of upper teeth."""
_JAW, _JAW_WEIGHT = ARKIT.index("jawOpen"), 0.3
_CORNERS = (78, 308)
_NOSE, _UNDER_NOSE = 1, 2
_SKULL = (33, 133, 362, 263, 2, 2, 2, 98, 98, 327, 327)
_CHIN = (152, 148, 377, 176, 400, 149, 378)


@dataclass(frozen=True)
class MouthView:
    """One frame's mouth. patch: (h, w, 3) float32 in [0, 1], the interior of the lips and how it may go on behind
    them; cover: (h, w) in [0, 1], how far that is believed; points: (468, 2) of the face in pixels of the patch;
    look: see `look_of`; frame: index in the track."""

    patch: Floats
    cover: Floats
    points: Floats
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
    behind = _BEHIND * float(np.ptp(ring[:, 0]))
    low = np.maximum(np.floor(ring.min(0) - behind).astype(int) - 2, 0)
    high = np.ceil(ring.max(0) + behind).astype(int) + 2
    patch = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32) / np.float32(255)
    inside = polygon((ring - low).astype(np.float32), patch.shape[:2]) > _WHOLE
    if not inside.any():
        inside = polygon((ring - low).astype(np.float32), patch.shape[:2]) > 0
    away, (rows, columns) = distance_transform_edt(~inside, return_indices=True)
    cover = np.clip(2 * (1 - away / max(behind, 1e-6)), 0, 1).astype(np.float32)
    look = look_of(points[None], expression[None])[0]
    return MouthView(patch[rows, columns], cover, (points[:, :2] - low).astype(np.float32), look, frame)


@dataclass(frozen=True)
class MouthBank:
    """The views of one track."""

    views: tuple[MouthView, ...]

    def plan(self, points: Floats, expression: Floats) -> Floats:
        """(N, V) how much each frame takes of each view; at most 1 in all, less where every view is far.

        points: (N, 468, 3) face-mesh points and expression: (N, 53) codes of the frames in order. A frame keeps to the
        view of its neighbours unless another is nearer by much (Viterbi), and passes from one to the next by and by.
        """
        if not self.views:
            return np.zeros((len(points), 0), np.float32)
        looks = look_of(points, expression)
        away = np.stack([self._away(*one) for one in zip(points, looks, strict=True)])
        path = _steadiest(away)
        share = np.zeros_like(away)
        rows = np.arange(len(away))
        share[rows, path] = np.clip(2 * (1 - away[rows, path] / _NEAR), 0, 1) * _step(looks[:, 0], *_SLIT)
        padded = np.pad(share, ((2, 2), (0, 0)), "edge")
        return np.stack([np.convolve(column, _BLEND, "valid") for column in padded.T], 1).astype(np.float32)

    def _away(self, points: Floats, look: Floats) -> Floats:
        """(V,) how unlike what a face (468, 3) with a look (6,) needs each view is."""
        eyes = float(np.linalg.norm(points[EYE_OUTER_LEFT, :2] - points[EYE_OUTER_RIGHT, :2]))
        looks = np.stack([view.look for view in self.views])
        unlike = np.linalg.norm((looks - look) * _WEIGHTS, axis=1)
        ring = points[LIPS_INNER, :2]
        low = _way(ring, points[:, :2]) > 0.5
        outside = []
        for view in self.views:
            skull, jaw = _placed(ring, points[:, :2], view.points)
            outside.append(_outside(np.where(low[:, None], jaw, skull), view.points[LIPS_INNER]))
        return np.asarray(unlike + _SHORT * np.array(outside) / max(eyes, 1e-6), np.float32)

    def interior(self, warp: Warp, points: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """What the views show between the lips of a warp (H, W, 3), and how much of it is to be taken (H, W): at most
        MIX, nothing where the picture has something of its own to show or no view saw that place.

        points: (468, 3) of the target in the warp's pixels; shares: (V,).
        """
        inside = warp.masks[..., INTERIOR]
        shown, weight = np.zeros_like(warp.image), np.zeros_like(warp.valid)
        if not shares.any() or not inside.any():
            return shown, weight
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        at = pixel_grid(inside.shape)[box]
        for view, share in zip(self.views, shares, strict=True):
            if share > 0:
                picture, believed = _shown(view, at, points[:, :2])
                shown[box] += (share * believed)[..., None] * picture
                weight[box] += share * believed
        shown = np.clip(shown / np.maximum(weight, 1e-4)[..., None], 0, 1)
        return shown, (MIX * weight * inside * (1 - _kept(warp) * warp.valid)).astype(np.float32)


def _kept(warp: Warp) -> float:
    """0 to 1, how far what the picture itself shows between the lips is kept: a sliver of it beside another view's
    teeth would be seen as a line."""
    inside = warp.masks[..., INTERIOR]
    shown = float((inside * warp.valid).sum() / max(float(inside.sum()), 1.0))
    return float(np.clip((shown - 0.4) / 0.3, 0, 1))


def _steadiest(away: Floats) -> NDArray[np.intp]:
    """(N,) the views of the path through distances (N, V) that costs least, each change of view `_SWITCH` times 4:
    a view that serves for four frames is worth the change."""
    costs, came = away[0].astype(np.float64), []
    for row in away[1:]:
        stay, best = costs, float(costs.min()) + 4 * _SWITCH
        came.append(np.where(stay <= best, np.arange(len(costs)), int(costs.argmin())))
        costs = np.minimum(stay, best) + row
    path = [int(costs.argmin())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1], np.intp)


def _outside(at: Floats, ring: Floats) -> float:
    """Pixels by which points (K, 2) lie outside a ring on average."""
    contour = ring.astype(np.float32)[:, None]
    return float(np.mean([max(0.0, -cv2.pointPolygonTest(contour, (float(x), float(y)), True)) for x, y in at]))


def _shown(view: MouthView, at: Floats, points: Floats) -> tuple[Floats, Floats]:
    """What a view shows at pixels (H, W, 2) of a target with points (468, 2): (H, W, 3), and how far it is believed
    (H, W), 0 where it saw neither what is there on the skull nor what is there on the jaw."""
    skull, jaw = _placed(at, points, view.points)
    low = _step(_way(at, points), 0.4, 0.7)
    # What a view shows right under its upper lip are upper teeth.
    foot = _step(_way(jaw, view.points) * view.look[0], *_FOOT)
    upper, lower = sample(view.cover, skull) * (1 - 0.98 * low), sample(view.cover, jaw) * foot * low
    shown = (upper[..., None] * sample(view.patch, skull, cv2.INTER_CUBIC)) + (
        lower[..., None] * sample(view.patch, jaw, cv2.INTER_CUBIC)
    )
    total = upper + lower
    believed = np.maximum(sample(view.cover, skull), sample(view.cover, jaw) * foot * low)
    return (shown / np.maximum(total, 1e-4)[..., None]).astype(np.float32), believed.astype(np.float32)


def _way(at: Floats, points: Floats) -> Floats:
    """How far down pixels (..., 2) lie between the inner lips of points (468, 2): 0 above, 1 below."""
    down = points[LIP_BOTTOM] - points[LIP_TOP]
    return np.asarray(((at - points[LIP_TOP]) @ down) / max(float(down @ down), 1e-6), np.float32)


def _step(values: Floats, low: float, high: float) -> Floats:
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _placed(at: Floats, points: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Where pixels (..., 2) of a target lie in a view, by both faces' points (468, 2): what goes with the skull, as the
    upper teeth do, and what goes with the jaw.

    To the side the middle of the lips decides, which stays before the teeth when a head turns and its eyes do not.
    """
    turn, shift = _similarity(points[list(_SKULL)], there[list(_SKULL)])
    lips, jaw = [LIP_TOP, LIP_BOTTOM], list(_CHIN)
    across = there[_CORNERS[1]] - there[_CORNERS[0]]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    shift = shift + across * float((there[lips] - (points[lips] @ turn + shift)).mean(0) @ across)
    along = np.array([-across[1], across[0]])
    moved = along * float((there[jaw] - (points[jaw] @ turn + shift)).mean(0) @ along)
    skull = (at @ turn + shift).astype(np.float32)
    return skull, (skull + moved).astype(np.float32)


def _similarity(points: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Matrix (2, 2) and shift (2,) that turn, scale and move points (K, 2) nearest to others (K, 2)."""
    one, other = points - points.mean(0), there - there.mean(0)
    size = max(float(np.square(one).sum()), 1e-6)
    a = float((one * other).sum()) / size
    b = float((one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum()) / size
    turn = np.array([[a, b], [-b, a]], np.float32)
    return turn, (there.mean(0) - points.mean(0) @ turn).astype(np.float32)
