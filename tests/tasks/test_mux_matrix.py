"""Every rate, container, offset and depth: as many frames, at the same times, untouched outside the mask, the speech on
its sample; read by ffmpeg's own program."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from infra.settings import Settings
from tasks.jobs import Job
from tasks.mux import Mux
from tests.poison import write_wav
from tests.tasks.artifacts import footage_crop, item_of, speech_audio, take
from tests.tasks.footage import HEIGHT, WIDTH, film, read

FRAMES, EDITED = 16, range(4, 9)
CROP = (17, 9, 28, 26)
RATES = ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "variable"]
CONTAINERS = ["mp4", "mov", "mkv"]
OFFSETS = ["none", "picture", "sound"]
DEPTHS = [8, 10]
EVERY = list(product(RATES, CONTAINERS, OFFSETS, DEPTHS))
# Every rate in every container, and with them each offset and depth; the rest runs behind `slow`.
CHOSEN = [
    (rate, container, OFFSETS[(i + j) % 3], DEPTHS[(i + j // 2) % 2])
    for i, rate in enumerate(RATES)
    for j, container in enumerate(CONTAINERS)
]
DELIVERY = {("mp4", 8): "h264", ("mp4", 10): "hevc", ("mov", 8): "prores", ("mov", 10): "prores"}
STORED = {"h264": "yuv420p", "prores": "yuv422p10le", "hevc": "yuv420p10le"}


def times_of(rate: str, offset: str) -> list[Fraction]:
    start = Fraction(1, 2) if offset == "picture" else Fraction(0)
    if rate == "variable":
        return [start + Fraction(k + k // 3 + k // 7, 25) for k in range(FRAMES)]
    # A start of whole frames, so that the file's clock can say it.
    return [(-(-start * Fraction(rate) // 1) + k) / Fraction(rate) for k in range(FRAMES)]


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    noise = np.random.default_rng(0).normal(0, 0.2, 9600) * np.hanning(9600)
    return speech_audio(folder / "audio", write_wav(folder / "s.wav", noise))


def oval() -> np.ndarray:
    row, column = np.mgrid[: CROP[3], : CROP[2]]
    away = np.hypot((row - CROP[3] / 2) / (CROP[3] / 2), (column - CROP[2] / 2) / (CROP[2] / 2))
    return np.clip(255 * 4 * (0.9 - away), 0, 255).astype(np.uint8)


def dub(folder: Path, video: Path, audio: Path, delivery: str) -> Path:
    """The deliverable of a job whose take is a grey face in some of the frames."""
    faces = [np.full((CROP[3], CROP[2], 3), 90 + 8 * k, np.uint8) for k in EDITED]
    made = take(folder / "take", EDITED.start, faces, mask=oval())
    inputs = {"crop": footage_crop(folder / "crop", video, CROP), "audio": audio, "picture": video}
    job = Job(job_id="j", picture="p", speech="s", language="pt-BR", delivery=delivery)
    item = item_of(folder / "mux", inputs | {"generate/000": made}, job, Settings(mux={"footage_qp": 0}))
    stage = Mux()
    stage.setup(item.settings)
    stage.run(item)
    (found,) = item.out.glob("video.m*")
    return found


def untouched(plane: np.ndarray) -> np.ndarray:
    """(N, rows, columns) whether a sample shows no pixel of the mask."""
    whole = np.zeros((FRAMES, HEIGHT, WIDTH), bool)
    x, y, w, h = CROP
    whole[EDITED.start : EDITED.stop, y : y + h, x : x + w] = oval() > 0
    down, across = HEIGHT // plane.shape[1], WIDTH // plane.shape[2]
    return ~whole.reshape(FRAMES, plane.shape[1], down, plane.shape[2], across).any((2, 4))


def check(folder: Path, audio: Path, rate: str, container: str, offset: str, depth: int) -> None:
    times = times_of(rate, offset)
    pixels = "yuv420p10le" if depth == 10 else "yuv420p"
    sound_from = Fraction(3, 10) if offset == "sound" else Fraction(0)
    video = film(folder / f"v.{container}", times, pixels, sound_from)
    delivery = DELIVERY.get((container, depth), "ffv1")
    stored = STORED.get(delivery, pixels)
    before, after = read(video, stored), read(dub(folder, video, audio, delivery), stored)
    tick = Fraction(1, 2000) if container == "mkv" else Fraction(0)
    assert len(before.times) == FRAMES
    assert max(abs(a - b) for a, b in zip(before.times, times, strict=True)) <= tick
    assert after.times == before.times
    for old, new in zip(before.planes, after.planes, strict=True):
        same = untouched(old)
        assert 0 < (~same[EDITED.start]).sum() < same[0].size
        error = np.square(old[same].astype(float) - new[same]).mean() / (1 << 2 * (8 if stored == "yuv420p" else 10))
        assert error == 0 if delivery != "prores" else error < 1e-5, "nothing, or 50 dB where the codec loses"
        assert np.abs(old[~same].astype(float) - new[~same]).max() > 0
    spoken = np.frombuffer((audio / "speech.wav").read_bytes()[44:], np.int16) / 32768
    first = float(before.times[0])
    lag = int(correlate(after.sound, spoken, "valid", "fft").argmax()) / 48000 + float(after.sound_start) - first
    assert abs(lag) <= 1 / 48000
    assert abs(len(after.sound) / 48000 - float(times[-1] + 1 / Fraction(25))) < 0.1


@pytest.mark.parametrize(("rate", "container", "offset", "depth"), CHOSEN)
def test_a_dub_changes_the_face_and_nothing_else(rate, container, offset, depth, audio, tmp_path):
    check(tmp_path, audio, rate, container, offset, depth)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "container", "offset", "depth"), [one for one in EVERY if one not in CHOSEN])
def test_so_does_every_other_combination(rate, container, offset, depth, audio, tmp_path):
    check(tmp_path, audio, rate, container, offset, depth)
