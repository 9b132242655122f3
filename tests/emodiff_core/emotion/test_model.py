import itertools

import numpy as np
import pytest
import torch

from emodiff_core.audio import log_mel, speech_activity
from emodiff_core.emotion import EMOTIONS, EmotionModel, cue_weights, load_builtin_emotion
from emodiff_core.emotion.network import Network, Shape, normalised
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.corpus import line
from emodiff_core.synthetic.phones import SPEECH_CODES
from emodiff_core.synthetic.visemes import lip_gap, mouth

SPEECH = line("held_out", 11, language="en").spoken().padded(0.5, 0.6)
SAMPLES = SPEECH.samples
MEL, ACTIVITY = log_mel(SAMPLES), speech_activity(SAMPLES)
TIMES = np.arange(0, SPEECH.seconds, 1 / 25)


@pytest.fixture(scope="module")
def model():
    return load_builtin_emotion()


def _felt(model, emotion, intensity, **more):
    return model.trajectory(MEL, ACTIVITY, TIMES, cue_weights(TIMES, emotion, intensity), **more)


def test_lips_follow_a_voice_it_never_heard(model):
    truth = lip_gap(mouth(SPEECH.phonemes, TIMES))
    assert np.corrcoef(lip_gap(_felt(model, "neutral", 0).total), truth)[0, 1] > 0.8


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_lips_touch_in_bilabials_whatever_is_felt(model, emotion):
    middles = [(p.start + p.end) / 2 for p in SPEECH.phonemes if p.symbol.strip("ˈˌː")[:1] in {"p", "b", "m"}]
    weights = cue_weights(np.array(middles), emotion, 1.0)
    gap = lip_gap(model.trajectory(MEL, ACTIVITY, np.array(middles), weights).total)
    assert (gap < 0.06).mean() >= 0.8


def test_the_mouth_rests_in_silence(model):
    quiet = (TIMES < 0.35) | (SPEECH.phonemes[-1].start + 0.35 < TIMES)
    assert lip_gap(_felt(model, "happy", 1).total)[quiet].max() < 0.06


def test_speech_and_emotion_add_up_and_speech_does_not_depend_on_emotion(model):
    angry, plain = _felt(model, "angry", 0.7), _felt(model, "neutral", 0.0)
    assert np.allclose(angry.speech + angry.emotion, angry.total, atol=1e-6)
    assert np.array_equal(angry.speech, plain.speech)
    assert angry.total.min() >= 0 and angry.total.max() <= 1


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_more_intensity_is_more_emotion(model, emotion):
    strength = [float(np.abs(_felt(model, emotion, k).emotion).sum()) for k in (0, 0.25, 0.5, 0.75, 1)]
    assert strength[0] < 1e-3 and all(b > 1.1 * a for a, b in itertools.pairwise(strength))


def test_the_same_seed_gives_the_same_face_and_another_a_similar_one(model):
    one, again, other = (_felt(model, "sad", 1, seed=s).total for s in (3, 3, 4))
    assert np.array_equal(one, again)
    assert np.abs(one - other).max() < 0.35


def test_any_picture_rate_reads_the_same_curve(model):
    fine = np.arange(0, SPEECH.seconds, 1 / 1000)
    film = np.arange(0, SPEECH.seconds - 0.05, 1001 / 24000)
    weights = cue_weights(fine, "happy", 1)
    slow = model.trajectory(MEL, ACTIVITY, film, cue_weights(film, "happy", 1)).total
    assert (
        np.abs(slow - model.trajectory(MEL, ACTIVITY, fine, weights).total[np.round(film * 1000).astype(int)]).max()
        < 0.03
    )


def test_no_sound_at_all_is_a_face_at_rest(model):
    nothing = model.trajectory(
        np.zeros((0, 80), np.float32), np.zeros(0, np.float32), TIMES, cue_weights(TIMES, "neutral", 0)
    )
    assert nothing.total.shape == (len(TIMES), 53) and np.abs(nothing.speech).max() < 1e-6


def test_a_long_track_is_rendered_in_pieces_that_fit(model):
    rows = 6500
    mel = np.tile(MEL, (rows // len(MEL) + 1, 1))[:rows]
    activity = np.tile(ACTIVITY, rows // len(ACTIVITY) + 1)[:rows]
    times = np.arange(29, 31, 1 / 50)
    joint = model.trajectory(mel, activity, times, cue_weights(times, "neutral", 0)).speech
    alone = model.trajectory(mel[2000:4000], activity[2000:4000], times - 20, cue_weights(times, "neutral", 0)).speech
    assert np.abs(joint - alone).max() < 0.05


def test_a_quiet_or_coloured_recording_changes_little(model):
    plain = lip_gap(_felt(model, "neutral", 0).speech)
    tilted = MEL + np.linspace(-0.1, 0.1, 80, dtype=np.float32) - 0.05
    other = lip_gap(model.trajectory(tilted, ACTIVITY, TIMES, cue_weights(TIMES, "neutral", 0)).speech)
    assert np.corrcoef(plain, other)[0, 1] > 0.95


def test_a_model_is_the_same_after_saving_and_loading(tmp_path):
    torch.manual_seed(0)
    first = EmotionModel(Network(Shape(SPEECH_CODES, channels=16, hidden=8, emotion_hidden=4)))
    first.save(tmp_path)
    second = EmotionModel.load(tmp_path)
    assert np.allclose(_felt(first, "sad", 1).total, _felt(second, "sad", 1).total, atol=2e-3)
    with pytest.raises(Refusal, match="no emotion model"):
        EmotionModel.load(tmp_path / "elsewhere")


def test_normalised_sound_does_not_know_level_or_microphone():
    mel = torch.rand(1, 400, 80)
    assert torch.allclose(normalised(mel), normalised(mel + 0.2 + torch.linspace(0, 0.3, 80)), atol=0.15)
