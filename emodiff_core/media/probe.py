"""What a video says of itself, before it is decoded as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av.error
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from emodiff_core.media.files import missing_codec, opened, refused
from emodiff_core.media.light import UNSAID, Light, light_of, moving_light
from emodiff_core.media.limits import Limits
from emodiff_core.refusal import Refusal


@dataclass(frozen=True)
class Video:
    """One video stream as its header and its first frame tell it.

    width, height: pixels of the upright picture; rate: nominal frames a second (frames keep their own times, see
    `decode`); time_base: seconds a tick of pts; start: pts of the first frame; seconds: None where the header is
    silent; frames: the header's count, 0 if it has none, not to be trusted; rotation: degrees that decoding turns the
    stored picture counter-clockwise; aspect: width of a pixel over its height; colour: (primaries, transfer, matrix,
    full range) as numbers of ISO 23091-2; sounds: audio streams; light: of HDR; moving: names of what tells it anew
    from frame to frame.
    """

    container: str
    codec: str
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    start: int
    seconds: Fraction | None
    frames: int
    rotation: int
    aspect: Fraction
    pixel_format: str
    colour: tuple[int, int, int, bool]
    interlaced: bool
    sounds: int
    tags: Mapping[str, str]
    light: Light = UNSAID
    moving: tuple[str, ...] = ()


def probe(path: Path, limits: Limits | None = None) -> Video:
    """Read header and first frame. Raises CORRUPT_MEDIA, NO_VIDEO_STREAM, MISSING_CODEC, PICTURE_TOO_SMALL, ..."""
    with opened(path) as container:
        stream = video_stream(container, path, limits or Limits())
        try:
            first = next(container.decode(stream), None)
        except av.error.FFmpegError as error:
            raise refused(path, error) from error
        if first is None:
            raise Refusal(
                "CORRUPT_MEDIA", f"{path.name} holds no picture that can be decoded", "deliver the file again"
            )
        return _video(container, stream, first)


def video_stream(container: InputContainer, path: Path, limits: Limits) -> VideoStream:
    """The stream to show, the first that is no cover picture: decoder there, size and length allowed, file whole."""
    streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise Refusal("NO_VIDEO_STREAM", f"{path.name} holds no moving picture", "name a picture or a video")
    stream = streams[0]
    if stream.codec_context is None or stream.codec_context.codec is None:
        raise missing_codec(path, "unknown")
    limits.check_size(stream.codec_context.width, stream.codec_context.height, path.name)
    _check_length(container, path, limits)
    _check_whole(stream, path)
    return stream


def origin(container: InputContainer, stream: VideoStream) -> int:
    """The tick that counts as time 0: a file's own zero, or where a stream whose clock starts anywhere begins."""
    if container.format.name not in ("mpegts", "mpeg"):
        return min(0, stream.start_time or 0)
    starts = [s.start_time * s.time_base for s in (stream, *container.streams.audio) if s.start_time and s.time_base]
    return round(min(starts, default=Fraction(0)) / (stream.time_base or Fraction(1, 90000)))


def _aspect(stream: VideoStream, turned: bool) -> Fraction:
    """Width of a pixel over its height in the upright picture; files that state none or zero mean squares."""
    stored = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
    return 1 / stored if turned else stored


def stated_seconds(stream: VideoStream) -> Fraction | None:
    """The time at which the stream ends, as the header tells it; Matroska tells it in a tag."""
    if stream.duration is not None and stream.time_base is not None:
        return (stream.duration + (stream.start_time or 0)) * stream.time_base
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(Fraction, parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


def _check_length(container: InputContainer, path: Path, limits: Limits) -> None:
    if container.duration is not None and container.duration > limits.max_seconds * 1_000_000:
        raise Refusal(
            "VIDEO_TOO_LONG",
            f"{path.name} lasts {container.duration / 1e6:.0f} s; at most {limits.max_seconds:.0f} s",
            "split the title, or raise settings.media.max_seconds",
        )


def _check_whole(stream: VideoStream, path: Path) -> None:
    """An MP4's index tells where its last frame lies: a file that ends before it was cut short on its way here."""
    last = max((entry.pos + entry.size for entry in stream.index_entries), default=0)
    size = path.stat().st_size
    if last > size:
        raise Refusal(
            "CORRUPT_MEDIA",
            f"{path.name} is truncated: its index reaches to byte {last}, the file ends at {size}",
            "deliver the file again",
        )


def _video(container: InputContainer, stream: VideoStream, first: VideoFrame) -> Video:
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    time_base = stream.time_base or Fraction(1, 90000)
    turned = first.rotation % 180 != 0
    return Video(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        width=first.height if turned else first.width,
        height=first.width if turned else first.height,
        rate=Fraction(rate),
        time_base=time_base,
        start=(first.pts or 0) - origin(container, stream),
        seconds=stated_seconds(stream),
        frames=stream.frames,
        rotation=first.rotation % 360,
        aspect=_aspect(stream, turned),
        pixel_format=first.format.name,
        colour=(int(first.color_primaries), int(first.color_trc), int(first.colorspace), int(first.color_range) == 2),
        interlaced=bool(first.interlaced_frame),
        sounds=len(container.streams.audio),
        tags=dict(container.metadata),
        light=light_of(first),
        moving=moving_light(first),
    )
