"""Frames of a video as a stream, each with the exact time it carries. Memory does not grow with length."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from emodiff_core.media.files import opened, refused
from emodiff_core.media.limits import Limits
from emodiff_core.media.probe import origin, stated_seconds, video_stream
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


@dataclass(frozen=True)
class Coded:
    """A `Frame` whose pixels are as the file stores them: planes, tags, not turned. It may be the decoder's own: call
    `frame.make_writable()` before writing to it."""

    index: int
    pts: int
    time: Fraction
    frame: VideoFrame


def decode(path: Path, limits: Limits | None = None, threads: int = 2) -> Iterator[Frame]:
    """Every frame in order of showing, rotation applied, YUV to RGB by the matrix and range that the file states.

    Where a file states no matrix, 720 lines and more mean BT.709 and fewer BT.601. Raises what `coded` raises.
    """
    for shown in coded(path, limits, threads):
        yield Frame(shown.index, shown.pts, shown.time, rgb(shown.frame))


def coded(path: Path, limits: Limits | None = None, threads: int = 2) -> Iterator[Coded]:
    """Every frame in order of showing, pixels as stored. Time 0 is the file's own zero; a transport or program stream,
    whose clock starts anywhere, begins at 0 with the earlier of its picture and sound.

    Raises CORRUPT_MEDIA with the time reached, INTERLACED unless limits say deinterlace, PICTURE_SIZE_CHANGES, and
    what `probe` raises.
    """
    limits = limits or Limits()
    with opened(path) as container:
        stream = video_stream(container, path, limits)
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        base, zero = stream.time_base or Fraction(1, 90000), origin(container, stream)
        time: Fraction | None = None
        timed = _timed(_whole(container, stream, path, limits), stream)
        for index, (pts, frame) in enumerate(timed):
            time = (pts - zero) * base
            yield Coded(index, pts - zero, time, frame)
        # An AVI's header states its size too, which the door has checked; the length beside it is often wrong.
        if container.format.name != "avi":
            _check_end(path, stream, None if time is None else time + zero * base)
        if time is None:
            raise Refusal(
                "CORRUPT_MEDIA", f"{path.name} holds no picture that can be decoded", "deliver the file again"
            )


def _whole(container: InputContainer, stream: VideoStream, path: Path, limits: Limits) -> Iterator[VideoFrame]:
    """Frames of one size, progressive: refused where they are not, or deinterlaced on request."""
    weave: av.filter.Graph | None = None
    base = stream.time_base or Fraction(1, 90000)
    for frame in _raw(container.decode(stream), path):
        _check(frame, stream, path)
        if frame.interlaced_frame and weave is None:
            if not limits.deinterlace:
                raise _interlaced(frame, path)
            weave = _deinterlacer(stream)
        if weave is None:
            yield frame
        else:
            weave.push(frame)
            yield from _pulled(weave, base)
    if weave is not None:
        weave.push(None)
        yield from _pulled(weave, base)


def _deinterlacer(stream: VideoStream) -> av.filter.Graph:
    """bwdif, one frame out for each one in; frames that are progressive pass."""
    graph = av.filter.Graph()
    source, sink = graph.add_buffer(template=stream), graph.add("buffersink")
    made = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    source.link_to(made)
    made.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph, base: Fraction) -> Iterator[VideoFrame]:
    """What a filter has ready, on the clock of the stream: bwdif's own ticks are half as long."""
    while True:
        try:
            frame = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        if frame.pts is not None and frame.time_base is not None:
            frame.pts, frame.time_base = round(frame.pts * frame.time_base / base), base
        yield frame


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


def _check(frame: VideoFrame, stream: VideoStream, path: Path) -> None:
    if frame.is_corrupt:
        raise Refusal("CORRUPT_MEDIA", f"{_where(frame, path)}: the frame is damaged", "deliver the file again")
    if (frame.width, frame.height) != (stream.codec_context.width, stream.codec_context.height):
        message = f"{_where(frame, path)}: the picture changes its size"
        raise Refusal("PICTURE_SIZE_CHANGES", message, "deliver one size per file")


def _interlaced(frame: VideoFrame, path: Path) -> Refusal:
    hint = "deinterlace it first, for example with bwdif, or set settings.media.deinterlace"
    return Refusal("INTERLACED", f"{_where(frame, path)}: the frame is interlaced", hint)


def _where(frame: VideoFrame, path: Path) -> str:
    return f"{path.name} at {frame.time or 0.0:.3f} s"
