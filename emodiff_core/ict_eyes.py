"""ICT-FaceKit's eyeballs made to look: its own shapes of gaze move the lids and leave the eyeballs where they are."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PUPIL = {"Up": (0.0, 0.47), "Down": (0.0, -0.55), "In": (0.59, 0.0), "Out": (-0.59, 0.0)}
"""Where a code of 1 carries the right pupil, cm: x and y, as the built-in head has it."""
_IRIS = 0.6  # cm, its radius


def looking(template: Floats, expression: Floats, names: tuple[str, ...], balls: NDArray[np.int64]) -> Floats:
    """The expression basis (E, V, 3) whose eyeLook shapes turn the eyeballs too; as it is where they do already.

    template: (V, 3) centimetres; balls: indices of both eyeballs' vertices, the subject's right one at x < 0.
    """
    looks = [k for k, name in enumerate(names) if name.startswith("eyeLook")]
    if not len(balls) or np.abs(expression[looks][:, balls]).max() > 0.01:
        return expression
    out = expression.astype(np.float32)
    for k in looks:
        way, side = names[k].removeprefix("eyeLook").split("_")
        ball = balls[(template[balls, 0] < 0) == (side == "R")]
        x, y = PUPIL[way]
        out[k, ball] = turned(template[ball], x if side == "R" else -x, y)
    return out


def turned(ball: Floats, x: float, y: float) -> Floats:
    """Offsets (K, 3) of an eyeball (K, 3) looking along z that carry its pupil by x and y, cm, on the sphere."""
    middle = centre_of(ball)
    radius = float(ball[:, 2].max() - middle[2])
    shift = np.hypot(x, y)
    turn = Rotation.from_rotvec(np.array([-y, x, 0.0]) / shift * np.arcsin(min(shift / radius, 1.0)))
    return np.asarray(turn.apply(ball - middle) - (ball - middle), np.float32)


def centre_of(ball: Floats) -> Doubles:
    """(3,) middle of the sphere nearest to points (K, 3), in least squares."""
    at = ball.astype(np.float64)
    found, *_ = np.linalg.lstsq(np.column_stack([2 * at, np.ones(len(at))]), np.square(at).sum(1), rcond=None)
    return np.asarray(found[:3])


def irises(template: Floats, faces: NDArray[np.int64], balls: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(F,) which faces of the eyeballs lie where the iris is: ICT paints irises on a whole sphere inside the cornea."""
    out = np.zeros(len(faces), bool)
    for right in (True, False):
        ball = balls[(template[balls, 0] < 0) == right]
        mine = np.flatnonzero(np.isin(faces, ball).all(1))
        away = template[faces[mine]].mean(1) - centre_of(template[ball])
        out[mine] = (np.hypot(away[:, 0], away[:, 1]) < _IRIS) & (away[:, 2] > 0)
    return out
