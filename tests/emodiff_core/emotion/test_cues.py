import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emodiff_core.emotion import EMOTIONS, cue_weights
from emodiff_core.refusal import Refusal

HAPPY, SAD = EMOTIONS.index("happy"), EMOTIONS.index("sad")
TIMES = np.arange(0, 10, 1 / 25)


def test_without_cues_the_base_is_felt_all_the_time():
    weights = cue_weights(TIMES, "happy", 0.6)
    assert np.allclose(weights[:, HAPPY], 0.6) and np.allclose(weights.sum(1), 0.6)


def test_a_cue_ramps_in_and_out_and_gives_way_to_the_base():
    weights = cue_weights(TIMES, "happy", 1.0, [(2.0, 6.0, "sad", 0.8, 1.0, 0.5)])
    at = lambda t: weights[round(t * 25)]  # noqa: E731
    assert at(1.5)[SAD] == 0 and at(1.5)[HAPPY] == 1
    assert 0 < at(2.4)[SAD] < 0.4 and at(4)[SAD] == pytest.approx(0.8) and at(4)[HAPPY] == 0
    assert 0 < at(5.8)[SAD] < 0.8 and at(7)[HAPPY] == 1
    assert np.abs(np.diff(weights, axis=0)).max() < 0.15


def test_a_cue_without_ramps_is_a_step():
    weights = cue_weights(TIMES, "neutral", 0.0, [(2.0, 4.0, "sad", 1.0, 0.0, 0.0)])[:, SAD]
    assert set(np.unique(weights)) == {0.0, 1.0}


def test_source_asks_for_nothing():
    assert not cue_weights(TIMES, "source", 1.0).any()


def test_the_later_of_two_overlapping_cues_is_on_top():
    cues = [(1.0, 9.0, "sad", 1.0, 0.0, 0.0), (3.0, 5.0, "happy", 0.5, 0.0, 0.0)]
    weights = cue_weights(np.array([2.0, 4.0]), "neutral", 1.0, cues)
    assert weights[0, SAD] == 1 and weights[1, SAD] == 0 and weights[1, HAPPY] == 0.5


def test_an_unknown_emotion_is_refused():
    with pytest.raises(Refusal, match="bored"):
        cue_weights(TIMES, "bored", 1.0)


cue = st.tuples(
    st.floats(0, 9), st.floats(0.1, 9), st.sampled_from(EMOTIONS), st.floats(0, 1), st.floats(0, 3), st.floats(0, 3)
).map(lambda c: (c[0], c[0] + c[1], *c[2:]))


@given(st.sampled_from(EMOTIONS), st.floats(0, 1), st.lists(cue, max_size=4))
def test_nobody_ever_feels_less_than_nothing_or_more_than_everything(emotion, intensity, cues):
    weights = cue_weights(TIMES, emotion, intensity, cues)
    assert weights.min() >= 0 and weights.sum(1).max() <= 1 + 1e-5
