import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.phones import phones
from emodiff_core.synthetic.speech import SILENCE, Phoneme, utterance
from emodiff_core.synthetic.visemes import Style, lip_gap, mouth

SENTENCES = [
    ("en-us", "My mother baked five apple pies before the big party."),
    ("de", "Am Montag probt die Gruppe im alten Bahnhof."),
    ("es", "Mi primo compró un mapa pequeño para el viaje."),
    ("fr", "Ma voisine prépare une bonne soupe pour demain."),
    ("hi", "मेरी माँ बाज़ार से फल और सब्ज़ियाँ लाती है।"),
]


def _said(*symbols, each=0.12):
    return tuple(Phoneme(0.3 + i * each, 0.3 + (i + 1) * each, s) for i, s in enumerate(symbols))


@pytest.mark.parametrize(("voice", "text"), SENTENCES)
def test_lips_touch_in_the_middle_of_every_p_b_and_m(voice, text):
    speech = utterance(text, voice=voice).padded(0.3, 0.3)
    middles = [(p.start + p.end) / 2 for p in speech.phonemes if p.symbol.strip("ˈˌː")[:1] in {"p", "b", "m"}]
    assert len(middles) >= 3
    assert lip_gap(mouth(speech.phonemes, np.array(middles))).max() < 0.03


@pytest.mark.parametrize(("voice", "text"), SENTENCES)
def test_every_letter_of_the_engine_that_carries_sound_has_a_shape(voice, text):
    silent = [p.symbol for p in utterance(text, voice=voice).phonemes if p.symbol != SILENCE and not phones(p.symbol)]
    assert silent == []


def test_the_mouth_rests_in_silence_and_opens_for_a_vowel():
    said = (Phoneme(0, 0.5, SILENCE), Phoneme(0.5, 0.75, "ˈɑː"), Phoneme(0.75, 1.5, SILENCE))
    gap = lip_gap(mouth(said, np.array([0.2, 0.62, 1.2])))
    assert gap[0] < 0.02 and gap[2] < 0.02
    assert gap[1] > 0.6


def test_rounding_begins_before_its_sound():
    round_early = mouth(_said("t", "uː"), np.array([0.40]))[0]
    spread = mouth(_said("t", "iː"), np.array([0.40]))[0]
    pucker = ARKIT.index("mouthPucker")
    assert round_early[pucker] > spread[pucker] + 0.1


def test_fast_speech_undershoots():
    slow = lip_gap(mouth(_said("t", "ɑ", "t", each=0.2), np.arange(0, 1.2, 0.01))).max()
    fast = lip_gap(mouth(_said("t", "ɑ", "t", each=0.06), np.arange(0, 1.2, 0.01))).max()
    assert fast < 0.85 * slow


def test_the_curve_is_the_same_at_every_picture_rate():
    said = _said("m", "ɑ", "t", "uː", "p")
    fine = mouth(said, np.arange(0, 1.2, 1 / 1000))
    film = np.arange(0, 28) * 1001 / 24000
    assert np.abs(mouth(said, film) - fine[np.round(film * 1000).astype(int)]).max() < 0.02


def test_the_mouth_moves_smoothly():
    codes = mouth(utterance("Papa, who keeps the big maps?").phonemes, np.arange(0, 3, 1 / 200))
    assert np.abs(np.diff(codes, axis=0)).max() * 200 < 12


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["m", "ɑ", "iː", "p", "f", "ʃ", "oʊ", "tʃ", "ˈuː", SILENCE]), max_size=8),
    st.integers(0, 99),
)
def test_codes_stay_within_zero_and_one_for_any_speaker(symbols, seed):
    codes = mouth(_said(*symbols), np.arange(0, 1.6, 0.02), Style.draw(np.random.default_rng(seed)))
    assert codes.shape == (80, 53)
    assert codes.min() >= 0 and codes.max() <= 1


def test_a_speaker_with_a_lopsided_mouth_moves_one_side_more():
    codes = mouth(_said("iː"), np.array([0.36]), Style(asymmetry=0.2))[0]
    assert codes[ARKIT.index("mouthStretch_L")] > 1.2 * codes[ARKIT.index("mouthStretch_R")]
