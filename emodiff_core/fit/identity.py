"""Who it is: one shape and one residual for all frames of a clip."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emodiff_core.fit.basis import COUNT, PointBasis
from emodiff_core.fit.frames import POSE, State, cost, head_points, linearise, normal, step

Doubles = NDArray[np.float64]

RESIDUAL_RIDGE = 0.1  # in frames seen: one frame alone keeps 1 / 1.1 of what is left over


def shape_step(basis: PointBasis, rows: Doubles, state: State, low: Doubles, high: Doubles) -> State:
    """The next shape with pose and expressions to it, or the state itself where no change of shape lowers the cost.

    The change is that of all unknowns together; since expressions may meet their bounds on the way, less of it is
    taken until the cost falls.
    """
    state, _ = step(basis, rows, state, low, high)
    before = cost(basis, linearise(basis, rows, state), state)
    change = _shape_change(basis, rows, state, low, high)
    for length in (1.0, 0.5, 0.25, 0.1):
        shape = np.clip(state.shape + length * change, -3, 3)
        moved, _ = step(basis, rows, replace(state, shape=shape), low, high)
        if cost(basis, linearise(basis, rows, moved), moved) < before:
            return moved
    return state


def _shape_change(basis: PointBasis, rows: Doubles, state: State, low: Doubles, high: Doubles) -> Doubles:
    """Gauss-Newton change of the shape, solved together with all that is free in the frames (Schur complement)."""
    linear = linearise(basis, rows, state)
    local, gradient = normal(basis, linear, state)
    count = len(state.shape)
    moves = basis.shape[:count].transpose(1, 2, 0).astype(np.float32)
    jacobian = np.einsum("nck,mks->nmcs", state.turn[:, :2].astype(np.float32), moves, optimize=True)
    jacobian = jacobian.reshape(len(rows), -1, count)
    weighted = jacobian.transpose(0, 2, 1) * linear.weight[:, None]
    hessian = (weighted @ jacobian).astype(np.float64).sum(0) + np.eye(count)
    slope = state.shape - (weighted @ linear.misfit[..., None])[..., 0].astype(np.float64).sum(0)
    cross = (weighted @ linear.jacobian).astype(np.float64)
    begin = np.concatenate([np.zeros((len(rows), POSE)), state.expression], 1)
    local_slope = np.einsum("nde,ne->nd", local, begin) + gradient
    coupled = cross @ _free_inverse(local, state.expression, low, high)
    hessian -= (coupled @ cross.transpose(0, 2, 1)).sum(0)
    slope -= np.einsum("nsd,nd->s", coupled, local_slope)
    return np.asarray(-np.linalg.solve(hessian, slope))


def _free_inverse(hessian: Doubles, expression: Doubles, low: Doubles, high: Doubles) -> Doubles:
    """Inverse of each Hessian (N, D, D) over the unknowns that may move, zeros for those at a bound."""
    held = np.concatenate(
        [np.zeros((len(hessian), POSE), bool), (expression <= low) | (expression >= high)],
        1,
    )
    either = held[:, :, None] | held[:, None, :]
    blocked = np.where(either, 0.0, hessian)
    index = np.arange(hessian.shape[1])
    blocked[:, index, index] = np.where(held, 1.0, blocked[:, index, index])
    inverse = np.linalg.inv(blocked)
    inverse[either] = 0.0
    return inverse


def residual_of(basis: PointBasis, rows: Doubles, state: State) -> Doubles:
    """What pose, shape and expression leave of the points, (M, 3) centimetres in head space, over all frames."""
    turned = head_points(basis, state) @ state.turn.transpose(0, 2, 1)
    points = (rows - state.shift[:, None])[:, :COUNT] / state.scale[:, None, None] - turned[:, :COUNT, :2]
    facing = np.clip(np.einsum("nk,mk->nm", state.turn[:, 2], basis.normals[:COUNT]), 0.05, 1)
    planes = state.turn[:, :2]
    square = np.einsum("nm,nci,ncj->mij", facing, planes, planes) + RESIDUAL_RIDGE * np.eye(3)
    right = np.einsum("nm,nci,nmc->mi", facing, planes, points)
    return basis.with_gaps(np.linalg.solve(square, right[..., None])[..., 0])
