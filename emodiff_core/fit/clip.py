"""Codes of a clip from its face-mesh points: identity once, then every frame, then smooth in time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.fit.basis import COUNT, PointBasis, point_basis
from emodiff_core.fit.calm import calmed
from emodiff_core.fit.frames import POSE, State, start, step
from emodiff_core.fit.gaze import LOOKS, Glimpse, gaze, glimpse, pupils_of
from emodiff_core.fit.identity import residual_of, shape_step
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

KEYFRAMES = 24
CHUNK = 32
BLOCK = 32 * CHUNK
"""Frames whose points are held at a time: of a long shot only codes are in memory as a whole."""


class Frames(Protocol):
    """Points (N, 468, 2 or 3) of N frames, all in memory or read when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | NDArray[np.intp], /) -> Floats: ...


def fit_clip(
    points: Frames,
    head: HeadModel,
    shape: Floats | None = None,
    rate: float = 25.0,
    weight: Doubles | None = None,
    modes: int = 60,
    expression: Floats | None = None,
    irises: Floats | None = None,
    shots: NDArray[np.integer] | None = None,
) -> Codes:
    """Codes of one person over N frames. Memory grows by about 1.5 kB a frame, points not counted.

    points: (N, 468, 2 or 3) face-mesh points in picture pixels, in order of time; shape: (S,) where it is known;
    rate: frames a second; weight: (N,) 0 to 1, how far a frame is to be believed; modes: identity coefficients to fit;
    expression: (N, E) where another reader says it: then only pose, identity and residual are fitted to it;
    irises: (N, 2, 5, 3) as in faces.mesh.Mesh, nan where not seen: without them gaze is 0;
    shots: (N,) numbers that change at cuts, across which nothing is smoothed.
    """
    basis = point_basis(head)
    trust = np.ones(len(points)) if weight is None else weight
    bounds = _bounds(head, len(points), expression)
    index = _keyframes(trust)
    keys, (low, high) = _rows(basis, points[index]), bounds.at(index)
    known = np.zeros(min(modes, len(basis.shape))) if shape is None else shape.astype(np.float64)
    state = start(basis, keys, known, low)
    for _ in range(6):
        state = shape_step(basis, keys, state, low, high) if shape is None else step(basis, keys, state, low, high)[0]
    offset = residual_of(basis, keys, state)
    if expression is None and irises is not None:
        # Where the eyes look is settled first: lids follow it, and must not be taken for a blink.
        seen = _glimpses(basis, points, head, irises, state.shape, bounds)
        bounds = bounds if seen is None else replace(bounds, looks=gaze(seen, rate, trust))
    state, sigma = _every_frame(basis, points, state.shape, offset, bounds)
    for run in _runs(len(points), shots):
        calm = calmed(state.at(run), rate, trust[run])
        state.turn[run], state.scale[run], state.shift[run] = calm.turn, calm.scale, calm.shift
        state.expression[run] = calm.expression
    return _codes(basis.name, state, sigma)


def fit_frame(points: Floats, head: HeadModel, shape: Floats | None = None) -> Codes:
    """Codes (N = 1) of one picture from points (468, 2 or 3)."""
    return fit_clip(points[None], head, shape)


@dataclass(frozen=True)
class _Bounds:
    """Between what the expressions of N frames may lie. rows: (N,) their numbers; most: (E,); given: (N, E) where
    another reader says them; looks: (N, 8) gaze where irises say it."""

    rows: NDArray[np.intp]
    most: Doubles
    given: Floats | None = None
    looks: Doubles | None = None

    def at(self, index: slice | NDArray[np.intp]) -> tuple[Doubles, Doubles]:
        """The least and the most (n, E) of some frames."""
        if self.given is not None:
            held = self.given[index].astype(np.float64)
            return held, held.copy()
        count = len(self.rows[index])
        low, high = np.zeros((count, len(self.most))), np.tile(self.most, (count, 1))
        if self.looks is not None:
            low[:, LOOKS] = high[:, LOOKS] = self.looks[index]
        return low, high


def _bounds(head: HeadModel, frames: int, expression: Floats | None) -> _Bounds:
    """Expressions between 0 and 1; gaze is 0 until irises say it, for lids alone cannot tell it."""
    most = np.array([0.0 if name.startswith("eyeLook") else 1.0 for name in head.expression_names])
    return _Bounds(np.arange(frames), most, expression)


def _rows(basis: PointBasis, points: Floats) -> Doubles:
    """Points (n, 468, 2 or 3) and the gaps between them (n, M, 2), y up."""
    return basis.with_gaps(points[..., :2].astype(np.float64) * (1, -1))


def _blocks(count: int, size: int) -> Iterator[slice]:
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))


def _runs(count: int, shots: NDArray[np.integer] | None) -> Iterator[slice]:
    """Frames of one shot after the other."""
    edges = [] if shots is None else (np.flatnonzero(np.diff(shots)) + 1).tolist()
    for begin, end in pairwise([0, *edges, count]):
        yield slice(begin, end)


def _glimpses(
    basis: PointBasis, points: Frames, head: HeadModel, irises: Floats, shape: Doubles, bounds: _Bounds
) -> Glimpse | None:
    """Where the pupils of all frames are seen, None for a head without pupils."""
    pupils = pupils_of(head, shape)
    if pupils is None:
        return None
    parts = []
    for block in _blocks(len(points), BLOCK):
        some = points[block]
        posed = start(basis, _rows(basis, some), shape, bounds.at(block)[0])
        parts.append(glimpse(irises[block], some, pupils, posed))
    return Glimpse(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("away", "turn", "sure")))


def _keyframes(trust: Doubles) -> NDArray[np.intp]:
    """Frames to learn the identity from: evenly over those that are believed."""
    good = np.flatnonzero(trust >= min(0.5, trust.max()))
    return good[np.unique(np.linspace(0, len(good) - 1, min(KEYFRAMES, len(good))).round().astype(np.intp))]


def _every_frame(
    basis: PointBasis, points: Frames, shape: Doubles, offset: Doubles, bounds: _Bounds
) -> tuple[State, Floats]:
    """All frames with shape and residual held, and sigma (N, E)."""
    count, codes = len(points), len(bounds.most)
    turn, shift, expression = np.empty((count, 3, 3)), np.empty((count, 2)), np.empty((count, codes))
    whole = State(turn, np.empty(count), shift, expression, shape, offset)
    sigma = np.empty((count, codes), np.float32)
    for block in _blocks(count, BLOCK):
        rows, (low, high) = _rows(basis, points[block]), bounds.at(block)
        for chunk in _blocks(len(rows), CHUNK):
            state = replace(start(basis, rows[chunk], shape, low[chunk]), offset=offset)
            for _ in range(4):
                state, hessian = step(basis, rows[chunk], state, low[chunk], high[chunk])
            here = slice(block.start + chunk.start, block.start + chunk.stop)
            whole.turn[here], whole.scale[here], whole.shift[here] = state.turn, state.scale, state.shift
            whole.expression[here] = state.expression
            sigma[here] = np.sqrt(np.diagonal(np.linalg.inv(hessian), axis1=1, axis2=2)[:, POSE:])
    return whole, sigma


def _codes(head: str, state: State, sigma: Floats) -> Codes:
    return Codes(
        head=head,
        shape=state.shape.astype(np.float32),
        expression=state.expression.astype(np.float32),
        rotation=Rotation.from_matrix(state.turn).as_rotvec().astype(np.float32),
        camera=np.column_stack([state.scale, state.shift * (1, -1)]).astype(np.float32),
        residual=state.offset[:COUNT].astype(np.float32),
        sigma=sigma,
    )
