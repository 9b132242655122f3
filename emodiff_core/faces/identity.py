"""Who is who: faces told apart by their looks, within a shot after something came between, and across cuts.

A look is made from what there is: colours of skin, hair, brows, lips and chin, the shades of the whole face at the
points of its mesh, and the mesh's proportions. It tells the few people of one film apart who look different in it. It
is no face recognition: siblings, another hair style, coloured light or years between two shots deceive it, and nothing
in it says who a person is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from emodiff_core.faces.mesh import EYE_CORNERS, yaw_of
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER, MIRROR

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Picture = NDArray[np.uint8]

FRONTAL = 38.0
"""Degrees of turn up to which a look is taken."""
SIDE = 64
_EYES_AT = ((0.31, 0.40), (0.69, 0.40))
_SPOTS = {
    "skin": (50, 280, 101, 330, 117, 346, 151, 9, 4, 195),
    "brows": (52, 65, 66, 105, 282, 295, 296, 334),
    "lips": (0, 17, 37, 267, 84, 314),
    "chin": (199, 200, 175, 32, 262, 83, 313),
    "moustache": (164, 165, 391, 92, 322),
    "lids": (27, 257, 23, 253, 230, 450),
}
_RATIOS = (
    (33, 263, 234, 454), (133, 362, 33, 263), (10, 152, 234, 454), (6, 2, 10, 152), (48, 278, 33, 263),
    (172, 397, 234, 454), (17, 152, 10, 152), (159, 65, 33, 263), (386, 295, 33, 263), (2, 0, 10, 152),
    (54, 284, 234, 454), (168, 4, 33, 263),
)  # fmt: skip
_WEIGHTS = np.array([3.5, 0.96, 1.2, 1.07, 2.37])
_BIAS = -6.03
"""Logistic regression on the logarithms of `parts`, on 216 pictures of 36 synthetic people at 0 to 30 degrees of turn,
with other cameras and expressions: two pictures are told right in 94 of 100 cases."""
_TURN = 10.0
_MOST, _NEVER = 5.0, 1e4


@dataclass(frozen=True)
class Look:
    """colours: (K, 3) Lab of the spots, all but skin's less skin's; hair: (3, 3) Lab above and beside the forehead;
    shades: (P, 3) Lab at the points of half the mesh, the half that is seen better, less their mean; ratios: (R,)
    logarithms of lengths over lengths."""

    colours: Floats
    hair: Floats
    shades: Floats
    ratios: Floats


def look_of(picture: Picture, points: Floats) -> Look:
    """The look of the face with points (468, 3) in a picture (H, W, 3) uint8 RGB, turned by at most FRONTAL degrees."""
    face, matrix = _aligned(picture, points)
    lab = cv2.cvtColor(cv2.GaussianBlur(face, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    flat = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    spots = np.stack([np.median(_at(lab, flat[list(spot)]), 0) for spot in _SPOTS.values()])
    spots[1:] -= spots[0]
    up = flat[10] - flat[152]
    beside = [flat[10] + 0.10 * up, flat[103] + 0.10 * up, flat[332] + 0.10 * up]
    length = np.array([[np.linalg.norm(points[a] - points[b]) for a, b in (pair[:2], pair[2:])] for pair in _RATIOS])
    ratios = np.log(np.maximum(length[:, 0], 1e-6) / np.maximum(length[:, 1], 1e-6))
    return Look(spots, _at(lab, np.stack(beside)), _shades(lab, flat, yaw_of(points)), ratios.astype(np.float32))


def mean_look(looks: Sequence[Look]) -> Look:
    """One look of several of the same face."""
    names = ("colours", "hair", "shades", "ratios")
    return Look(*(np.median([getattr(one, name) for one in looks], 0) for name in names))


def apart(one: Look, other: Look) -> float:
    """How far two looks are apart: below 0 they are rather one person's, above rather two people's."""
    return float(np.log(parts(one, other) + 1e-3) @ _WEIGHTS + _BIAS)


def parts(one: Look, other: Look) -> Doubles:
    """The five distances that `apart` weighs. Brightness counts a third: light changes, the colour of skin less so."""
    weigh = np.array([0.33, 1, 1])
    colours = np.sqrt(np.square((one.colours - other.colours) * weigh).mean() * 3)
    hair = np.sqrt(np.square((one.hair - other.hair) * weigh).mean() * 3)
    ratios = np.sqrt(np.square(one.ratios - other.ratios).mean())
    light = 1 - float(np.corrcoef(one.shades[:, 0], other.shades[:, 0])[0, 1])
    tint = np.sqrt(np.square(one.shades[:, 1:] - other.shades[:, 1:]).mean())
    return np.array([colours, hair, ratios, light, tint])


def grouped(looks: Sequence[Look], together: Sequence[tuple[int, int]]) -> list[int]:
    """For each of several tracks the number of the person it shows, by average linkage.

    together: pairs of tracks that are in sight at once, which are two people.
    """
    if len(looks) < 2:
        return [0] * len(looks)
    away = np.array([[np.clip(apart(one, other), -_MOST, _MOST) for other in looks] for one in looks]) + _MOST
    for one, other in together:
        away[one, other] = away[other, one] = _NEVER
    away = (away + away.T) / 2
    tree = linkage(away[np.triu_indices(len(looks), 1)], "average")
    return [int(k) - 1 for k in fcluster(tree, _MOST, "distance")]


def _aligned(picture: Picture, points: Floats) -> tuple[Picture, Doubles]:
    """The face (SIDE, SIDE, 3) with its eyes level and in their places, and the (2, 3) matrix to it."""
    right, left = points[EYE_CORNERS[0], :2], points[EYE_CORNERS[1], :2]
    chin = points[152, :2]
    goal = np.array([*_EYES_AT, (0.5, 1.02)], np.float32) * SIDE
    middle = (right + left) / 2
    across = (left - right) / 2
    down = np.array([-across[1], across[0]])
    drop = float((chin - middle) @ down) / max(float(down @ down), 1e-6)
    source = np.stack([right, left, middle + down * max(drop, 0.5)]).astype(np.float32)
    matrix = cv2.getAffineTransform(source, goal)
    face = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(face, np.uint8), np.asarray(matrix, np.float64)


def _at(lab: Floats, places: Doubles) -> Floats:
    rows = np.clip(places.round().astype(int), 0, SIDE - 1)
    return np.asarray(lab[rows[:, 1], rows[:, 0]], np.float32)


def _shades(lab: Floats, flat: Doubles, yaw: float) -> Floats:
    half, mirrored = _half()
    share = float(np.clip(0.5 + yaw / (2 * _TURN), 0, 1))
    values = share * _at(lab, flat[half]) + (1 - share) * _at(lab, flat[mirrored])
    return np.asarray(values - values.mean(0), np.float32)


@cache
def _half() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Points of the subject's right half but lips and eyes, which move, and their mirror images."""
    moving = np.concatenate([LIPS_OUTER, LIPS_INNER, EYE_LEFT, EYE_RIGHT])
    still = np.setdiff1d(np.arange(468), moving)
    half = still[still <= MIRROR[still]]
    return half, MIRROR[half]
