"""A film read for verification: what its header says of every stream, and its frames as they are stored.

Nothing here goes through `emodiff_core.media.decode`: what wrote a deliverable is not asked whether it is right.
"""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
import numpy as np
from av import VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from emodiff_core.media.boxes import picture_end
from emodiff_core.media.files import opened, refused
from emodiff_core.media.light import Light, light_of
from emodiff_core.media.program import ffmpeg_program
from emodiff_core.media.siting import siting_of
from emodiff_core.refusal import Refusal


@dataclass(frozen=True)
class Sound:
    """One audio stream. index: among the audio streams; start, seconds: as stated, None where the container is silent;
    digest: of its packets, the same where the stream was copied."""

    index: int
    codec: str
    language: str
    channels: int
    start: Fraction
    seconds: Fraction | None
    digest: str


@dataclass(frozen=True)
class Reel:
    """What a film says of itself.

    width, height: pixels as stored; rotation: degrees counter-clockwise that make it upright; aspect: of a pixel;
    colour: primaries, transfer, matrix, range as numbers of ISO/IEC 23091-2, 2 or 0 where nothing is said, by the
    frames themselves; tagged: the same by the container; counted: frames by the header, 0 if it has none; tick: of the
    picture's clock; start, seconds: of the picture; whole: False where the index points past the file's end; chapters:
    (start, end, title); subtitles: their languages; light: of HDR, by container or stream; siting: of chroma, empty
    where nothing is said; last: seconds that the last frame is shown, None where the container does not tell; even:
    whether all frames are as far apart as the clock can say.
    """

    container: str
    codec: str
    width: int
    height: int
    rotation: int
    aspect: Fraction
    rate: Fraction
    colour: tuple[int, int, int, int]
    tagged: tuple[int, int, int, int]
    pixel_format: str
    interlaced: bool
    timecode: str | None
    counted: int
    tick: Fraction
    start: Fraction
    seconds: Fraction | None
    whole: bool
    sounds: tuple[Sound, ...]
    subtitles: tuple[str, ...]
    chapters: tuple[tuple[Fraction, Fraction, str], ...]
    light: Light
    siting: str
    last: Fraction | None = None
    even: bool = True

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) as it is shown, in stored pixels."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)


@dataclass(frozen=True)
class Stored:
    """A frame as stored; time: seconds, exactly its ticks times the stream's time base."""

    index: int
    time: Fraction
    frame: VideoFrame


def read_reel(path: Path) -> Reel:
    """Header, first frame and the packets of all sound. Raises Refusal where there is no film to read."""
    with opened(path) as file:
        stream = _picture(file, path)
        whole = max((entry.pos + entry.size for entry in stream.index_entries), default=0) <= path.stat().st_size
        digests, first, pts = _digests(file, stream, path)
    with opened(path) as file:
        made = _reel(file, _picture(file, path), first, digests, whole, siting_of(ffmpeg_program(), path))
        return _ended(made, np.sort(pts), _end(file, _picture(file, path), path))


def stored(path: Path, threads: int = 2) -> Iterator[Stored]:
    """Every frame in order of showing. Raises CORRUPT_MEDIA with the time reached."""
    time = Fraction(0)
    with opened(path) as file:
        stream = _picture(file, path)
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        base = stream.time_base or Fraction(1, 90000)
        try:
            for index, frame in enumerate(file.decode(stream)):
                time = frame.pts * base if frame.pts is not None else time
                yield Stored(index, time, frame)
        except av.error.FFmpegError as error:
            raise refused(path, error, float(time)) from error


def _picture(file: InputContainer, path: Path) -> VideoStream:
    streams = [s for s in file.streams.video if not s.disposition & s.disposition.attached_pic]
    if not streams:
        raise Refusal("NO_VIDEO_STREAM", f"{path.name} holds no moving picture", "name a video")
    return streams[0]


def _ended(reel: Reel, pts: NDArray[np.int64], end: Fraction | None) -> Reel:
    """The reel with what all its frames' times (N,) in order say, and the seconds at which its picture ends."""
    even = len(pts) < 2 or int(np.ptp(np.diff(pts))) <= 2
    if end is None or not len(pts):
        return replace(reel, even=even)
    return replace(reel, even=even, last=end - int(pts[-1]) * reel.tick, seconds=end - reel.start)


def _end(file: InputContainer, picture: VideoStream, path: Path) -> Fraction | None:
    """Seconds at which the picture ends, where the container says so: MP4 in its edit list, Matroska in a tag."""
    if "mp4" in file.format.name:
        found = picture_end(path)
        return None if found is None else found[0]
    start, seconds = _extent(picture)
    return start + seconds if "matroska" in file.format.name and seconds is not None else None


def _digests(
    file: InputContainer, picture: VideoStream, path: Path
) -> tuple[dict[int, str], VideoFrame, NDArray[np.int64]]:
    """Digests of the audio streams' packets by stream index, the first frame, and the ticks of those shown."""
    made = {stream.index: hashlib.sha256() for stream in file.streams.audio}
    first: VideoFrame | None = None
    pts = array("q")
    try:
        for packet in file.demux(picture, *file.streams.audio):
            if packet.stream.index in made:
                made[packet.stream.index].update(bytes(packet))
                continue
            # Packets before an edit list's beginning are not shown.
            if packet.pts is not None and not packet.is_discard:
                pts.append(packet.pts)
            if first is None:
                first = next((f for f in packet.decode() if isinstance(f, VideoFrame)), None)
    except av.error.FFmpegError as error:
        raise refused(path, error) from error
    if first is None:
        raise Refusal("CORRUPT_MEDIA", f"{path.name} holds no picture that can be decoded", "deliver the file again")
    return {index: digest.hexdigest() for index, digest in made.items()}, first, np.array(pts, np.int64)


def _reel(
    file: InputContainer,
    stream: VideoStream,
    first: VideoFrame,
    digests: dict[int, str],
    whole: bool,
    siting: str,
) -> Reel:
    start, seconds = _extent(stream)
    return Reel(
        container=file.format.name,
        codec=stream.codec_context.codec.canonical_name,
        width=first.width,
        height=first.height,
        rotation=first.rotation % 360,
        aspect=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
        colour=_colour(first),
        tagged=_colour(stream.codec_context),
        pixel_format=first.format.name,
        interlaced=bool(first.interlaced_frame),
        timecode=_timecode(file),
        counted=stream.frames,
        tick=stream.time_base or Fraction(1, 90000),
        start=start,
        seconds=seconds,
        whole=whole,
        sounds=tuple(_sound(s, k, digests[s.index]) for k, s in enumerate(file.streams.audio)),
        subtitles=tuple(_language(s) for s in file.streams.subtitles),
        chapters=tuple(_chapter(chapter) for chapter in file.chapters()),
        light=light_of(first),
        siting=siting,
    )


def _colour(of: Any) -> tuple[int, int, int, int]:
    return int(of.color_primaries), int(of.color_trc), int(of.colorspace), int(of.color_range)


def _chapter(chapter: Any) -> tuple[Fraction, Fraction, str]:
    base = chapter["time_base"] or Fraction(1)
    return chapter["start"] * base, chapter["end"] * base, chapter["metadata"].get("title", "")


def _sound(stream: av.AudioStream, index: int, digest: str) -> Sound:
    start, seconds = _extent(stream)
    codec, channels = stream.codec_context.codec.canonical_name, stream.codec_context.channels
    return Sound(index, codec, _language(stream), channels, start, seconds, digest)


def _extent(stream: Stream) -> tuple[Fraction, Fraction | None]:
    """Seconds at which a stream starts, and for how long it lasts; Matroska says when it ends, in a tag."""
    base = stream.time_base or Fraction(1, 90000)
    start = (stream.start_time or 0) * base
    if stream.duration is not None:
        return start, stream.duration * base
    parts = stream.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = map(Fraction, parts)
    except ValueError:
        return start, None
    return start, hours * 3600 + minutes * 60 + seconds - start


def _language(stream: Stream) -> str:
    return str(getattr(stream, "language", None) or stream.metadata.get("language", "und"))


def _timecode(file: InputContainer) -> str | None:
    """Of the first frame, wherever a container keeps it."""
    places = (file.metadata, *(stream.metadata for stream in file.streams))
    return next((place[name] for place in places for name in ("timecode", "TIMECODE") if name in place), None)
