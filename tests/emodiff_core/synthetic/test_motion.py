import numpy as np
import pytest

from emodiff_core.codes import ARKIT
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.motion import LAST_S, head_motion

TIMES = np.arange(0, 20, 1 / 50)
BEATS = (np.sin(np.arange(2000) / 25) > 0).astype(np.float32)
BLINK = ARKIT.index("eyeBlink_L")


@pytest.mark.parametrize("preset", ["still", "natural"])
def test_motion_starts_and_ends_in_the_pose_of_the_picture(preset):
    motion = head_motion(preset, TIMES, BEATS, seed=1)
    for path in (motion.rotation, motion.translation, motion.eyes):
        assert np.abs(path[[0, -1]]).max() < 0.01


def test_still_moves_eyes_only():
    motion = head_motion("still", TIMES, BEATS, seed=1)
    assert not motion.rotation.any() and not motion.translation.any()
    assert motion.eyes[:, BLINK].max() > 0.9


def test_natural_motion_is_calm_and_smooth():
    motion = head_motion("natural", np.arange(0, 60, 1 / 100), np.tile(BEATS, 3), seed=2)
    degrees = np.degrees(motion.rotation)
    assert 1 < np.abs(degrees).max() < 14
    assert np.abs(np.diff(degrees, axis=0)).max() * 100 < 40


def test_nods_follow_the_loudness_of_speech():
    loud = head_motion("natural", TIMES, BEATS, seed=5).rotation[:, 0]
    quiet = head_motion("natural", TIMES, 0 * BEATS, seed=5).rotation[:, 0]
    beat = np.interp(TIMES, np.arange(2000) / 100, BEATS)
    assert np.corrcoef((loud - quiet)[50:-50], beat[50:-50])[0, 1] > 0.2


def test_blinks_come_some_fifteen_times_a_minute_and_are_short():
    lid = head_motion("natural", np.arange(0, 300, 0.005), BEATS[:0], seed=7).eyes[:, BLINK]
    starts = np.flatnonzero((lid[1:] > 0.5) & (lid[:-1] <= 0.5))
    assert 8 < len(starts) / 5 < 25
    assert (lid > 0.5).sum() * 0.005 / len(starts) < 0.25


def test_the_curve_does_not_depend_on_the_picture_rate():
    slow = head_motion("natural", np.arange(0, 10, 1 / 25), BEATS, seed=3)
    fast = head_motion("natural", np.append(np.arange(0, 249) / 25 * 1.0, 9.96), BEATS, seed=3)
    assert np.allclose(slow.rotation[:249], fast.rotation[:249], atol=1e-5)


@pytest.mark.parametrize("preset", ["still", "natural"])
def test_a_longer_speech_begins_as_the_shorter_one_did(preset):
    longer, loud = np.arange(0, 27, 1 / 50), np.append(BEATS, BEATS[:700])
    short, long = head_motion(preset, TIMES, BEATS, seed=4), head_motion(preset, longer, loud, seed=4)
    same = TIMES[-1] - LAST_S > TIMES
    for one, other in zip((short.rotation, short.eyes), (long.rotation, long.eyes), strict=True):
        assert np.array_equal(one[same], other[: len(TIMES)][same])
    assert not np.array_equal(short.eyes, long.eyes[: len(TIMES)])


def test_the_seed_decides_and_an_unknown_preset_is_refused():
    a, b = (head_motion("natural", TIMES, BEATS, seed=s).rotation for s in (1, 2))
    assert np.array_equal(a, head_motion("natural", TIMES, BEATS, seed=1).rotation)
    assert not np.array_equal(a, b)
    with pytest.raises(Refusal, match="dancing"):
        head_motion("dancing", TIMES, BEATS, seed=1)
