"""The audio stage on real files: what it leaves, and what it refuses."""

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import Wav2Vec2Config, Wav2Vec2Model

from emodiff_core.audio import read_sound
from emodiff_core.refusal import Refusal
from infra.errors import SetupError
from infra.settings import Settings
from tasks.audio import Audio
from tasks.jobs import Job
from tasks.stage import Item, Result
from tests.poison import MORE, TEN, ffmpeg, write_wav
from tests.voice import say

SPEECH = [poison for poison in (*TEN, *MORE) if poison.column == "speech"]


def run(speech: Path, out: Path, settings: Settings | None = None) -> Result:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    job = Job(job_id="a", picture="p.png", speech=str(speech), language="en")
    stage = Audio()
    stage.setup(settings or Settings())
    return stage.run(Item(job, {"speech": speech}, out, settings or Settings()))


def test_the_artifact_holds_speech_features_and_facts(tmp_path):
    speech = say(tmp_path / "s.wav", "The quick brown fox jumps over the lazy dog.")
    result = run(speech, tmp_path / "out")
    facts = json.loads((tmp_path / "out/audio.json").read_text())
    features = load_file(tmp_path / "out/features.safetensors")
    assert Fraction(facts["samples"], 48000) == pytest.approx(facts["seconds"])
    assert features["mel"].shape == (-(-facts["samples"] * 100 // 48000), 80)
    assert features["activity"].shape == features["mel"].shape[:1]
    assert read_sound(tmp_path / "out/speech.wav", 48000).shape == (facts["samples"], 1)
    assert facts["source_sample_rate"] == 22050 and -40 < facts["loudness_lufs"] < -10
    assert 0.5 < facts["spoken"] <= 1 and result.findings == ()


def test_the_same_speech_gives_the_same_bytes(tmp_path):
    speech = say(tmp_path / "s.wav", "Twice.")
    run(speech, tmp_path / "a")
    run(speech, tmp_path / "b")
    for name in ("speech.wav", "features.safetensors", "audio.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("poison", SPEECH, ids=lambda poison: poison.name)
def test_unusable_speech_is_refused_with_its_own_code_and_a_hint(poison, tmp_path):
    with pytest.raises(Refusal) as refusal:
        run(poison.make(tmp_path), tmp_path / "out")
    assert refusal.value.code == poison.code
    assert poison.make(tmp_path).name in refusal.value.message and refusal.value.hint


def test_a_recording_without_a_word_is_kept_with_a_warning(tmp_path):
    hiss = write_wav(tmp_path / "hiss.wav", np.random.default_rng(0).normal(0, 0.02, 3 * 48000))
    assert [finding.code for finding in run(hiss, tmp_path / "out").findings] == ["NO_SPEECH"]


def test_a_loud_surround_mix_is_turned_down_rather_than_clipped(tmp_path):
    tone = np.repeat(0.95 * np.sin(np.arange(48000) / 20)[:, None], 6, axis=1)
    loud = write_wav(tmp_path / "loud.wav", tone)
    result = run(loud, tmp_path / "out")
    facts = json.loads((tmp_path / "out/audio.json").read_text())
    assert "TURNED_DOWN" in [finding.code for finding in result.findings]
    assert facts["peak_dbfs"] == pytest.approx(0, abs=0.01) and facts["gain_db"] < -6 and facts["channels"] == 2


def test_the_sound_of_a_video_can_be_the_speech(tmp_path):
    speech = say(tmp_path / "s.wav", "From a film.")
    ffmpeg("-f", "lavfi", "-i", "color=s=64x64:d=1", "-i", speech, "-c:a", "aac", tmp_path / "film.mp4")
    run(speech, tmp_path / "a")
    run(tmp_path / "film.mp4", tmp_path / "b")
    one, other = (json.loads((tmp_path / x / "audio.json").read_text()) for x in "ab")
    assert abs(one["samples"] - other["samples"]) <= 2


def test_a_saved_speech_model_adds_its_features_on_the_same_rows(tmp_path):
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = Wav2Vec2Config(**size, conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)
    Wav2Vec2Model(config).save_pretrained(tmp_path / "model")
    settings = Settings(audio={"features": str(tmp_path / "model")})
    run(say(tmp_path / "s.wav", "Hello there."), tmp_path / "out", settings)
    features = load_file(tmp_path / "out/features.safetensors")
    assert features["features"].shape == (len(features["mel"]), 32)


def test_a_speech_model_that_is_not_there_is_a_matter_of_setup(tmp_path):
    with pytest.raises(SetupError, match="MODEL_MISSING"):
        Audio().setup(Settings(audio={"features": str(tmp_path / "nothing")}))


def test_no_subprocess_is_needed(tmp_path, monkeypatch):
    speech = say(tmp_path / "s.wav", "Alone.")
    monkeypatch.setattr(subprocess, "Popen", None)
    run(speech, tmp_path / "out")
