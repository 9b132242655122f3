"""Codes of a clip from its face-mesh points: identity once, then every frame, then smooth in time."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.fit.basis import COUNT, PointBasis, point_basis
from emodiff_core.fit.calm import calmed
from emodiff_core.fit.frames import POSE, State, joined, start, step
from emodiff_core.fit.gaze import LOOKS, gaze
from emodiff_core.fit.identity import residual_of, shape_step
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

KEYFRAMES = 24
CHUNK = 32


def fit_clip(
    points: Floats,
    head: HeadModel,
    shape: Floats | None = None,
    rate: float = 25.0,
    weight: Doubles | None = None,
    modes: int = 60,
    expression: Floats | None = None,
    irises: Floats | None = None,
    shots: NDArray[np.integer] | None = None,
) -> Codes:
    """Codes of one person over N frames.

    points: (N, 468, 2 or 3) face-mesh points in picture pixels, in order of time; shape: (S,) where it is known;
    rate: frames a second; weight: (N,) 0 to 1, how far a frame is to be believed; modes: identity coefficients to fit;
    expression: (N, E) where another reader says it: then only pose, identity and residual are fitted to it;
    irises: (N, 2, 5, 3) as in faces.mesh.Mesh, nan where not seen: without them gaze is 0;
    shots: (N,) numbers that change at cuts, across which nothing is smoothed.
    """
    basis = point_basis(head)
    rows = basis.with_gaps(points[..., :2].astype(np.float64) * (1, -1))
    trust = np.ones(len(rows)) if weight is None else weight
    bounds = _bounds(head, len(rows)) if expression is None else _held(expression)
    index = _keyframes(trust)
    keys, low, high = rows[index], bounds[0][index], bounds[1][index]
    known = np.zeros(min(modes, len(basis.shape))) if shape is None else shape.astype(np.float64)
    state = start(basis, keys, known, low)
    for _ in range(6):
        state = shape_step(basis, keys, state, low, high) if shape is None else step(basis, keys, state, low, high)[0]
    offset = residual_of(basis, keys, state)
    if expression is None and irises is not None:
        # Where the eyes look is settled first: lids follow it, and must not be taken for a blink.
        bounds = _looking(bounds, gaze(irises, points, head, start(basis, rows, state.shape, bounds[0]), rate, trust))
    state, sigma = _every_frame(basis, rows, state.shape, offset, bounds)
    cuts = np.zeros(len(rows), np.intp) if shots is None else shots
    runs = [np.flatnonzero(cuts == cut) for cut in dict.fromkeys(cuts.tolist())]
    return _codes(basis.name, joined([calmed(state.at(run), rate, trust[run]) for run in runs]), sigma)


def fit_frame(points: Floats, head: HeadModel, shape: Floats | None = None) -> Codes:
    """Codes (N = 1) of one picture from points (468, 2 or 3)."""
    return fit_clip(points[None], head, shape)


def _bounds(head: HeadModel, frames: int) -> tuple[Doubles, Doubles]:
    """(N, E) expressions between 0 and 1; gaze is 0 until irises say it, for lids alone cannot tell it."""
    high = np.array([0.0 if name.startswith("eyeLook") else 1.0 for name in head.expression_names])
    return np.zeros((frames, len(high))), np.tile(high, (frames, 1))


def _looking(bounds: tuple[Doubles, Doubles], looks: Doubles) -> tuple[Doubles, Doubles]:
    """The bounds with gaze held where the irises say, (N, E)."""
    low, high = bounds[0].copy(), bounds[1].copy()
    low[:, LOOKS], high[:, LOOKS] = looks[:, LOOKS], looks[:, LOOKS]
    return low, high


def _held(expression: Floats) -> tuple[Doubles, Doubles]:
    given = expression.astype(np.float64)
    return given, given.copy()


def _keyframes(trust: Doubles) -> NDArray[np.intp]:
    """Frames to learn the identity from: evenly over those that are believed."""
    good = np.flatnonzero(trust >= min(0.5, trust.max()))
    return good[np.unique(np.linspace(0, len(good) - 1, min(KEYFRAMES, len(good))).round().astype(np.intp))]


def _every_frame(
    basis: PointBasis, rows: Doubles, shape: Doubles, offset: Doubles, bounds: tuple[Doubles, Doubles]
) -> tuple[State, Doubles]:
    """All frames with shape and residual held, and sigma (N, E)."""
    parts, sigmas = [], []
    for begin in range(0, len(rows), CHUNK):
        some = rows[begin : begin + CHUNK]
        low, high = (bound[begin : begin + CHUNK] for bound in bounds)
        state = replace(start(basis, some, shape, low), offset=offset)
        for _ in range(4):
            state, hessian = step(basis, some, state, low, high)
        parts.append(state)
        sigmas.append(np.sqrt(np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2)[:, POSE:]))
    return joined(parts), np.concatenate(sigmas)


def _codes(head: str, state: State, sigma: Doubles) -> Codes:
    return Codes(
        head=head,
        shape=state.shape.astype(np.float32),
        expression=state.expression.astype(np.float32),
        rotation=Rotation.from_matrix(state.turn).as_rotvec().astype(np.float32),
        camera=np.column_stack([state.scale, state.shift * (1, -1)]).astype(np.float32),
        residual=state.offset[:COUNT].astype(np.float32),
        sigma=sigma.astype(np.float32),
    )
