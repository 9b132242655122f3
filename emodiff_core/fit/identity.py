"""Who it is: one shape and one residual for all frames of a clip."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emodiff_core.fit.basis import COUNT, PointBasis
from emodiff_core.fit.frames import POSE, State, apply, head_points, linearise, normal, step

Doubles = NDArray[np.float64]

RESIDUAL_RIDGE = 0.3  # in frames seen: one frame alone keeps 1 / 1.3 of what is left over


def shape_step(basis: PointBasis, rows: Doubles, state: State, low: Doubles, high: Doubles) -> State:
    """The next shape, solved together with pose and the expressions that are not at a bound (Schur complement)."""
    state, _ = step(basis, rows, state, low, high)
    linear = linearise(basis, rows, state)
    local, gradient = normal(basis, linear, state)
    count = len(state.shape)
    moves = basis.shape[:count].transpose(1, 2, 0).astype(np.float32)
    jacobian = np.einsum("nck,mks->nmcs", state.turn[:, :2].astype(np.float32), moves, optimize=True)
    jacobian = jacobian.reshape(len(rows), -1, count)
    weighted = jacobian * linear.weight[..., None]
    hessian = (weighted.transpose(0, 2, 1) @ jacobian).astype(np.float64).sum(0)
    slope = -(weighted.transpose(0, 2, 1) @ linear.misfit[..., None])[..., 0].astype(np.float64).sum(0)
    hessian[np.diag_indices(count)] += 1
    slope += state.shape
    cross = (weighted.transpose(0, 2, 1) @ linear.jacobian).astype(np.float64)
    inverse = _free_inverse(local, state.expression, low, high)
    begin = np.concatenate([np.zeros((len(rows), POSE)), state.expression], 1)
    local_slope = np.einsum("nde,ne->nd", local, begin) + gradient
    coupled = cross @ inverse
    hessian -= (coupled @ cross.transpose(0, 2, 1)).sum(0)
    slope -= np.einsum("nsd,nd->s", coupled, local_slope)
    change = -np.linalg.solve(hessian, slope)
    found = begin - np.einsum("nde,ne->nd", inverse, local_slope + np.einsum("nsd,s->nd", cross, change))
    found[:, POSE:] = np.clip(found[:, POSE:], low, high)
    return replace(apply(state, found), shape=np.clip(state.shape + change, -3, 3))


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
