import json
from pathlib import Path

import numpy as np
import pytest

from emodiff_core.synthetic import corpus
from emodiff_core.synthetic.corpus import LANGUAGES, VARIANTS, line, nonsense, sentence
from emodiff_core.synthetic.phones import phones
from emodiff_core.synthetic.speech import SILENCE

SENTENCES = json.loads(Path(corpus.__file__).with_name("sentences.json").read_text("utf8"))


def test_no_voice_is_in_two_splits():
    every = [v for split in VARIANTS.values() for v in split]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_clause_of_a_held_out_sentence_was_trained_on(language):
    random = np.random.default_rng(0)
    trained = " ".join(sentence(language, "train", random) for _ in range(300))
    unseen = [clause for part in ("when", "what", "why") for clause in SENTENCES[language][part][-2:]]
    assert not [c for c in unseen if c in trained]
    assert any(c in sentence(language, "held_out", random) for c in unseen)


def test_a_line_is_decided_by_its_seed_and_spoken_alike():
    assert line("train", 5) == line("train", 5) != line("train", 6)
    assert np.array_equal(line("train", 5).spoken().native, line("train", 5).spoken().native)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_spoken_with_shapes_for_every_sound(language):
    speech = line("held_out", 3, language=language).spoken()
    assert speech.seconds > 1.5
    assert not [p for p in speech.phonemes if p.symbol != SILENCE and not phones(p.symbol)]


def test_anger_is_louder_than_sadness():
    level = {e: np.square(line("train", 9, e, 1.0).spoken().native).mean() for e in ("angry", "sad")}
    assert level["angry"] > 4 * level["sad"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nonsense_is_never_the_same_and_can_be_spoken(language):
    random = np.random.default_rng(1)
    said = {nonsense(language, random) for _ in range(50)}
    assert len(said) == 50 and all(len(s.split()) >= 6 for s in said)
