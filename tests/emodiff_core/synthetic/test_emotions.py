import itertools

import numpy as np
import pytest

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.emotions import EMOTIONS, closedness, compose, delivery, direction, performance
from emodiff_core.synthetic.speech import utterance
from emodiff_core.synthetic.visemes import lip_gap, mouth

SPEECH = utterance("Papa bought my mother five big maps, who knows why?").padded(0.3, 0.3)
TIMES = np.arange(0, SPEECH.seconds, 1 / 50)
MOUTH = mouth(SPEECH.phonemes, TIMES)


def test_the_names_are_those_of_the_job_sheet_without_source():
    from tasks.jobs import Emotion

    assert sorted(EMOTIONS) == sorted(e.value for e in Emotion if e is not Emotion.SOURCE)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_emotion_never_opens_lips_that_speech_closes(emotion):
    total = compose(MOUTH, np.repeat(direction(emotion)[None], len(MOUTH), 0))
    shut = closedness(MOUTH) > 0.98
    assert shut.sum() > 20
    assert (lip_gap(total) - np.maximum(lip_gap(MOUTH), -0.05))[shut].max() < 0.03


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_intensity_moves_the_face_steadily_along_its_direction(emotion):
    steps = [
        compose(MOUTH, k * np.repeat(direction(emotion)[None], len(MOUTH), 0)) - MOUTH for k in (0, 0.25, 0.5, 0.75, 1)
    ]
    along = [float((s * direction(emotion)).sum()) for s in steps]
    assert along[0] == 0
    assert all(b > 1.05 * a for a, b in itertools.pairwise(along))


def test_the_seven_directions_differ_from_each_other():
    flat = np.stack([direction(e) for e in EMOTIONS[1:]])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert (flat @ flat.T - np.eye(7)).max() < 0.85


def test_a_smile_does_not_undo_rounded_lips():
    rounded = np.zeros((1, 53), np.float32)
    rounded[0, ARKIT.index("mouthPucker")] = 0.7
    rounded[0, ARKIT.index("jawOpen")] = 0.1
    smile = ARKIT.index("mouthSmile_L")
    happy = direction("happy")[None]
    assert compose(rounded, happy)[0, smile] < 0.7 * compose(np.zeros_like(rounded), happy)[0, smile]


def test_skew_moves_an_emotion_to_one_side_and_mirrors_contempt():
    assert direction("happy", 0.5)[ARKIT.index("mouthSmile_L")] > direction("happy", 0.5)[ARKIT.index("mouthSmile_R")]
    left, right = direction("contempt", 0.5), direction("contempt", -0.5)
    assert left[ARKIT.index("mouthSmile_L")] == right[ARKIT.index("mouthSmile_R")] > 0
    assert right[ARKIT.index("mouthRight")] == left[ARKIT.index("mouthLeft")] > 0


def test_a_performance_is_repeatable_and_scales_with_intensity():
    one = performance("sad", 1.0, TIMES, SPEECH.phonemes, seed=3)
    half = performance("sad", 0.5, TIMES, SPEECH.phonemes, seed=3)
    assert np.allclose(half, one / 2, atol=1e-6) or one.max() == 1
    assert np.array_equal(one, performance("sad", 1.0, TIMES, SPEECH.phonemes, seed=3))
    assert not np.array_equal(one, performance("sad", 1.0, TIMES, SPEECH.phonemes, seed=4))


def test_anger_is_loud_and_fast_and_sadness_is_neither():
    angry, sad = delivery("angry", 1), delivery("sad", 1)
    assert angry.rate > 1 > sad.rate
    assert angry.gain > 0 > sad.gain
    assert delivery("angry", 0) == delivery("neutral", 1)
