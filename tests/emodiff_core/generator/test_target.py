"""What of a picture's expression stays when the face is given another."""

import numpy as np

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.generator.target import at_rest, revoiced

NONE = np.zeros((1, 53), np.float32)


def one(**values: float) -> Codes:
    expression = np.zeros((1, 53), np.float32)
    for name, value in values.items():
        expression[0, ARKIT.index(name)] = value
    none = np.zeros((1, 3), np.float32)
    return Codes("builtin", np.zeros(4, np.float32), expression, none, none, np.zeros((468, 3), np.float32), expression)


def test_gaze_and_the_opening_of_lids_are_the_persons_own_and_a_smile_is_not():
    kept = at_rest(one(eyeLookUp_L=0.4, eyeWide_R=0.6, eyeBlink_L=0.2, mouthSmile_L=0.9, browDown_L=0.5), NONE)[0]
    shown = {ARKIT[k]: round(float(value), 2) for k, value in enumerate(kept) if value}
    assert shown == {"eyeLookUp_L": 0.4, "eyeWide_R": 0.6, "eyeBlink_L": 0.2}


def test_eyes_caught_in_a_blink_are_opened():
    assert not at_rest(one(eyeBlink_L=0.9, eyeBlink_R=0.7), NONE).any()


def test_wide_eyes_shut_in_a_blink_as_others_do():
    blink = one(eyeBlink_L=1, eyeBlink_R=1).expression
    assert np.array_equal(at_rest(one(eyeWide_L=0.7, eyeWide_R=0.6), blink), blink)


def test_footage_that_is_given_another_emotion_keeps_its_gaze():
    source = one(eyeLookDown_R=0.5, browInnerUp_L=0.8)
    told = revoiced(source, np.zeros((1, 53), np.float32), np.zeros((1, 53), np.float32)).expression[0]
    assert told[ARKIT.index("eyeLookDown_R")] == np.float32(0.5) and told[ARKIT.index("browInnerUp_L")] == 0
