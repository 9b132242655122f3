"""Speech activity against the phoneme times that espeak-ng reports, and against sounds that are no speech."""

import numpy as np
import pytest

from emodiff_core.audio import activity, log_mel, speech_activity
from emodiff_core.synthetic.speech import SILENCE, Speech, utterance


@pytest.fixture(scope="module")
def talk() -> Speech:
    german = utterance("Wenn der Hahn kräht auf dem Mist, ändert sich das Wetter.", "de").padded(2, 1)
    return utterance("The quick brown fox jumps over the lazy dog.").padded(1.5, 0).then(german)


def truth(speech: Speech, rows: int) -> np.ndarray:
    spoken = np.zeros(rows, bool)
    for phoneme in speech.phonemes:
        if phoneme.symbol != SILENCE:
            spoken[round(phoneme.start * 100) : round(phoneme.end * 100)] = True
    return spoken


def noise(kind: str, level: float, size: int) -> np.ndarray:
    white = np.random.default_rng(0).normal(0, 1, size)
    shaped = {"white": white, "rumble": np.convolve(white, np.ones(40) / 40, "same")}[kind]
    return (level * shaped / shaped.std()).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "ratio"), [("white", 60), ("white", 30), ("white", 20), ("rumble", 20), ("rumble", 10)]
)
def test_speech_is_told_from_pauses_in_noise(kind, ratio, talk):
    samples = talk.samples
    level = float(np.sqrt(np.square(samples[np.abs(samples) > 0.01]).mean())) * 10 ** (-ratio / 20)
    active = speech_activity(samples + noise(kind, level, len(samples))) > 0.5
    spoken = truth(talk, len(active))
    assert active[spoken].mean() > 0.85
    assert active[~spoken].mean() < 0.1


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.0])
def test_the_level_of_the_recording_does_not_matter(gain, talk):
    reference, scaled = speech_activity(talk.samples), speech_activity(talk.samples * np.float32(gain))
    assert ((reference > 0.5) == (scaled > 0.5)).mean() > 0.99


@pytest.mark.parametrize("level", [0.001, 0.1])
@pytest.mark.parametrize("kind", ["white", "rumble"])
@pytest.mark.parametrize("burst", [False, True])
def test_steady_noise_is_no_speech_even_when_it_begins_suddenly(kind, level, burst):
    samples = noise(kind, level, 160000)
    if burst:
        samples[:48000] = samples[120000:] = 0
    assert (speech_activity(samples) > 0.5).mean() < 0.02


def test_a_hum_is_no_speech():
    time = np.arange(160000) / 16000
    hum = sum(0.1 * np.sin(2 * np.pi * harmonic * 50 * time) for harmonic in (1, 3, 5)).astype(np.float32)
    hum[:48000] = 0
    assert (speech_activity(hum) > 0.5).mean() < 0.02


def test_rows_are_those_of_the_features(talk):
    samples = talk.samples
    assert len(speech_activity(samples)) == len(log_mel(samples))
    assert len(speech_activity(np.zeros(0, np.float32))) == 0
    assert not speech_activity(np.zeros(16000, np.float32)).any()


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 30_000])
def test_the_loudest_of_a_long_track_is_told_from_some_of_it_at_a_time(count, monkeypatch):
    samples = np.random.default_rng(count).laplace(0, 0.1, count).astype(np.float32)
    monkeypatch.setattr(activity, "_CHUNK", 700)
    assert activity._loud(samples) == float(np.percentile(np.abs(samples), 99.9))
