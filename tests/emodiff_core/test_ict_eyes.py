"""ICT's eyeballs: turned about their own middle by the codes of gaze, where the model does not do it itself."""

import numpy as np
import pytest

from emodiff_core.codes import ARKIT
from emodiff_core.ict_eyes import PUPIL, centre_of, irises, looking

RADIUS = 1.5


def sphere(x: float) -> np.ndarray:
    """A ball of 200 points about (x, 3.6, 8), the last of them its pupil."""
    k = np.arange(199)
    height, angle = 1 - 2 * (k + 0.5) / 199, k * 2.39996
    ring = np.sqrt(1 - height**2)
    unit = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], 1)
    return (np.array([x, 3.6, 8.0]) + RADIUS * np.vstack([unit, [[0, 0, 1]]])).astype(np.float32)


TEMPLATE = np.concatenate([sphere(-3.2), sphere(3.2), np.zeros((5, 3), np.float32)])
BALLS = np.arange(400)
STILL = np.zeros((len(ARKIT), len(TEMPLATE), 3), np.float32)


@pytest.mark.parametrize("way", PUPIL)
def test_each_code_carries_both_pupils_as_the_built_in_head_does(way):
    moved = looking(TEMPLATE, STILL, ARKIT, BALLS)
    right, left = (moved[ARKIT.index(f"eyeLook{way}_{side}")][at] for side, at in (("R", 199), ("L", 399)))
    np.testing.assert_allclose(right[:2], PUPIL[way], atol=0.02)
    np.testing.assert_allclose(left[:2], np.array(PUPIL[way]) * (-1, 1), atol=0.02)


def test_eyeballs_stay_balls_and_nothing_else_moves():
    moved = looking(TEMPLATE, STILL, ARKIT, BALLS)
    look = moved[ARKIT.index("eyeLookIn_R")]
    away = TEMPLATE[:200] + look[:200] - centre_of(TEMPLATE[:200])
    np.testing.assert_allclose(np.linalg.norm(away, axis=1), RADIUS, atol=0.01)
    assert not look[200:].any() and not moved[ARKIT.index("jawOpen")].any()


def test_a_model_whose_eyeballs_move_by_themselves_is_left_alone():
    own = STILL.copy()
    own[ARKIT.index("eyeLookUp_R"), :200, 1] = 0.4
    assert looking(TEMPLATE, own, ARKIT, BALLS) is own


def test_the_iris_is_the_front_of_each_ball():
    faces = np.repeat(np.arange(400)[:, None], 3, 1)
    found = irises(TEMPLATE, faces, BALLS)
    place = TEMPLATE[:400] - np.repeat([[-3.2, 3.6, 8.0], [3.2, 3.6, 8.0]], 200, 0)
    np.testing.assert_array_equal(found, (np.hypot(place[:, 0], place[:, 1]) < 0.6) & (place[:, 2] > 0))
    assert found[199] and found[399] and found.mean() < 0.1
