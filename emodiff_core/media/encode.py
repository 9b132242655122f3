"""Frames to an encoded picture track: exact timestamps, the source's tags, no conversion that is not asked for."""

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import cast

import av
import av.error
from av import VideoFrame
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from emodiff_core.media import boxes, elements
from emodiff_core.media.colour import is_full
from emodiff_core.media.delivery import Coding
from emodiff_core.media.elements import ROOM
from emodiff_core.media.light import UNSAID, Light

_SCALER = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_SMALLEST_SCALE = 10000
_SOUND = 48000
# By their numbers in ISO/IEC 23091-2: what RGB becomes where an encoder has no RGB.
_RGB, _BT709 = 0, 1


class EncoderFailed(RuntimeError):
    """The encoder or ffmpeg ended with an error; the text is its own."""


@dataclass(frozen=True)
class Look:
    """What the file says of its picture.

    rate: nominal; last: seconds that the last frame lasts, None for one step of the rate; time_base: seconds a tick of
    pts; aspect: width of a stored pixel over its height; colour: (primaries, transfer, matrix) as numbers of ISO/IEC
    23091-2, the range is the frames' own; rotation: degrees that a player turns the stored picture counter-clockwise;
    size: (width, height) to scale to, None keeps the frames'; light: of HDR; siting: of chroma, see `siting`, empty
    where nothing is said.
    """

    rate: Fraction
    time_base: Fraction
    aspect: Fraction = Fraction(1)
    colour: tuple[int, int, int] = (1, 1, 1)
    rotation: int = 0
    size: tuple[int, int] | None = None
    last: Fraction | None = None
    light: Light = UNSAID
    siting: str = ""


def encode(path: Path, frames: Iterable[tuple[int, VideoFrame]], look: Look, coding: Coding, container: str) -> int:
    """Write the picture alone, return the number of frames; the same frames give the same bytes.

    frames: (pts, frame) in order, pts in ticks of look.time_base, all of one size and format. Raises EncoderFailed,
    OSError ENOSPC.
    """
    # Matroska counts in milliseconds whatever it is told.
    matroska = container == "matroska"
    options = {"write_crc32": "0"} if matroska else {k: str(v) for k, v in track_clock(look.time_base).items()}
    try:
        with av.open(f"file:{path}", "w", format=container, options={"fflags": "+bitexact"} | options) as file:
            count = _write(file, frames, look, coding, ROOM if matroska and look.light else 0)
    except av.error.FFmpegError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, str(error)) from error
        raise EncoderFailed(f"{coding.encoder}: {error}") from error
    if look.light and count:
        (elements if matroska else boxes).tell_light(path, look.light)
    return count


def track_scale(time_base: Fraction) -> int:
    """Ticks a second of the track: the denominator, doubled until it is as fine as players are used to."""
    scale = time_base.denominator
    while scale < _SMALLEST_SCALE:
        scale *= 2
    return scale


def track_clock(time_base: Fraction) -> dict[str, int]:
    """The units of an MP4 or MOV: of the picture's track, and of the edit list. In the latter's default, milliseconds,
    an offset would shift the picture and the sound would end between samples."""
    scale = track_scale(time_base)
    movie = min(lcm(scale, _SOUND), 2**31 - 1) if scale < 2**20 else _SOUND
    return {"video_track_timescale": scale, "movie_timescale": movie}


def _write(
    file: av.container.OutputContainer, frames: Iterable[tuple[int, VideoFrame]], look: Look, coding: Coding, room: int
) -> int:
    stream: VideoStream | None = None
    unit, count = Fraction(1, track_scale(look.time_base)), 0
    for pts, frame, duration in _lasting(frames, look):
        frame = _fitting(frame, look, coding)
        if stream is None:
            stream = _stream(file, frame, look, coding, unit)
            # A name of this length gives way to what is said of the light.
            stream.metadata.update({"title": "-" * room} if room else {})
        # A decoder says which kind of frame it was; the encoder would take that for an order.
        frame.pict_type = PictureType.NONE
        frame.pts, frame.time_base = round(pts * look.time_base / unit), unit
        frame.duration = round(duration / unit)
        file.mux(stream.encode(frame))
        count += 1
    if stream is not None:
        file.mux(stream.encode(None))
    return count


def _lasting(frames: Iterable[tuple[int, VideoFrame]], look: Look) -> Iterator[tuple[int, VideoFrame, Fraction]]:
    """Each frame with the seconds until the next one."""
    held: tuple[int, VideoFrame] | None = None
    for pts, frame in frames:
        if held is not None:
            yield *held, (pts - held[0]) * look.time_base
        held = pts, frame
    if held is not None:
        yield *held, look.last or 1 / look.rate


def _fitting(frame: VideoFrame, look: Look, coding: Coding) -> VideoFrame:
    """The frame in the encoder's format and size: itself where it is so already."""
    width, height = look.size or (frame.width, frame.height)
    if (frame.format.name, frame.width, frame.height) == (coding.pixel_format, width, height):
        return frame
    span = ColorRange.JPEG if is_full(frame) else ColorRange.MPEG
    if frame.format.is_rgb and not coding.pixel_format.startswith("gbr"):
        return frame.reformat(
            width, height, coding.pixel_format, dst_colorspace=_BT709, dst_color_range=span, interpolation=_SCALER
        )
    ranges = {"src_color_range": span, "dst_color_range": span}
    return frame.reformat(width, height, coding.pixel_format, interpolation=_SCALER, **ranges)


def _stream(
    file: av.container.OutputContainer, first: VideoFrame, look: Look, coding: Coding, unit: Fraction
) -> VideoStream:
    options = dict(coding.options)
    if look.siting and "420" in coding.pixel_format:
        options["chroma_sample_location"] = look.siting
    stream = cast(VideoStream, file.add_stream(coding.encoder, rate=look.rate, options=options))
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, coding.pixel_format
    codec = stream.codec_context
    codec.time_base = stream.time_base = unit
    codec.thread_count = coding.threads
    codec.sample_aspect_ratio = look.aspect
    primaries, transfer, matrix = look.colour
    if matrix == _RGB and not coding.pixel_format.startswith("gbr"):
        matrix = _BT709
    codec.color_primaries, codec.color_trc, codec.colorspace = primaries, transfer, matrix
    codec.color_range = first.color_range
    if look.rotation:
        stream.set_display_rotation(look.rotation)
    return stream
