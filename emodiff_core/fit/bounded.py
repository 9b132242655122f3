"""Least squares with bounds: projected Newton with a real active set (Bertsekas 1982)."""

import numba
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def solve_bounded(hessian: Doubles, gradient: Doubles, start: Doubles, low: Doubles, high: Doubles) -> Doubles:
    """The x (N, D) in [low, high] that minimises x'Hx/2 + g'x, for N problems at once.

    hessian (N, D, D) positive definite, gradient (N, D), start (N, D) within the bounds, low and high (N, D).
    """
    out = np.empty_like(start)
    for n in range(len(start)):
        out[n] = _solve_one(hessian[n], gradient[n], start[n], low[n], high[n])
    return out


@numba.njit(cache=True, nogil=True)
def _solve_one(hessian: Doubles, gradient: Doubles, start: Doubles, low: Doubles, high: Doubles) -> Doubles:
    x = start.copy()
    for _ in range(40):
        slope = hessian @ x + gradient
        held = ((x <= low) & (slope > 0)) | ((x >= high) & (slope < 0))
        free = np.flatnonzero(~held)
        if len(free) == 0:
            break
        step = np.zeros_like(x)
        step[free] = -np.linalg.solve(hessian[free][:, free], slope[free])
        moved = _line_search(hessian, gradient, x, step, low, high)
        if np.max(np.abs(moved - x)) < 1e-7:
            break
        x = moved
    return x


@numba.njit(cache=True, nogil=True)
def _line_search(
    hessian: Doubles, gradient: Doubles, x: Doubles, step: Doubles, low: Doubles, high: Doubles
) -> Doubles:
    """The longest of a few projected steps that lowers the objective."""
    now = 0.5 * x @ (hessian @ x) + gradient @ x
    length = 1.0
    for _ in range(20):
        moved = np.minimum(np.maximum(x + length * step, low), high)
        if 0.5 * moved @ (hessian @ moved) + gradient @ moved <= now:
            return moved
        length *= 0.5
    return x
