"""Expression spaces: codes carried from one head's space to the other's and back, the error stated."""

import numpy as np
import pytest

from emodiff_core.codes import ARKIT
from emodiff_core.flame import load_builtin
from emodiff_core.flame_files import load_flame
from emodiff_core.spaces import SpaceMap, fit_map
from tests.emodiff_core.flame_layout import write


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> SpaceMap:
    return fit_map(load_builtin(), load_flame(write(tmp_path_factory.mktemp("flame") / "generic_model.pkl")))


def test_both_spaces_have_53_numbers(between: SpaceMap) -> None:
    assert between.flame(np.eye(53)).shape == (53, 53) and between.arkit(np.eye(53)).shape == (53, 53)


def test_an_open_jaw_is_the_jaw_joint(between: SpaceMap) -> None:
    codes = np.zeros((1, 53))
    codes[0, ARKIT.index("jawOpen")] = 1
    flame = between.flame(codes)[0]
    assert flame[50] > 0.1 and flame[50] > 3 * np.abs(flame[51:]).max()


def test_most_of_what_a_code_moves_survives_the_map_and_the_error_says_how_much(between: SpaceMap) -> None:
    big = between.moved_flame > 0.1
    assert (between.error_flame[big] < between.moved_flame[big]).all()
    assert np.sqrt((between.error_flame**2).sum() / (between.moved_flame**2).sum()) < 0.6
    assert "unexplained" in between.statement()


def test_codes_that_landmarks_hardly_show_are_the_more_in_doubt(between: SpaceMap) -> None:
    sigma = dict(zip(ARKIT, between.sigma, strict=True))
    assert 0 < sigma["jawOpen"] < 0.5 * min(sigma["mouthPress_L"], sigma["mouthLowerDown_L"], sigma["eyeWide_L"])
    assert max(sigma.values()) <= 0.5 + 1e-9 and 0 < between.left[1] < 0.6


def test_there_and_back_keeps_the_strong_codes(between: SpaceMap) -> None:
    codes = np.zeros((1, 53))
    codes[0, [ARKIT.index("jawOpen"), ARKIT.index("mouthSmile_L"), ARKIT.index("mouthSmile_R")]] = (0.5, 0.7, 0.7)
    back = between.arkit(between.flame(codes))[0]
    assert back.min() >= 0 and back.max() <= 1
    assert np.corrcoef(back, codes[0])[0, 1] > 0.6


def test_a_head_without_a_jaw_joint_is_no_partner() -> None:
    head = load_builtin()
    with pytest.raises(ValueError, match="jaw joint"):
        fit_map(head, head)
