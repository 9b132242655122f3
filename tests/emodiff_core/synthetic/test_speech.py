import threading

import numpy as np
import pytest

from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.speech import NATIVE_RATE, RATE, SILENCE, utterance


def test_phonemes_cover_the_sound_in_order_and_without_gaps():
    speech = utterance("My mother bought a map of Peru.").padded(0.2, 0.3)
    ends = [p.end for p in speech.phonemes]
    assert speech.phonemes[0].start == 0
    assert np.allclose([p.start for p in speech.phonemes[1:]], ends[:-1], atol=0.006)
    assert ends[-1] == pytest.approx(speech.seconds, abs=0.01)


def test_a_hiss_is_where_its_phoneme_is():
    speech = utterance("a saw, a sea, a sue")
    level = np.abs(np.diff(speech.native))
    hiss, rest = [], []
    for p in speech.phonemes:
        part = level[round(p.start * NATIVE_RATE) : round(p.end * NATIVE_RATE)]
        (hiss if p.symbol == "s" else rest).append(part)
    centre = [part[len(part) // 4 : -len(part) // 4].mean() for part in hiss]
    assert len(centre) == 3
    assert min(centre) > 1.5 * np.concatenate(rest).mean()


def test_voiceless_stops_hold_their_closure_in_the_silence_before_the_burst():
    speech = utterance("a map, a pipe")
    for p in speech.phonemes:
        if p.symbol == "p":
            part = speech.native[round(p.start * NATIVE_RATE) : round((p.end - 0.012) * NATIVE_RATE)]
            assert p.end - p.start >= 0.03
            assert np.sqrt((part**2).mean()) < 0.1 * np.abs(speech.native).max()


def test_the_same_call_gives_the_same_sound_whatever_other_threads_say():
    alone = utterance("Good evening.", voice="en-gb-x-rp", pitch=40)
    heard = []

    def speak(voice, pitch):
        heard.append((voice, utterance("Good evening.", voice=voice, pitch=pitch)))

    voices = ("en-gb-x-rp", "de", "es", "en-gb-x-rp", "fr", "en-gb-x-rp")
    crowd = [threading.Thread(target=speak, args=(v, 40)) for v in voices]
    [t.start() for t in crowd]
    [t.join() for t in crowd]
    same = [s for v, s in heard if v == "en-gb-x-rp"]
    assert len(same) == 3
    assert all(np.array_equal(s.native, alone.native) and s.phonemes == alone.phonemes for s in same)


def test_sixteen_kilohertz_samples_last_as_long_as_the_native_ones():
    speech = utterance("Guten Abend zusammen.", voice="de")
    assert len(speech.samples) / RATE == pytest.approx(speech.seconds, abs=1e-3)
    assert speech.samples.dtype == np.float32


def test_stretched_speech_keeps_sound_and_times_together():
    speech = utterance("Buenas noches.", voice="es")
    slow = speech.stretched(1.2)
    assert slow.seconds == pytest.approx(1.2 * speech.seconds, abs=1e-3)
    assert slow.phonemes[-1].end == pytest.approx(1.2 * speech.phonemes[-1].end)


def test_two_utterances_follow_each_other():
    one, two = utterance("one"), utterance("two")
    both = one.padded(0, 0.5).then(two)
    assert both.seconds == pytest.approx(one.seconds + two.seconds + 0.5, abs=1e-3)
    assert any(p.symbol == SILENCE and p.end - p.start >= 0.49 for p in both.phonemes)


def test_an_unknown_voice_is_refused_by_name():
    with pytest.raises(Refusal, match="klingonish") as caught:
        utterance("hello", voice="klingonish")
    assert caught.value.code == "UNKNOWN_VOICE"
