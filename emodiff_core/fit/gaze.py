"""Gaze from irises: where each pupil lies between the corners of its eye says how far the eyeball is turned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT
from emodiff_core.faces.smooth import steady
from emodiff_core.fit.bounded import solve_bounded
from emodiff_core.fit.frames import State
from emodiff_core.flame import HeadModel, Part

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_NAMES = [f"eyeLook{way}_{side}" for side in "RL" for way in ("Up", "Down", "In", "Out")]
LOOKS = np.array([ARKIT.index(name) for name in _NAMES])
"""Places of the eight codes of gaze: the right eye's up, down, in and out, then the left one's."""
TURNED = np.array([[0, 0.47, -0.09], [0, -0.55, -0.13], [0.59, 0, -0.15], [-0.59, 0, -0.15]])
"""Where a code of 1 carries the right pupil, cm: up, down, in, out; as the built-in head turns its eyeballs."""
CORNERS = np.array([[33, 133], [362, 263]])
SEEN = np.array([0.42, 0.42, 0.76, 0.76] * 2)
"""What the face mesh sees of a turn: it draws pupils towards the middle of the opening."""
OWN = (0.08, 0.14)  # cm, across and along: how far a person's pupils may rest from where the head has them
NOISE = 0.06  # cm, of a pupil against its eye's corners
RIDGE, TOGETHER = 0.6, 12.0  # pull of a code to zero, and of the two eyes to each other, squared
OPEN = 0.13  # of an eye's width; under it no pupil is seen
_AT_ONCE = 4096  # frames whose equations are in memory together
CALM = 0.06  # the most that is called noise, in codes


@dataclass(frozen=True)
class Glimpse:
    """Where the pupils of N frames are seen. away: (N, 2, 2) cm from where they would be if the eyes looked ahead;
    turn: (N, 2, 3) of the head, to the picture; sure: (N,) bool, an eye is open and its iris was found."""

    away: Doubles
    turn: Doubles
    sure: NDArray[np.bool_]


def glimpse(irises: Floats, points: Floats, pupils: Doubles, state: State) -> Glimpse:
    """The pupils of some frames.

    irises: (N, 2, 5, 3) the subject's right and left, nan where not seen, and points: (N, 468, 2 or 3), both in picture
    pixels, y down; pupils: of the person, see `pupils_of`; state: the same frames with their pose.
    """
    known = np.asarray(np.isfinite(irises).all(axis=(1, 2, 3)))
    placed = np.where(known[:, None, None], irises[:, :, 0, :2] - points[:, CORNERS, :2].mean(2), 0)
    seen = placed.astype(np.float64) * (1, -1) / state.scale[:, None, None]
    return Glimpse(seen - _flat(pupils, state), state.turn[:, :2].copy(), known & (opening(points) > OPEN))


def gaze(seen: Glimpse, rate: float, trust: Doubles) -> Doubles | None:
    """The eight codes (N, 8) of gaze in the order of LOOKS; where the eyes are shut, from the frames around; None where
    no eye is seen at all. rate: frames a second; trust: (N,) 0 to 1."""
    weight = trust * seen.sure
    if not weight.any():
        return None
    away, blocks = seen.away - _at_rest(seen.away[weight > 0]), range(0, len(seen.away), _AT_ONCE)
    codes = np.concatenate([_solved(away[k : k + _AT_ONCE], seen.turn[k : k + _AT_ONCE]) for k in blocks])
    return np.clip(_filled(steady(codes, rate, CALM, weight), weight), 0, 1)


def opening(points: Floats) -> Doubles:
    """(N,) height over width of the eye that is opener."""
    flat = points[..., :2].astype(np.float64)
    eyes = []
    for ring, (right, left) in zip((EYE_RIGHT, EYE_LEFT), CORNERS, strict=True):
        x, y = flat[:, ring, 0], flat[:, ring, 1]
        area = 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1))
        eyes.append(area / np.maximum(np.square(flat[:, left] - flat[:, right]).sum(1), 1e-9))
    return np.maximum(*eyes)


def pupils_of(head: HeadModel, shape: Doubles) -> Doubles | None:
    """(2, 3) the right and left pupil of a person looking ahead, from the middle of the eye's corners, cm."""
    iris = np.unique(head.faces[head.parts == Part.IRIS].numpy())
    if not len(iris):
        return None
    basis = head.shape_basis[: len(shape)].numpy()
    corner, share = head.points_vertices.numpy(), head.points_weights.numpy()

    def person(index: NDArray[np.int64]) -> Doubles:
        still = head.template.numpy()[index] + np.einsum("s,s...->...", shape, basis[:, index])
        return np.asarray(still, np.float64)

    right = head.template.numpy()[iris, 0] < 0
    balls = np.stack([person(iris[right]).mean(0), person(iris[~right]).mean(0)])
    ends = np.einsum("ekpc,ekp->ekc", person(corner[CORNERS]), share[CORNERS])
    return balls - ends.mean(1)


def _flat(pupils: Doubles, state: State) -> Doubles:
    """(N, 2, 2) head-space offsets (2, 3) in the picture, cm, y up."""
    return np.einsum("nij,ej->nei", state.turn[:, :2], pupils)


def _at_rest(away: Doubles) -> Doubles:
    """(2, 2) where a person's pupils rest: people mostly look at the camera, so the middle of what is seen, (N, 2, 2).

    How far apart they rest is the person's altogether: no face looks two ways at once.
    """
    middle = np.median(away, 0)
    both = middle.mean(0)
    return np.asarray(middle - both + np.clip(both, np.negative(OWN), OWN))


def _solved(seen: Doubles, turn: Doubles) -> Doubles:
    """Codes (N, 8) in the order of LOOKS that carry the pupils by `seen` (N, 2, 2), both eyes looking at one thing."""
    moves = np.zeros((8, 2, 3))
    moves[:4, 0], moves[4:, 1] = TURNED, TURNED * (-1, 1, 1)
    jacobian = np.einsum("nij,kej->neik", turn, moves * SEEN[:, None, None]).reshape(len(seen), 4, 8)
    right = seen.reshape(len(seen), 4)
    hessian = jacobian.transpose(0, 2, 1) @ jacobian / NOISE**2 + RIDGE * np.eye(8)
    for one, other in ((0, 4), (1, 5), (2, 7), (3, 6)):
        pair = [one, other]
        hessian[:, np.ix_(pair, pair)[0], np.ix_(pair, pair)[1]] += TOGETHER * np.array([[1, -1], [-1, 1]])
    slope = -np.einsum("nrk,nr->nk", jacobian, right) / NOISE**2
    none = np.zeros((len(seen), 8))
    return solve_bounded(hessian, slope, none, none, none + 1)


def _filled(codes: Doubles, weight: Doubles) -> Doubles:
    """Codes (N, K) with those of frames that are not believed drawn between their neighbours."""
    known = np.flatnonzero(weight > 0)
    at = np.arange(len(codes))
    return np.stack([np.interp(at, known, column[known]) for column in codes.T], 1)
