"""The commands that train and measure, as an operator types them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EMOTIONS = {"happy", "sad", "angry", "fear", "disgusted", "surprised", "contempt"}
KEYS = {
    "mouth_corr", "mouth_offset_frames", "mouth_corr_audio_only", "silence_closed", "bilabial_closed",
    "emotion_spearman", "emotion_top1", "identity_top1", "psnr", "ssim", "mouth_psnr", "flicker_ratio", "drift_db",
    "steps", "frames_per_second",
}  # fmt: skip


def emodiff(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *words, "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    words = ("train", "generator", "--preset", "tiny", "--data", "pairs", "--out", "run")
    done = emodiff(folder, *words, "--figures", "none", "--baselines")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_generator_is_trained_from_nothing_and_says_what_it_was_made_of(trained):
    run = trained / "run"
    assert (run / "weights" / "diffusion_pytorch_model.safetensors").is_file()
    assert len((run / "curve.csv").read_text().splitlines()) == 3
    assert len(list((run / "sheets").glob("*.png"))) == 2
    card = (run / "weights" / "card.md").read_text("utf8")
    assert "| steps | 6 of 4 windows" in card and "--people 0:1 --steps 6" in card
    assert "`paper form` learned for 6 steps of 4" in " ".join(card.split())


def test_an_evaluation_prints_every_figure_beside_its_baselines(trained):
    rivals = ("--twin", "run/regression/model", "--paper", "run/paper/model")
    words = ("evaluate", "--preset", "tiny", "--weights", "run/weights", "--quick", "--out", "seen")
    done = emodiff(trained, *words, *rivals)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metrics"].keys() >= KEYS
    assert set(found["metrics"]["emotion_spearman"]) == EMOTIONS
    assert {"picture held", "guide alone", "regression", "paper form", "truth"} <= found["baselines"].keys()
    assert not found["baselines"]["picture held"]["silence_closed"] > 0.5
    assert found["metrics"]["codec_lossless"] is True
    assert list((trained / "seen" / "sheets").glob("clip*.png"))


def test_an_emotion_model_is_trained_from_nothing_and_says_how_it_fares(tmp_path):
    done = emodiff(tmp_path, "train", "emotion", "--preset", "tiny", "--work", "work", "--out", "weights")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "weights" / "model.safetensors").is_file()
    assert "| bilabial_closed |" in (tmp_path / "weights" / "card.md").read_text("utf8")


def test_a_preset_that_is_not_known_is_refused_with_those_that_are(tmp_path):
    done = emodiff(tmp_path, "train", "generator", "--preset", "huge")
    assert done.returncode == 2
    assert "tiny, demo, large" in json.loads(done.stdout)["error"]["hint"]


@pytest.mark.slow
def test_a_training_that_is_killed_ends_with_the_same_weights(trained):
    words = ["train", "generator", "--preset", "tiny", "--data", "pairs", "--figures", "none", "--steps", "24"]
    assert emodiff(trained, *words, "--out", "whole").returncode == 0
    killed = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *words, "--out", "parts"], cwd=trained, env=environment()
    )
    while not (trained / "parts" / "checkpoint.pt").exists():
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert emodiff(trained, *words, "--out", "parts").returncode == 0
    whole, parts = (trained / name / "weights" / "diffusion_pytorch_model.safetensors" for name in ("whole", "parts"))
    assert hashlib.sha256(whole.read_bytes()).digest() == hashlib.sha256(parts.read_bytes()).digest()
