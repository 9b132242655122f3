"""Media work against ffmpeg's own program on the same file with the same encoder settings."""

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from emodiff_core.audio import log_mel, read_sound, speech_activity, write_wav
from emodiff_core.media import decode, probe, read_lossless, write_lossless
from emodiff_core.media.encode import Encoding, encode
from emodiff_core.media.program import ffmpeg_program
from tests.poison import ffmpeg, good_video

Row = dict[str, str | float]


def rows(seconds: float = 4.0, size: str = "1920x1080") -> list[Row]:
    """One row a measure: what, its figure and unit, and the same work in ffmpeg alone where there is such a thing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = good_video(folder / "v.mp4", seconds, size)
        return [_decoding(video), _transcoding(video, folder), *_lossless(video, folder), *_sound(video)]


def _decoding(video: Path) -> Row:
    count = probe(video).frames
    ours = _timed(lambda: sum(1 for _ in decode(video)))
    plain = _timed(lambda: ffmpeg("-threads", "2", "-i", video, "-pix_fmt", "rgb24", "-f", "rawvideo", "/dev/null"))
    return _row("decode to RGB", count / ours, "frames/s", count / plain)


def _transcoding(video: Path, folder: Path) -> Row:
    about = probe(video)
    how = Encoding(ffmpeg_program("bundled"))
    sound = folder / "sound.wav"
    samples = read_sound(video, 48000)
    write_wav(sound, lambda: [samples], 48000)

    def ours() -> None:
        pictures = ((frame.pts, frame.picture) for frame in decode(video))
        encode(folder / "ours.mp4", pictures, about.rate, about.time_base, sound, how)

    coding = ["-c:v", "libx264", "-crf", how.crf, "-preset", how.preset, "-threads", how.threads, "-pix_fmt", "yuv420p"]
    plain = ["-i", video, *map(str, coding), "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"]
    return _row(
        "decode, paste, encode H.264",
        about.frames / _timed(ours),
        "frames/s",
        about.frames / _timed(lambda: ffmpeg(*plain, folder / "plain.mp4")),
    )


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


def _row(what: str, figure: float, unit: str, plain: float | None = None) -> Row:
    row: Row = {"measure": what, "figure": round(figure, 2), "unit": unit}
    return row if plain is None else row | {"ffmpeg alone": round(plain, 2), "ratio": round(plain / figure, 2)}


if __name__ == "__main__":
    for line in rows():
        print(line)
