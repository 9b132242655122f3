"""The deliverable: pictures with exact timestamps and a soundtrack, through one ffmpeg process into an MP4."""

import errno
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import IO, Any

import av
import av.error
import ffmpeg
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Chroma placed on the left, as H.264 has it, and made with care: decoded pixels that are not changed come back within
# 63 dB in luma and 57 dB in chroma before the codec; with the scaler's own placement chroma came back within 48 dB.
_SCALER = {"flags": "spline+accurate_rnd+full_chroma_int+full_chroma_inp", "out_h_chr_pos": 0, "out_v_chr_pos": 128}
_SMALLEST_SCALE = 10000
_SOUND = 48000


class EncoderFailed(RuntimeError):
    """ffmpeg ended with an error; the text is its own."""


@dataclass(frozen=True)
class Encoding:
    """crf, preset: x264's; audio_bitrate: AAC's; threads: of x264, part of the bytes; size: even (width, height) to
    scale to, None keeps the picture's; aspect: width of a pixel over its height; tags: of the file; language:
    ISO 639-2/T of the sound; program: path of ffmpeg."""

    program: str
    crf: int = 16
    preset: str = "veryfast"
    audio_bitrate: str = "192k"
    threads: int = 2
    size: tuple[int, int] | None = None
    language: str = "und"
    aspect: Fraction = Fraction(1)
    tags: Mapping[str, str] = field(default_factory=dict)


def encode(
    path: Path, frames: Iterable[tuple[int, Picture]], rate: Fraction, time_base: Fraction, sound: Path, how: Encoding
) -> int:
    """Write H.264 (yuv420p, BT.709) and AAC as MP4, return the number of frames; the same input gives the same bytes.

    frames: (pts, (H, W, 3) uint8 RGB) in order, pts in ticks of time_base, the first one 0; an odd width or height is
    made even by repeating the last column or row. rate: nominal, gives the last frame its duration. sound: a WAV that
    lasts as long as the picture. Raises EncoderFailed, OSError ENOSPC.
    """
    process = _command(path, time_base, sound, how).run_async(cmd=how.program, pipe_stdin=True, pipe_stderr=True)
    said: list[bytes] = []
    listener = threading.Thread(target=lambda: said.append(process.stderr.read()), daemon=True)
    listener.start()
    try:
        count = _feed(process.stdin, frames, rate, time_base)
        _close(process)
    except (BrokenPipeError, av.error.FFmpegError) as error:
        _close(process)
        listener.join()
        raise _failure(b"".join(said).decode(errors="replace")) from error
    except BaseException:
        process.kill()
        _close(process)
        raise
    listener.join()
    if process.returncode:
        raise _failure(b"".join(said).decode(errors="replace"))
    return count


def track_scale(time_base: Fraction) -> int:
    """Ticks a second of the MP4 track: the denominator, doubled until it is as fine as players are used to."""
    scale = time_base.denominator
    while scale < _SMALLEST_SCALE:
        scale *= 2
    return scale


def even(picture: Picture) -> Picture:
    """The picture with its last column and row repeated where their number is odd."""
    height, width = picture.shape[:2]
    return (
        np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else picture
    )


def _command(path: Path, time_base: Fraction, sound: Path, how: Encoding) -> Any:
    pictures = ffmpeg.input("pipe:0", format="nut").video
    size = {"w": how.size[0], "h": how.size[1]} if how.size else {}
    pictures = pictures.filter("scale", out_color_matrix="bt709", out_range="tv", **_SCALER, **size)
    pictures = pictures.filter("format", "yuv420p").filter("setsar", str(how.aspect))
    colour = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709", "range": "tv"}
    pictures = pictures.filter("setparams", **colour)
    options = _options(time_base, how)
    made = ffmpeg.output(pictures, ffmpeg.input(f"file:{sound}").audio, f"file:{path}", **options)
    return made.global_args("-v", "error", "-y")


def _options(time_base: Fraction, how: Encoding) -> dict[str, Any]:
    scale = track_scale(time_base)
    return {
        "format": "mp4",
        "c:v": "libx264",
        "crf": how.crf,
        "preset": how.preset,
        "threads": how.threads,
        "fps_mode": "passthrough",
        "enc_time_base": f"1/{scale}",
        "video_track_timescale": scale,
        # The edit list is written in this unit: in its default, milliseconds, the sound would end between samples.
        "movie_timescale": min(lcm(scale, _SOUND), 2**31 - 1) if scale < 2**20 else _SOUND,
        "color_range": "tv",
        "colorspace": "bt709",
        "color_primaries": "bt709",
        "color_trc": "bt709",
        "c:a": "aac",
        "b:a": how.audio_bitrate,
        "map_metadata": -1,
        # ffmpeg-python takes an option once: g:0, g:1, ... are all the file's own tags.
        **{
            f"metadata:g:{k}": f"{name}={_printable(value)}" for k, (name, value) in enumerate(sorted(how.tags.items()))
        },
        "metadata:s:a:0": f"language={how.language}",
        "movflags": "+faststart",
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        "flags:a": "+bitexact",
    }


def _feed(pipe: IO[bytes], frames: Iterable[tuple[int, Picture]], rate: Fraction, time_base: Fraction) -> int:
    """Pictures as NUT, the one simple container that carries any timestamp through a pipe."""
    count, stream = 0, None
    unit = Fraction(1, track_scale(time_base))
    with av.open(pipe, "w", format="nut", buffer_size=1 << 20) as file:
        for pts, picture in frames:
            picture = even(picture)
            if stream is None:
                stream = file.add_stream("rawvideo", rate=rate)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "rgb24"
                stream.codec_context.time_base = stream.time_base = unit
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(pts * time_base / unit), unit
            file.mux(stream.encode(frame))
            count += 1
        if stream is not None:
            file.mux(stream.encode(None))
    return count


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.wait()


def _failure(said: str) -> Exception:
    last = said.strip().splitlines()[-3:]
    if "No space left" in said:
        return OSError(errno.ENOSPC, "; ".join(last))
    return EncoderFailed("; ".join(last) or "ffmpeg ended without a word")


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
