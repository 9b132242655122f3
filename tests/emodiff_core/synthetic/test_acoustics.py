import numpy as np
import pytest

from emodiff_core.synthetic.acoustics import RATE, in_room, levelled, noise, recorded
from emodiff_core.synthetic.speech import utterance

SAMPLES = utterance("People like beautiful maps.").padded(0.2, 0.2).samples


@pytest.mark.parametrize("seed", range(8))
def test_a_recording_keeps_length_and_timing(seed):
    out = recorded(SAMPLES, np.random.default_rng(seed), babble=SAMPLES[::-1])
    assert out.shape == SAMPLES.shape and out.dtype == np.float32 and np.abs(out).max() <= 1
    loud, was = (np.convolve(np.abs(x), np.ones(400) / 400, "same")[::160] for x in (out, SAMPLES))
    lags = [np.corrcoef(np.roll(loud, k), was)[0, 1] for k in range(-8, 9)]
    assert abs(int(np.argmax(lags)) - 8) <= 2


def test_the_direct_sound_of_a_room_does_not_move():
    click = np.zeros(RATE)
    click[4000] = 1
    out = in_room(click, 0.4, 0.3, np.random.default_rng(0))
    assert np.argmax(np.abs(out)) == 4000 and np.abs(out[4100:8000]).max() > 0


def test_levels_are_what_they_say():
    random = np.random.default_rng(0)
    assert 20 * np.log10(noise(RATE, -50, random).std()) == pytest.approx(-50, abs=0.5)
    loud = levelled(SAMPLES.astype(float), -20)
    blocks = np.square(loud[: len(loud) // 400 * 400].reshape(-1, 400)).mean(1)
    assert 10 * np.log10(blocks[blocks >= np.median(blocks)].mean()) == pytest.approx(-20, abs=0.3)


def test_silence_stays_silent_under_a_level():
    assert not levelled(np.zeros(800), -20).any()
