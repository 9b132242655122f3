import numpy as np
import pytest

from emodiff_core.refusal import Refusal
from emodiff_core.synthetic import flite as engine
from emodiff_core.synthetic.flite import HELD_OUT, VOICES, flite
from emodiff_core.synthetic.phones import phones
from emodiff_core.synthetic.speech import NATIVE_RATE, SILENCE

needs_flite = pytest.mark.skipif(not engine.installed(), reason="flite is optional and not installed")


@needs_flite
def test_recorded_voices_come_with_their_phonemes():
    speech = flite("My mother sings.", HELD_OUT)
    said = [p.symbol for p in speech.phonemes if p.symbol != SILENCE]
    assert said[:2] == ["m", "aɪ"] and all(phones(s) for s in said)
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds, abs=0.1)


@needs_flite
def test_a_vowel_is_louder_than_the_pauses_around_it():
    speech = flite("Ah.", VOICES[0])
    level = {
        p.symbol: np.abs(speech.native[int(p.start * NATIVE_RATE) : int(p.end * NATIVE_RATE)]).mean()
        for p in speech.phonemes
    }
    assert level["ɑ"] > 5 * level[SILENCE]


def test_without_the_program_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engine.shutil, "which", lambda name: None)
    with pytest.raises(Refusal, match="flite is not installed"):
        flite("hello", "slt")
