"""Small footage at any rate, offset and depth, made in this process, and how ffmpeg's own program reads a file."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from av import AudioFrame, VideoFrame

from emodiff_core.media.lay import plane_of

WIDTH, HEIGHT = 80, 64
SAMPLES = 48000


def picture(k: int, pixels: str) -> VideoFrame:
    """Frame k of a scene that moves: waves with a little noise in every plane, over most of the legal range."""
    frame = VideoFrame(WIDTH, HEIGHT, pixels)
    random = np.random.default_rng(k)
    for number, part in enumerate(frame.format.components):
        plane = plane_of(frame, number)
        rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
        waves = 126 + 95 * np.sin((rows * (2 + number) + columns * 2 + 3 * k) / 30)
        plane[:] = np.clip(waves + random.normal(0, 0.6, waves.shape), 16, 235) * (1 << (part.bits - 8))
    return frame


def film(
    path: Path,
    times: Sequence[Fraction],
    pixels: str = "yuv420p",
    sound_from: Fraction | None = Fraction(0),
    colour: tuple[int, int, int] = (1, 1, 1),
    unit: Fraction | None = None,
) -> Path:
    """Frames at these times without loss, FFV1 in Matroska and H.264 with B-frames elsewhere, and a tone to the end."""
    unit = unit or Fraction(1, lcm(*(time.denominator for time in times), 1000))
    kind = {".mkv": "matroska"}.get(path.suffix, path.suffix[1:])
    clock = {"video_track_timescale": str(unit.denominator), "movie_timescale": str(lcm(unit.denominator, SAMPLES))}
    with av.open(str(path), "w", format=kind, options={} if kind == "matroska" else clock) as file:
        nominal = len(times) / (times[-1] - times[0] + (times[-1] - times[-2]))
        codec, options = ("ffv1", {}) if kind == "matroska" else ("libx264", {"qp": "0", "bf": "2", "preset": "fast"})
        shown = file.add_stream(codec, rate=nominal.limit_denominator(60060), options=options)
        shown.width, shown.height, shown.pix_fmt = WIDTH, HEIGHT, pixels
        shown.codec_context.time_base = shown.time_base = unit
        shown.codec_context.color_primaries, shown.codec_context.color_trc, shown.codec_context.colorspace = colour
        shown.codec_context.color_range = 1
        heard = None
        if sound_from is not None:
            heard = file.add_stream("aac" if kind == "mp4" else "pcm_s16le", rate=SAMPLES, layout="mono")
        for k, time in enumerate(times):
            frame = picture(k, pixels)
            frame.pts, frame.time_base = round(time / unit), unit
            file.mux(shown.encode(frame))
        file.mux(shown.encode(None))
        if heard is not None:
            _tone(file, heard, sound_from or Fraction(0), times[-1])
    return path


def _tone(file, stream, start: Fraction, end: Fraction) -> None:
    count = max(2048, round((end - start) * SAMPLES))
    sine = (3000 * np.sin(np.arange(count) / 20)).astype(np.int16)
    first = round(start * SAMPLES)
    for at in range(0, count, 1024):
        frame = AudioFrame.from_ndarray(sine[None, at : at + 1024].copy(), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLES, first + at, Fraction(1, SAMPLES)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


@dataclass(frozen=True)
class Reading:
    """What ffmpeg's program sees. times: exact seconds of each frame; planes: per plane (N, rows, columns) of 16 or 8
    bit samples; sound: (n,) of the first track, which begins at `sound_start` seconds."""

    times: list[Fraction]
    planes: list[np.ndarray]
    sound: np.ndarray
    sound_start: Fraction


def read(path: Path, pixels: str, sound: bool = True) -> Reading:
    """One file as the bundled ffmpeg decodes it, its clock left as it is."""
    raw, said = _ffmpeg(path, "-map", "0:v:0", "-vf", "showinfo", "-f", "rawvideo", "-pix_fmt", pixels)
    base = Fraction(re.search(r"config in time_base: (\d+/\d+)", said)[1])
    times = [int(tick) * base for tick in re.findall(r"n: *\d+ pts: *(-?\d+) ", said)]
    heard, start = np.zeros(0), Fraction(0)
    if sound:
        samples, said = _ffmpeg(path, "-map", "0:a:0", "-af", "ashowinfo,pan=mono|c0=c0", "-f", "s16le")
        heard = np.frombuffer(samples, np.int16) / 32768
        start = Fraction(re.search(r"n:0 pts:\S+ pts_time:(\S+)", said)[1])
    return Reading(times, _planes(raw, pixels, len(times)), heard, start)


def _ffmpeg(path: Path, *arguments: str) -> tuple[bytes, str]:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-copyts", "-i", path, *arguments]
    done = subprocess.run([*command, "-fps_mode", "passthrough", "-"], capture_output=True, check=True)
    return done.stdout, done.stderr.decode()


def _planes(raw: bytes, pixels: str, count: int) -> list[np.ndarray]:
    like = VideoFrame(WIDTH, HEIGHT, pixels)
    kind = np.uint16 if like.format.components[0].bits > 8 else np.uint8
    shapes = [(part.height, part.width) for part in like.format.components]
    frames = np.frombuffer(raw, kind).reshape(count, sum(h * w for h, w in shapes))
    edges = np.cumsum([0, *(h * w for h, w in shapes)])
    return [frames[:, a:b].reshape(count, *shape) for a, b, shape in zip(edges, edges[1:], shapes, strict=False)]
