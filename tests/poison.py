"""Material that must be refused, made as it happens in a night's delivery, and the code each is refused with."""

import shutil
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image


def ffmpeg(*arguments: str | Path) -> None:
    """Run the bundled ffmpeg quietly; files it makes are the same each time."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr


def good_video(
    path: Path, seconds: float = 2.0, size: str = "320x240", rate: str = "25", codec: str = "libx264"
) -> Path:
    """A test card with a tone."""
    picture, sound = f"testsrc2=s={size}:r={rate}:d={seconds},hue=s=0.3", f"sine=440:r=48000:d={seconds}"
    coding = ["-c:v", codec, "-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac", "-movflags", "+faststart"]
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *coding, path)
    return path


def write_wav(path: Path, samples: np.ndarray, rate: int = 48000) -> Path:
    """16-bit WAV of samples (n,) or (n, channels) in [-1, 1]."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
    return path


def no_face(folder: Path) -> Path:
    """A landscape: gradients and noise."""
    path = folder / "no-face.png"
    rows = np.linspace(40, 220, 480)[:, None, None] * np.array([0.6, 0.8, 1.0])
    noise = np.random.default_rng(0).normal(0, 6, (480, 640, 3))
    Image.fromarray(np.clip(rows + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def truncated_video(folder: Path) -> Path:
    """An MP4 whose upload stopped at two thirds; its index, at the front, promises the rest."""
    path = good_video(folder / "truncated.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def headless_video(folder: Path) -> Path:
    """An MP4 whose index was to come last and never came."""
    whole = good_video(folder / "whole.mp4")
    path = folder / "headless.mp4"
    ffmpeg("-i", whole, "-c", "copy", path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def damaged_video(folder: Path) -> Path:
    """An MP4 with a stretch of zeros in the middle of its pictures."""
    path = good_video(folder / "damaged.mp4")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    return path


def missing_codec(folder: Path) -> Path:
    """An MP4 whose pictures claim a codec that nobody has."""
    path = good_video(folder / "missing-codec.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zz9q"))
    return path


def playlist(folder: Path) -> Path:
    """A playlist that pulls in another file, named as a video."""
    good_video(folder / "secret.mp4", 1)
    path = folder / "playlist.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    return path


def concat_script(folder: Path) -> Path:
    """A concat script that pulls in another file, named as a video."""
    path = folder / "concat.mp4"
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    return path


def one_pixel(folder: Path) -> Path:
    path = folder / "one-pixel.png"
    Image.new("RGB", (1, 1), "white").save(path)
    return path


def twenty_thousand_pixels(folder: Path) -> Path:
    """20,000 x 20,000 pixels in a file of some kilobytes."""
    path = folder / "twenty-thousand.png"
    Image.new("1", (20000, 20000)).save(path)
    return path


def text_as_picture(folder: Path) -> Path:
    path = folder / "text.png"
    path.write_text("Please find the portrait attached.\n" * 20)
    return path


def directory_as_picture(folder: Path) -> Path:
    path = folder / "directory.png"
    path.mkdir(exist_ok=True)
    return path


def truncated_picture(folder: Path) -> Path:
    path = no_face(folder)
    short = folder / "truncated.png"
    short.write_bytes(path.read_bytes()[:20000])
    return short


def empty_audio(folder: Path) -> Path:
    """A WAV header and nothing after it."""
    return write_wav(folder / "empty.wav", np.zeros(0))


def zero_bytes(folder: Path) -> Path:
    path = folder / "zero.wav"
    path.write_bytes(b"")
    return path


def short_audio(folder: Path) -> Path:
    """A tone of 50 ms."""
    return write_wav(folder / "short.wav", np.sin(np.arange(2400) / 20) / 2)


def silent_audio(folder: Path) -> Path:
    """Three seconds of dither."""
    return write_wav(folder / "silent.wav", np.random.default_rng(0).uniform(-2, 2, 3 * 48000) / 32768)


def text_as_audio(folder: Path) -> Path:
    path = folder / "text.wav"
    path.write_text("This is the recording of the third act.\n" * 20)
    return path


def silent_film(folder: Path) -> Path:
    """A video without any sound, given as speech."""
    path = folder / "silent-film.mp4"
    ffmpeg("-i", good_video(folder / "talkie.mp4", 1), "-an", "-c:v", "copy", path)
    return path


def truncated_audio(folder: Path) -> Path:
    """A FLAC whose header promises more than the file holds."""
    whole = write_wav(folder / "whole.wav", np.random.default_rng(0).normal(0, 0.1, 4 * 48000))
    path = folder / "truncated.flac"
    ffmpeg("-i", whole, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


@dataclass(frozen=True)
class Poison:
    """column: picture or speech, the column of the job sheet it goes into; code: what it must be refused with."""

    column: str
    code: str
    make: Callable[[Path], Path]

    @property
    def name(self) -> str:
        return self.make.__name__


TEN = (
    Poison("picture", "NO_FACE", no_face),
    Poison("picture", "CORRUPT_MEDIA", truncated_video),
    Poison("speech", "AUDIO_EMPTY", empty_audio),
    Poison("speech", "AUDIO_TOO_SHORT", short_audio),
    Poison("picture", "PICTURE_TOO_SMALL", one_pixel),
    Poison("picture", "NOT_MEDIA", text_as_picture),
    Poison("picture", "PICTURE_TOO_LARGE", twenty_thousand_pixels),
    Poison("speech", "AUDIO_SILENT", silent_audio),
    Poison("picture", "MISSING_CODEC", missing_codec),
    Poison("picture", "NOT_A_FILE", directory_as_picture),
)
"""The ten bad inputs of the batch-level poison test."""

MORE = (
    Poison("picture", "CORRUPT_MEDIA", headless_video),
    Poison("picture", "CORRUPT_MEDIA", damaged_video),
    Poison("picture", "NOT_MEDIA", playlist),
    Poison("picture", "NOT_MEDIA", concat_script),
    Poison("picture", "CORRUPT_MEDIA", truncated_picture),
    Poison("speech", "AUDIO_EMPTY", zero_bytes),
    Poison("speech", "NOT_MEDIA", text_as_audio),
    Poison("speech", "NO_AUDIO_STREAM", silent_film),
    Poison("speech", "CORRUPT_MEDIA", truncated_audio),
)
"""Worse ideas."""


def make_all(folder: Path) -> dict[str, tuple[Poison, Path]]:
    """Every poison as a file in a fresh folder, by name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return {poison.name: (poison, poison.make(folder)) for poison in (*TEN, *MORE)}
