"""Codes of a clip from its face-mesh points: identity once, then every frame, then smooth in time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.fit.basis import COUNT, PointBasis, point_basis
from emodiff_core.fit.frames import POSE, start, step
from emodiff_core.fit.identity import residual_of, shape_step
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

KEYFRAMES = 24
CHUNK = 32


def fit_clip(points: Floats, head: HeadModel, shape: Floats | None = None, modes: int = 60) -> Codes:
    """Codes of one person over N frames.

    points: (N, 468, 2 or 3) face-mesh points in picture pixels, in order of time; shape: (S,) where it is known;
    modes: identity coefficients to fit, the rest stay zero.
    """
    basis = point_basis(head)
    rows = basis.with_gaps(points[..., :2].astype(np.float64) * (1, -1))
    low, high = _bounds(head)
    known = np.zeros(min(modes, len(basis.shape))) if shape is None else shape.astype(np.float64)
    keys = _keyframes(rows)
    state = start(basis, rows[keys], known)
    if shape is None:
        for _ in range(6):
            state = shape_step(basis, rows[keys], state, low, high)
    else:
        for _ in range(5):
            state, _ = step(basis, rows[keys], state, low, high)
    offset = residual_of(basis, rows[keys], state)
    return _codes(basis, rows, state.shape, offset, low, high)


def fit_frame(points: Floats, head: HeadModel, shape: Floats | None = None) -> Codes:
    """Codes (N = 1) of one picture from points (468, 2 or 3)."""
    return fit_clip(points[None], head, shape)


def _bounds(head: HeadModel) -> tuple[Doubles, Doubles]:
    """Expressions between 0 and 1; gaze is held at 0, for lids alone cannot tell where an eye looks."""
    high = np.array([0.0 if name.startswith("eyeLook") else 1.0 for name in head.expression_names])
    return np.zeros(len(high)), high


def _keyframes(rows: Doubles) -> NDArray[np.intp]:
    """Frames to learn the identity from, evenly over the clip."""
    return np.unique(np.linspace(0, len(rows) - 1, min(KEYFRAMES, len(rows))).round().astype(np.intp))


def _codes(basis: PointBasis, rows: Doubles, shape: Doubles, offset: Doubles, low: Doubles, high: Doubles) -> Codes:
    parts, sigmas = [], []
    for begin in range(0, len(rows), CHUNK):
        some = rows[begin : begin + CHUNK]
        state = replace(start(basis, some, shape), offset=offset)
        for _ in range(4):
            state, hessian = step(basis, some, state, low, high)
        parts.append(state)
        sigmas.append(np.sqrt(np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2)[:, POSE:]))
    gather: Callable[[str], Doubles] = lambda name: np.concatenate([getattr(part, name) for part in parts])  # noqa: E731
    shift = gather("shift") * (1, -1)
    return Codes(
        head=basis.name,
        shape=shape.astype(np.float32),
        expression=gather("expression").astype(np.float32),
        rotation=Rotation.from_matrix(gather("turn")).as_rotvec().astype(np.float32),
        camera=np.concatenate([gather("scale")[:, None], shift], 1).astype(np.float32),
        residual=offset[:COUNT].astype(np.float32),
        sigma=np.concatenate(sigmas).astype(np.float32),
    )
