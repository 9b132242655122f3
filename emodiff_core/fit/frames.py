"""One Gauss-Newton step of many frames at once: pose, camera and bounded expression against their points."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.fit.basis import COUNT, PointBasis
from emodiff_core.fit.bounded import solve_bounded

Doubles = NDArray[np.float64]

NOISE = 0.30  # cm: 0.15 of a point, doubled because neighbours err together
SPARSE = 4.0
"""Pull of an expression to zero, in units of its own explained misfit. What the face mesh errs by is then no longer
told as many small expressions that are not there: a third less of them than with 1.5, and .02 less of those that are.
"""
POSE = 6  # rotation 3, log scale, shift 2


@dataclass(frozen=True)
class State:
    """N frames under way. turn (N, 3, 3); scale (N,) pixels per centimetre; shift (N, 2) pixels, y up;
    expression (N, E); shape (S,); offset (M, 3) the person's residual in centimetres."""

    turn: Doubles
    scale: Doubles
    shift: Doubles
    expression: Doubles
    shape: Doubles
    offset: Doubles

    def at(self, index: slice | NDArray[np.intp]) -> "State":
        """The state at some of the frames."""
        return replace(
            self,
            turn=self.turn[index],
            scale=self.scale[index],
            shift=self.shift[index],
            expression=self.expression[index],
        )


@dataclass(frozen=True)
class Linear:
    """The problem around a state: misfit (N, R) and Jacobian (N, R, 6 + E) in centimetres, weights (N, R), R = 2M."""

    misfit: NDArray[np.float32]
    jacobian: NDArray[np.float32]
    weight: NDArray[np.float32]


def head_points(basis: PointBasis, state: State) -> Doubles:
    """Rows (N, M, 3) of the head in its own space."""
    still = basis.mean + np.tensordot(state.shape, basis.shape[: len(state.shape)], 1) + state.offset
    return still + np.tensordot(state.expression, basis.expression, 1)


def start(basis: PointBasis, rows: Doubles, shape: Doubles, low: Doubles) -> State:
    """Pose of the expressionless head by scaled orthography (DeMenthon and Davis 1995), expressions at their least.

    rows (N, M, 2) pixels, y up; low: (N, E) lower bounds.
    """
    model = (basis.mean + np.tensordot(shape, basis.shape[: len(shape)], 1))[:COUNT]
    share = basis.weight[:COUNT] / basis.weight[:COUNT].sum()
    middle = share @ model
    centred = model - middle
    seen = rows[:, :COUNT] - np.einsum("p,npc->nc", share, rows[:, :COUNT])[:, None]
    affine = np.einsum("npc,pd->ncd", seen * share[:, None], centred) @ np.linalg.inv((centred.T * share) @ centred)
    left, stretch, right = np.linalg.svd(affine, full_matrices=False)
    flat = left @ right
    turn = np.concatenate([flat, np.cross(flat[:, 0], flat[:, 1])[:, None]], 1)
    scale = stretch.mean(1)
    shift = np.einsum("p,npc->nc", share, rows[:, :COUNT]) - scale[:, None] * (turn[:, :2] @ middle)
    return State(turn, scale, shift, low.copy(), shape, np.zeros_like(basis.mean))


def linearise(basis: PointBasis, rows: Doubles, state: State) -> Linear:
    """Misfit and Jacobian of rows (N, M, 2) in pixels, y up, at a state."""
    turned = head_points(basis, state) @ state.turn.transpose(0, 2, 1)
    moves = basis.expression.transpose(1, 2, 0).astype(np.float32)  # (M, 3, E)
    is_point = np.arange(rows.shape[1]) < COUNT
    shift = state.shift[:, None] * is_point[:, None]
    misfit = (rows - shift) / state.scale[:, None, None] - turned[..., :2]
    jacobian = np.zeros((*misfit.shape, POSE + moves.shape[2]), np.float32)
    x, y, z = turned[..., 0], turned[..., 1], turned[..., 2]
    jacobian[..., 0, 1], jacobian[..., 0, 2] = z, -y
    jacobian[..., 1, 0], jacobian[..., 1, 2] = -z, x
    jacobian[..., 3] = turned[..., :2]
    jacobian[..., 0, 4] = jacobian[..., 1, 5] = is_point
    jacobian[..., POSE:] = np.einsum("nck,mke->nmce", state.turn[:, :2].astype(np.float32), moves, optimize=True)
    facing = np.where(is_point, np.einsum("nk,mk->nm", state.turn[:, 2], basis.normals), 1.0)
    weight = basis.weight * np.clip(0.35 + facing, 0.03, 1.0) ** 2 / NOISE**2
    frames = len(rows)
    return Linear(
        misfit.reshape(frames, -1).astype(np.float32),
        jacobian.reshape(frames, -1, jacobian.shape[-1]),
        np.repeat(weight, 2, 1).astype(np.float32),
    )


def normal(basis: PointBasis, linear: Linear, state: State) -> tuple[Doubles, Doubles]:
    """Hessian (N, 6 + E, 6 + E) and gradient (N, 6 + E) in pose increments and absolute expressions, with priors."""
    weighted = linear.jacobian * linear.weight[..., None]
    hessian = (weighted.transpose(0, 2, 1) @ linear.jacobian).astype(np.float64)
    gradient = -(weighted.transpose(0, 2, 1) @ linear.misfit[..., None])[..., 0].astype(np.float64)
    gradient -= np.einsum("nde,ne->nd", hessian[:, :, POSE:], state.expression)
    hessian[:, POSE:, POSE:] += basis.prior
    hessian[:, np.arange(POSE), np.arange(POSE)] += 1e-6
    gradient[:, POSE:] += SPARSE
    return hessian, gradient


def cost(basis: PointBasis, linear: Linear, state: State) -> float:
    """What the fit makes small: misfit and priors of all frames."""
    misfit = 0.5 * float(np.sum(linear.weight * np.square(linear.misfit), dtype=np.float64))
    prior = 0.5 * float(np.einsum("ne,ef,nf->", state.expression, basis.prior, state.expression, optimize=True))
    return misfit + prior + SPARSE * float(state.expression.sum()) + 0.5 * float(state.shape @ state.shape)


def step(basis: PointBasis, rows: Doubles, state: State, low: Doubles, high: Doubles) -> tuple[State, Doubles]:
    """The next state of every frame with the shape held, and the Hessian there. low, high: (N, E) bounds."""
    hessian, gradient = normal(basis, linearise(basis, rows, state), state)
    free = np.full((len(rows), POSE), np.inf)
    begin = np.concatenate([np.zeros((len(rows), POSE)), state.expression], 1)
    found = solve_bounded(hessian, gradient, begin, np.hstack([-free, low]), np.hstack([free, high]))
    return apply(state, found), hessian


def apply(state: State, found: Doubles) -> State:
    """The state after pose increments and absolute expressions (N, 6 + E)."""
    turn = Rotation.from_rotvec(found[:, :3]).as_matrix() @ state.turn
    scale = state.scale * np.exp(np.clip(found[:, 3], -0.5, 0.5))
    shift = state.shift + found[:, 4:6] * state.scale[:, None]
    return replace(state, turn=turn, scale=scale, shift=shift, expression=found[:, POSE:])
