"""Expression spaces: `arkit` (53 named codes) and `flame` (50 expressions, 3 jaw angles), and the map between them."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from emodiff_core.codes import ARKIT
from emodiff_core.faces.points import OVAL
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float64]

EXPRESSIONS, JAW = 50, 3
_JAW_JOINT = 2
_JAW_STEP = 0.2  # radians; the secant up to here stands for the whole turn
_NOISE = 0.03  # cm at a landmark that codes need not explain
_ARKIT_SPREAD = 0.5
_DOUBT = 0.3  # cm: a landmark's doubt as the fit counts it, doubled because neighbours err together


@dataclass(frozen=True)
class SpaceMap:
    """A linear map between both spaces, fitted through the 468 landmarks of two heads.

    to_flame: (53, 53) arkit codes times it are 50 expressions and 3 jaw angles (radians);
    to_arkit: (53, 53) the way back before its bounds; root (53, 53): what codes within bounds are measured by;
    error_flame, error_arkit: (53,) root mean square distance in centimetres that the
    landmarks of one unit of a code miss after the map, on either way; moved_flame, moved_arkit: what they move.
    """

    to_flame: Floats
    to_arkit: Floats
    root: Floats
    error_flame: Floats
    error_arkit: Floats
    moved_flame: Floats
    moved_arkit: Floats

    def flame(self, arkit: NDArray[np.floating]) -> Floats:
        """(N, 50 + 3) of arkit codes (N, 53)."""
        return np.asarray(arkit @ self.to_flame)

    def arkit(self, flame: NDArray[np.floating]) -> Floats:
        """(N, 53) in [0, 1] of expressions and jaw (N, 50 + 3): codes within bounds that move the landmarks most alike.

        The linear way back is not enough: ARKit's codes overlap, and it would pay for one with the negative of another.
        """
        free = flame @ self.to_arkit
        return np.stack([lsq_linear(self.root, self.root @ row, (0, 1)).x for row in free])

    @property
    def sigma(self) -> Floats:
        """(53,) standard deviation of each arkit code that comes out of the map: what the landmarks leave open."""
        moves = self.root.T @ self.root - (_NOISE / _ARKIT_SPREAD) ** 2 * np.eye(len(self.root))
        covariance = np.linalg.inv(moves / _DOUBT**2 + np.eye(len(moves)) / _ARKIT_SPREAD**2)
        return np.asarray(np.sqrt(np.diagonal(covariance)))

    @property
    def left(self) -> tuple[float, float]:
        """Shares of the landmarks' motion that the map leaves unexplained, arkit to flame and flame to arkit."""
        return _share(self.error_flame, self.moved_flame), _share(self.error_arkit, self.moved_arkit)

    def statement(self) -> str:
        """The map's error in one sentence."""
        there, back = self.left
        return f"arkit to flame leaves {there:.0%} of the landmarks' motion unexplained, flame to arkit {back:.0%}"


def fit_map(arkit_head: HeadModel, flame_head: HeadModel) -> SpaceMap:
    """The map between a head with ARKit's expressions and one in FLAME's layout with a jaw joint."""
    if arkit_head.expression_names != ARKIT or len(flame_head.parents) <= _JAW_JOINT:
        raise ValueError("fit_map needs a head with the ARKit expressions and one with a jaw joint")
    mine, theirs = _named(arkit_head), _articulated(flame_head)
    theirs = theirs @ _turn(_rest(flame_head), _rest(arkit_head)).T
    a, f = mine.reshape(len(mine), -1), theirs.reshape(len(theirs), -1)
    there, back = _solved(a, f, np.ones(len(f))), _solved(f, a, np.full(len(a), _ARKIT_SPREAD))
    root = np.asarray(np.linalg.cholesky(a @ a.T + (_NOISE / _ARKIT_SPREAD) ** 2 * np.eye(len(a))).T, np.float64)
    return SpaceMap(there, back, root, _missed(a - there @ f), _missed(f - back @ a), _missed(a), _missed(f))


def named(head: HeadModel, between: SpaceMap) -> HeadModel:
    """A FLAME head with the 53 ARKit expressions in place of its own: what the map makes of each, the jaw made linear.

    FLAME's own expressions know neither blinks nor gaze nor a closed mouth on an open jaw; `between` says what is lost.
    """
    jaw = _jaw_moves(head)
    own = head.expression_basis[:EXPRESSIONS]
    share = torch.from_numpy(between.to_flame.astype(np.float32))
    basis = torch.einsum("as,svc->avc", share[:, : len(own)], own)
    basis = basis + torch.einsum("aj,jvc->avc", share[:, EXPRESSIONS:], jaw)
    return replace(head, expression_basis=basis, expression_names=ARKIT)


def _inner() -> NDArray[np.int64]:
    return np.setdiff1d(np.arange(468), np.array(OVAL)).astype(np.int64)


def _rest(head: HeadModel) -> Floats:
    return head.landmarks(head.template[None])[0].numpy().astype(np.float64)[_inner()]


def _named(head: HeadModel) -> Floats:
    """(53, K, 3) what one unit of each code moves the landmarks."""
    corners, weights = head.points_vertices, head.points_weights
    points = (head.expression_basis[:, corners] * weights[None, :, :, None]).sum(2)
    return points.numpy().astype(np.float64)[:, _inner()]


def _articulated(head: HeadModel) -> Floats:
    """(50 + 3, K, 3) what one unit of each expression, and one radian of each jaw angle, moves the landmarks."""
    linear = _named(head)[:EXPRESSIONS]
    padded = np.zeros((EXPRESSIONS, *linear.shape[1:]))
    padded[: len(linear)] = linear
    return np.concatenate([padded, head.landmarks(_jaw_moves(head)).numpy().astype(np.float64)[:, _inner()]])


def _jaw_moves(head: HeadModel) -> torch.Tensor:
    """(3, V, 3) what one radian of each jaw angle moves the vertices."""
    turns = torch.zeros(JAW + 1, len(head.parents), 3)
    turns[torch.arange(1, JAW + 1), _JAW_JOINT, torch.arange(JAW)] = _JAW_STEP
    shape, expression = torch.zeros(len(turns), 1), torch.zeros(len(turns), len(head.expression_basis))
    vertices = head.articulated(shape, expression, turns)
    return (vertices[1:] - vertices[:1]) / _JAW_STEP


def _turn(source: Floats, target: Floats) -> Floats:
    """(3, 3) scale and rotation from one resting face to the other (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, stretch, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    return np.asarray((stretch * sign).sum() / (a**2).sum() * (u * sign @ vt))


def _solved(wanted: Floats, basis: Floats, spread: Floats) -> Floats:
    """Codes (M, N) on a basis (N, D) that come nearest to wanted (M, D), codes being about N(0, spread)."""
    gram = basis @ basis.T + np.diag(_NOISE**2 / spread**2)
    return np.asarray(np.linalg.solve(gram, basis @ wanted.T).T)


def _missed(offsets: Floats) -> Floats:
    return np.asarray(np.sqrt((offsets.reshape(len(offsets), -1, 3) ** 2).sum(2).mean(1)))


def _share(error: Floats, moved: Floats) -> float:
    return float(np.sqrt((error**2).sum() / max((moved**2).sum(), 1e-12)))
