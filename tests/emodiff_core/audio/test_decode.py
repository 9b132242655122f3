"""Any file in, the same sound out: containers, codecs, rates, layouts; aligned to the sample."""

from pathlib import Path

import numpy as np
import pytest

from emodiff_core.audio import probe_sound, read_sound, read_wav, stream_sound, write_wav
from emodiff_core.refusal import Refusal
from tests.poison import MORE, TEN, ffmpeg
from tests.poison import write_wav as make_wav
from tests.voice import say

CENTRE_ONLY = "pan=5.1|FC=c0|LFE=0*c0|FL=0*c0|FR=0*c0|BL=0*c0|BR=0*c0"
FORMS = {
    "a.flac": [],
    "a.mp3": ["-b:a", "192k"],
    "a.m4a": ["-b:a", "192k"],
    "vorbis.ogg": ["-c:a", "libvorbis"],
    "opus.ogg": ["-c:a", "libopus"],
    "stereo.wav": ["-ac", "2"],
    "surround.wav": ["-af", CENTRE_ONLY],
    "surround.m4a": ["-af", CENTRE_ONLY, "-b:a", "384k"],
    "phone.wav": ["-ar", "8000", "-c:a", "pcm_u8"],
    "studio.wav": ["-ar", "96000", "-c:a", "pcm_f32le"],
    "deep.wav": ["-c:a", "pcm_s24le"],
    "odd.wav": ["-ar", "37800"],
}


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    return say(tmp_path_factory.mktemp("speech") / "s.wav", "Ship it tonight, please.")


def lag(one: np.ndarray, other: np.ndarray) -> int:
    size = 2 * max(len(one), len(other))
    peak = np.fft.irfft(np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size)).argmax()
    return int(peak) if peak < size // 2 else int(peak) - size


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_sound_at_the_same_sample(name, speech, tmp_path):
    ffmpeg("-i", speech, *FORMS[name], tmp_path / name)
    expected, sound = read_sound(speech, 48000, 1)[:, 0], read_sound(tmp_path / name, 48000, 1)[:, 0]
    assert lag(expected, sound) == 0
    assert abs(len(sound) - len(expected)) <= 6
    both = min(len(sound), len(expected))
    assert np.corrcoef(expected[:both], sound[:both])[0, 1] > 0.97


def test_mono_stays_mono_and_the_rest_becomes_stereo(speech, tmp_path):
    ffmpeg("-i", speech, "-af", CENTRE_ONLY, tmp_path / "six.wav")
    assert read_sound(speech, 48000).shape[1] == 1
    assert read_sound(tmp_path / "six.wav", 48000).shape[1] == 2
    assert read_sound(speech, 48000, 2).shape[1] == 2


def test_surround_folds_down_with_the_weights_of_the_itu(tmp_path):
    levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]  # FL FR FC LFE SL SR
    six = np.repeat(np.array(levels)[None], 4800, axis=0)
    sound = read_sound(make_wav(tmp_path / "six.wav", six), 48000)[2400]
    np.testing.assert_allclose(sound, [0.1 + 0.7071 * (0.3 + 0.5), 0.2 + 0.7071 * (0.3 + 0.6)], atol=1e-3)


def test_resampling_lets_no_alias_through(tmp_path):
    high = make_wav(tmp_path / "high.wav", 0.5 * np.sin(2 * np.pi * 9000 * np.arange(48000) / 48000))
    assert np.abs(read_sound(high, 16000)[1000:-1000]).max() < 1e-4


def test_a_second_stays_a_second_whatever_the_rate(tmp_path):
    for rate in (8000, 11025, 22050, 44100, 48000, 96000):
        path = make_wav(tmp_path / f"{rate}.wav", np.random.default_rng(0).normal(0, 0.1, rate), rate)
        assert abs(len(read_sound(path, 48000)) - 48000) <= 1
        assert abs(len(read_sound(path, 16000)) - 16000) <= 1


def test_a_hole_in_the_timestamps_becomes_silence(speech, tmp_path):
    ffmpeg("-i", speech, "-af", "asetpts=PTS+if(gt(T\\,0.5)\\,1/TB\\,0)", "-c:a", "flac", tmp_path / "hole.mkv")
    whole, holed = read_sound(speech, 16000), read_sound(tmp_path / "hole.mkv", 16000)
    assert abs(len(holed) - len(whole) - 16000) < 200
    assert np.abs(holed[10000:20000]).max() < 1e-3


def test_a_streamed_wav_without_sizes_is_read(speech, tmp_path):
    data = bytearray(speech.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    (tmp_path / "pipe.wav").write_bytes(data)
    np.testing.assert_array_equal(read_sound(tmp_path / "pipe.wav", 16000), read_sound(speech, 16000))


@pytest.mark.parametrize("ending", ["wav", "flac", "m4a"])
def test_half_an_upload_is_refused(ending, speech, tmp_path):
    ffmpeg("-i", speech, tmp_path / f"whole.{ending}")
    data = (tmp_path / f"whole.{ending}").read_bytes()
    (tmp_path / f"half.{ending}").write_bytes(data[: len(data) // 2])
    with pytest.raises(Refusal) as refusal:
        read_sound(tmp_path / f"half.{ending}", 16000)
    assert refusal.value.code == "CORRUPT_MEDIA"


@pytest.mark.parametrize("poison", [p for p in (*TEN, *MORE) if p.column == "speech"], ids=lambda p: p.name)
def test_bad_files_are_refused_or_left_to_the_stage(poison, tmp_path):
    path = poison.make(tmp_path)
    if poison.code in ("AUDIO_TOO_SHORT", "AUDIO_SILENT"):
        assert len(read_sound(path, 48000))
    else:
        with pytest.raises(Refusal) as refusal:
            read_sound(path, 48000)
        assert refusal.value.code == poison.code


def test_what_is_too_long_is_refused_before_it_is_decoded(speech):
    with pytest.raises(Refusal, match="at most 1 s"):
        probe_sound(speech, max_seconds=1)


def test_wav_there_and_back_is_exact(tmp_path):
    sound = (np.random.default_rng(0).integers(-32767, 32768, (100000, 2)) / np.float32(32767)).astype(np.float32)
    written = write_wav(tmp_path / "a.wav", lambda: [sound[:70000], sound[70000:]], 48000)
    assert (written.samples, written.channels, written.gain) == (100000, 2, 1.0)
    np.testing.assert_array_equal(np.concatenate(list(read_wav(tmp_path / "a.wav"))), sound)


def test_memory_does_not_grow_with_length(tmp_path):
    long = make_wav(tmp_path / "long.wav", np.random.default_rng(0).normal(0, 0.1, 60 * 48000))
    assert max(len(chunk) for chunk in stream_sound(long, 16000)) < 16000
