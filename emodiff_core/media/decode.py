"""Frames of a video as a stream: upright RGB with the exact time each one carries. Memory does not grow with length."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av.error
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from emodiff_core.media.files import opened, refused
from emodiff_core.media.limits import Limits
from emodiff_core.media.probe import stated_seconds, video_stream
from emodiff_core.refusal import Refusal

Picture = NDArray[np.uint8]

# By their numbers in ISO 23091-2; 10 is BT.2020 with constant luminance, read as the usual one.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# With full chroma the scaler takes chroma to lie on the left, as H.264 has it; without, in the middle.
_SCALER = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class Frame:
    """index: 0, 1, ... in order of showing; pts: ticks; time: seconds, exactly pts x time base; picture: (H, W, 3)."""

    index: int
    pts: int
    time: Fraction
    picture: Picture


def decode(path: Path, limits: Limits | None = None, threads: int = 2) -> Iterator[Frame]:
    """Every frame in order of showing, rotation applied, YUV to RGB by the matrix and range that the file states.

    Where a file states no matrix, 720 lines and more mean BT.709 and fewer BT.601. Raises CORRUPT_MEDIA with the time
    reached, INTERLACED, PICTURE_SIZE_CHANGES, and what `probe` raises.
    """
    with opened(path) as container:
        stream = video_stream(container, path, limits or Limits())
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        base = stream.time_base or Fraction(1, 90000)
        time: Fraction | None = None
        for index, (pts, frame) in enumerate(_timed(_raw(container.decode(stream), path), stream)):
            time = pts * base
            _check(frame, stream, path, time)
            yield Frame(index, pts, time, rgb(frame))
        _check_end(path, stream, time)
        if time is None:
            raise Refusal(
                "CORRUPT_MEDIA", f"{path.name} holds no picture that can be decoded", "deliver the file again"
            )


def rgb(frame: VideoFrame) -> Picture:
    """(H, W, 3) uint8 RGB of a decoded frame, turned upright."""
    full = frame.reformat(
        format="rgb24", src_colorspace=_matrix(frame), dst_color_range=ColorRange.JPEG, interpolation=_SCALER
    ).to_ndarray()
    return np.ascontiguousarray(np.rot90(full, frame.rotation // 90))


def _check_end(path: Path, stream: VideoStream, last: Fraction | None) -> None:
    """A file that ends more than half a second before the end that its header states was cut short."""
    stated = stated_seconds(stream)
    if (
        stated is not None
        and last is not None
        and last + Fraction(1, 2) < stated - 1 / Fraction(stream.average_rate or 25)
    ):
        message = f"{path.name} is truncated: its pictures end at {float(last):.2f} s of {float(stated):.2f} s"
        raise Refusal("CORRUPT_MEDIA", message, "deliver the file again")


def _matrix(frame: VideoFrame) -> Colorspace:
    """The matrix that is tagged; without a tag, or with one the scaler does not know, the one usual for the size."""
    usual = Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601
    return _MATRICES.get(int(frame.colorspace), usual)


def _raw(frames: Iterator[VideoFrame], path: Path) -> Iterator[VideoFrame]:
    """The frames, with the library's errors turned into refusals that name the last good time."""
    time = 0.0
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            raise refused(path, error, time) from error
        time = frame.time if frame.time is not None else time
        yield frame


def _timed(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[tuple[int, VideoFrame]]:
    """Each frame with a pts; those without one follow at the nominal rate, and time never stands still or runs back."""
    step = max(1, round(1 / (Fraction(stream.average_rate or 25) * (stream.time_base or Fraction(1, 90000)))))
    last: int | None = None
    for frame in frames:
        pts = frame.pts if frame.pts is not None else (0 if last is None else last + step)
        last = pts if last is None or pts > last else last + 1
        yield last, frame


def _check(frame: VideoFrame, stream: VideoStream, path: Path, time: Fraction) -> None:
    where = f"{path.name} at {float(time):.3f} s"
    if frame.is_corrupt:
        raise Refusal("CORRUPT_MEDIA", f"{where}: the frame is damaged", "deliver the file again")
    if frame.interlaced_frame:
        raise Refusal("INTERLACED", f"{where}: the frame is interlaced", "deinterlace it first, for example with bwdif")
    if (frame.width, frame.height) != (stream.codec_context.width, stream.codec_context.height):
        raise Refusal("PICTURE_SIZE_CHANGES", f"{where}: the picture changes its size", "deliver one size per file")
