"""Loudness against the examples of EBU Tech 3341 and against ffmpeg's own meter."""

import re
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from emodiff_core.audio import measure_levels, stream_sound
from tests.voice import say


def tone(level: float, seconds: float) -> np.ndarray:
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * 48000)) / 48000)
    return np.repeat(wave[:, None], 2, axis=1).astype(np.float32)


@pytest.mark.parametrize("level", [-23, -33])
def test_a_tone_has_the_loudness_that_tech_3341_states(level):
    assert measure_levels([tone(level, 20)]).loudness == pytest.approx(level, abs=0.1)


def test_silence_around_a_tone_is_gated_out():
    """EBU Tech 3341, test 3: -36, -23 and -36 dBFS read -23.0 LUFS."""
    parts = [tone(-36, 10), tone(-23, 60), tone(-36, 10)]
    assert measure_levels(parts).loudness == pytest.approx(-23, abs=0.1)


def test_the_meter_agrees_with_ffmpeg(tmp_path):
    speech = say(tmp_path / "s.wav", "The quick brown fox jumps over the lazy dog.", before=1, after=1)
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", speech, "-af", "aresample=48000,ebur128", "-f", "null", "-"]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stderr
    golden = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
    assert measure_levels(stream_sound(speech, 48000)).loudness == pytest.approx(golden, abs=0.1)


def test_how_a_sound_is_cut_into_chunks_changes_nothing():
    noise = np.random.default_rng(0).normal(0, 0.1, (200000, 2)).astype(np.float32)
    parts = np.array_split(noise, [1, 5000, 5001, 123456])
    assert measure_levels(parts).loudness == pytest.approx(measure_levels([noise]).loudness, abs=1e-9)


def test_digital_silence_is_minus_infinity():
    levels = measure_levels([np.zeros((96000, 1), np.float32)])
    assert levels.loudness == levels.peak == -np.inf
