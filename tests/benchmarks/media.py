"""Media work against ffmpeg's own program on the same file with the same encoder settings."""

import resource
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from emodiff_core.audio import log_mel, read_sound, speech_activity
from emodiff_core.media import decode, probe, read_lossless, write_lossless
from infra.settings import Settings
from tasks.mux import Mux
from tests.poison import ffmpeg, good_video
from tests.tasks.artifacts import JOB, footage_crop, item_of, speech_audio, take

ROUNDS = 3
Row = dict[str, str | float]


def rows(seconds: float = 4.0, size: str = "1920x1080") -> list[Row]:
    """One row a measure: what, its figure and unit, and the same work in ffmpeg alone where there is such a thing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = good_video(folder / "v.mp4", seconds, size)
        return [_decoding(video), *_dubbing(video, folder), *_lossless(video, folder), *_sound(video)]


def _decoding(video: Path) -> Row:
    count = probe(video).frames
    ours = _timed(lambda: sum(1 for _ in decode(video)))
    plain = _timed(lambda: ffmpeg("-threads", "2", "-i", video, "-pix_fmt", "rgb24", "-f", "rawvideo", "/dev/null"))
    return _row("decode to RGB", count / ours, "frames/s", count / plain)


def _dubbing(video: Path, folder: Path) -> list[Row]:
    """The mux stage on footage whose every frame has a take, and ffmpeg's own transcode with the same settings, in
    turns: seconds of the clock, and of all cores together, which neighbours disturb less."""
    about, settings = probe(video), Settings(mux={"ffmpeg": "bundled"})
    inputs = _artifacts(video, folder, about.frames)
    stage, rate = Mux(), about.frames
    stage.setup(settings)
    mux = settings.mux
    coding = ["-c:v", "libx264", "-qp", mux.footage_qp, "-tune", "psnr", "-preset", mux.preset, "-threads", mux.threads]
    plain = ["-i", video, "-i", inputs["audio"] / "speech.wav", "-map", "0:v", "-map", "1:a", "-map", "0:a"]
    plain += [*map(str, coding), "-c:a:0", "aac", "-b:a:0", "192k", "-c:a:1", "copy", "-movflags", "+faststart"]
    found = np.array(
        [
            (
                *_cost(lambda k=k: stage.run(item_of(folder / f"mux{k}", inputs, JOB, settings))),
                *_cost(lambda: ffmpeg(*plain, folder / "plain.mp4")),
            )
            for k in range(ROUNDS)
        ]
    )
    wall, cores, plain_wall, plain_cores = (float(value) for value in np.median(found, 0))
    what = "decode, composite, encode H.264"
    return [
        _row(f"{what}: clock", rate / wall, "frames/s", rate / plain_wall),
        _row(f"{what}: cores", rate / cores, "frames/core s", rate / plain_cores),
    ]


def _artifacts(video: Path, folder: Path, frames: int) -> dict[str, Path]:
    """What mux reads: a face-shaped mask a quarter of the picture's height wide, other pixels in every frame."""
    about = probe(video)
    side = about.height // 2
    crop = (about.width // 3, about.height // 5, side, side)
    row, column = np.mgrid[:side, :side] - side / 2
    mask = np.clip(255 * 6 * (0.8 - np.hypot(row, column * 1.3) / (side / 2)), 0, 255).astype(np.uint8)
    x, y, w, h = crop
    pictures = (cv2.GaussianBlur(f.picture[y : y + h, x : x + w], (0, 0), 2) for f in decode(video))
    crops = footage_crop(folder / "crop", video, crop)
    speech = ffmpeg_sound(video, folder / "speech.wav")
    made = take(folder / "take", 0, list(pictures))
    write_lossless(made / "mask.mkv", [mask] * frames)
    return {"crop": crops, "audio": speech_audio(folder / "audio", speech), "picture": video, "generate/000": made}


def ffmpeg_sound(video: Path, path: Path) -> Path:
    """The sound of a video as a WAV."""
    ffmpeg("-i", video, "-vn", path)
    return path


def _lossless(video: Path, folder: Path) -> list[Row]:
    pictures = [frame.picture[:512, :512].copy() for frame in decode(video)]
    path = folder / "take.mkv"
    writing = _timed(lambda: write_lossless(path, pictures))
    reading = _timed(lambda: sum(1 for _ in read_lossless(path)))
    bits = path.stat().st_size * 8 / (len(pictures) * pictures[0].shape[0] * pictures[0].shape[1])
    return [
        _row("FFV1 512x512 written", len(pictures) / writing, "frames/s"),
        _row("FFV1 512x512 read", len(pictures) / reading, "frames/s"),
        _row("FFV1 size", bits, "bits/pixel"),
    ]


def _sound(video: Path) -> list[Row]:
    samples = read_sound(video, 16000, 1)[:, 0]
    seconds = float(Fraction(len(samples), 16000))
    steps: dict[str, Callable[[], object]] = {
        "sound decoded to 16 kHz": lambda: read_sound(video, 16000, 1),
        "log-mel": lambda: log_mel(samples),
        "speech activity": lambda: speech_activity(samples),
    }
    return [_row(name, seconds / _timed(step), "x real time") for name, step in steps.items()]


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _cost(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of the cores that worked for it, in this process and in those it started."""
    start, before = time.perf_counter(), _cores()
    work()
    return time.perf_counter() - start, _cores() - before


def _cores() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _row(what: str, figure: float, unit: str, plain: float | None = None) -> Row:
    row: Row = {"measure": what, "figure": round(figure, 2), "unit": unit}
    return row if plain is None else row | {"ffmpeg alone": round(plain, 2), "ratio": round(plain / figure, 2)}


if __name__ == "__main__":
    for line in rows():
        print(line)
