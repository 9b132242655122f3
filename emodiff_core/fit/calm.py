"""Codes that rest where the face rests: pose and expression smoothed in time without lag."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.faces.smooth import steady
from emodiff_core.fit.frames import State

Doubles = NDArray[np.float64]

RADIUS = 8.0  # cm: turns and scales are weighed by what they move at the face's edge
POSE_NOISE = 0.05  # cm, the most that is called noise
EXPRESSION_NOISE = 0.08


def calmed(state: State, rate: float, weight: Doubles) -> State:
    """The state without jitter. rate: frames a second; weight: (N,) how far each frame is to be believed."""
    if len(state.scale) < 8:
        return state
    middle = Rotation.from_matrix(state.turn).mean()
    turn = (Rotation.from_matrix(state.turn) * middle.inv()).as_rotvec() * RADIUS
    scale = float(np.median(state.scale))
    pose = np.column_stack([turn, np.log(state.scale / scale) * RADIUS, state.shift / scale])
    pose = steady(pose, rate, POSE_NOISE, weight)
    expression = np.empty_like(state.expression)
    for code in range(expression.shape[1]):
        # One at a time: all of them at once are most of what a long shot takes.
        steadied = steady(state.expression[:, code : code + 1], rate, EXPRESSION_NOISE, weight)
        expression[:, code] = np.clip(steadied[:, 0], 0, 1)
    return replace(
        state,
        turn=(Rotation.from_rotvec(pose[:, :3] / RADIUS) * middle).as_matrix(),
        scale=scale * np.exp(pose[:, 3] / RADIUS),
        shift=pose[:, 4:] * scale,
        expression=expression,
    )
