"""Any sound file, or the sound of a video, as a stream of float samples at the rate and channels asked for."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from emodiff_core.audio.downmix import downmix
from emodiff_core.media.files import missing_codec, opened, refused, regular
from emodiff_core.refusal import Refusal

Floats = NDArray[np.float32]

# Twice swresample's default filter: aliases lie under -94 dB instead of -61.
_RESAMPLER = {"filter_size": "64", "cutoff": "0.975"}
_GAP = 0.05
_MAX_CHANNELS = 8


@dataclass(frozen=True)
class Sound:
    """What a file says of its first audio stream. seconds: None where the header is silent."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    seconds: Fraction | None


def probe_sound(path: Path, max_seconds: float = 4 * 3600.0) -> Sound:
    """Read the header. Raises AUDIO_EMPTY, NO_AUDIO_STREAM, MISSING_CODEC, CORRUPT_MEDIA, AUDIO_TOO_LONG, ..."""
    with _opened(path) as container:
        stream = _stream(container, path, max_seconds)
        codec = stream.codec_context
        return Sound(
            container.format.name, codec.codec.canonical_name, codec.sample_rate, codec.channels, _stated(stream)
        )


def stream_sound(
    path: Path, rate: int, channels: int | None = None, max_seconds: float = 4 * 3600.0
) -> Iterator[Floats]:
    """Chunks (n, channels) float32 at `rate` samples a second; full scale is 1 and may be passed.

    channels: 1, 2, or None for 1 where the file has one and 2 otherwise. The first chunk begins with the file's first
    sample: an encoder's priming is skipped, resampling adds no delay, holes in the timestamps become silence.
    Raises what `probe_sound` raises, and CORRUPT_MEDIA with the time reached.
    """
    with _opened(path) as container:
        stream = _stream(container, path, max_seconds)
        frames = _resampled(_whole(_frames(container, stream, path), stream, path, max_seconds), rate, path)
        stated = _stated(stream)
        # An MP4's last packet is padded; how much of it counts stands in the header only.
        end = round(stated * rate) if stated and container.format.name.startswith("mov") else None
        yield from _until(end, (downmix(frame, channels) for frame in frames))


def read_sound(path: Path, rate: int, channels: int | None = None, max_seconds: float = 4 * 3600.0) -> Floats:
    """The whole of `stream_sound`: (n, channels) float32. Raises AUDIO_EMPTY too. It passes through a file: hours of
    sound are never in memory twice."""
    columns = 0
    with TemporaryFile() as whole:
        for chunk in stream_sound(path, rate, channels, max_seconds):
            columns = chunk.shape[1]
            chunk.astype(np.float32, copy=False).tofile(whole)
        if not columns:
            raise empty(path)
        whole.seek(0)
        return np.fromfile(whole, np.float32).reshape(-1, columns)


def empty(path: Path) -> Refusal:
    """The refusal of a file without a single sample."""
    return Refusal("AUDIO_EMPTY", f"{path.name} holds no sound", "deliver the recording again")


def _opened(path: Path) -> AbstractContextManager[InputContainer]:
    if regular(path).stat().st_size == 0:
        raise empty(path)
    return opened(path)


def _stream(container: InputContainer, path: Path, max_seconds: float) -> AudioStream:
    if not container.streams.audio:
        raise Refusal("NO_AUDIO_STREAM", f"{path.name} holds no sound", "name a file with sound as speech")
    stream = container.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.codec is None:
        raise missing_codec(path, "unknown")
    if stream.codec_context.channels > _MAX_CHANNELS:
        message = f"{path.name} has {stream.codec_context.channels} channels; at most {_MAX_CHANNELS}"
        raise Refusal("UNSUPPORTED_AUDIO", message, "deliver mono, stereo or 5.1")
    stated = _stated(stream)
    if stated is not None and stated > max_seconds:
        raise _too_long(path, float(stated), max_seconds)
    return stream


def _stated(stream: AudioStream) -> Fraction | None:
    """Seconds by the header, None where it is silent."""
    return None if stream.duration is None or stream.time_base is None else stream.duration * stream.time_base


def _frames(container: InputContainer, stream: AudioStream, path: Path) -> Iterator[av.AudioFrame]:
    """Decoded frames. One broken packet is forgiven only at the very end, where tags and padding lie."""
    broken: av.error.FFmpegError | None = None
    time = 0.0
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                broken = broken or error
                continue
            for frame in frames:
                if broken is not None:
                    raise refused(path, broken, time)
                time = frame.time if frame.time is not None else time
                yield frame
    except av.error.FFmpegError as error:
        raise refused(path, error, time) from error


def _whole(
    frames: Iterator[av.AudioFrame], stream: AudioStream, path: Path, max_seconds: float
) -> Iterator[av.AudioFrame]:
    """The frames with holes filled; refuses what is too long, and what ends before its header says."""
    rate, count, start = stream.codec_context.sample_rate, 0, None
    for frame in frames:
        start = frame.time if start is None else start
        hole = 0.0 if frame.time is None or start is None else frame.time - start - count / rate
        if hole > _GAP:
            yield from _silence(frame, min(hole, max_seconds))
            count += round(hole * rate)
        count += frame.samples
        if count > max_seconds * rate:
            raise _too_long(path, count / rate, max_seconds)
        yield frame
    stated = _stated(stream)
    if stated is not None and stream.codec_context.name != "mp3" and count / rate < float(stated) - 0.1:
        message = f"{path.name} is truncated: it ends at {count / rate:.2f} s of {float(stated):.2f} s"
        raise empty(path) if count == 0 else Refusal("CORRUPT_MEDIA", message, "deliver the file again")


def _silence(like: av.AudioFrame, seconds: float) -> Iterator[av.AudioFrame]:
    left = round(seconds * like.sample_rate)
    while left > 0:
        size = min(left, like.sample_rate)
        frame = av.AudioFrame(format=like.format.name, layout=like.layout.name, samples=size)
        for plane in frame.planes:
            plane.update(bytes([128 if like.format.name.startswith("u8") else 0]) * plane.buffer_size)
        frame.sample_rate = like.sample_rate
        yield frame
        left -= size


def _resampled(frames: Iterator[av.AudioFrame], rate: int, path: Path) -> Iterator[av.AudioFrame]:
    resampler: av.AudioResampler | None = None
    for frame in frames:
        resampler = resampler or av.AudioResampler("fltp", frame.layout, rate, options=_RESAMPLER)
        frame.pts = None
        try:
            yield from (out for out in resampler.resample(frame) if out.samples)
        except ValueError as error:
            message = f"{path.name} changes its rate or channels midway"
            raise Refusal("CORRUPT_MEDIA", message, "deliver one format") from error
    if resampler is not None:
        yield from (out for out in resampler.resample(None) if out.samples)


def _until(end: int | None, chunks: Iterator[Floats]) -> Iterator[Floats]:
    count = 0
    for chunk in chunks:
        kept = chunk if end is None else chunk[: max(0, end - count)]
        count += len(chunk)
        if len(kept):
            yield kept


def _too_long(path: Path, seconds: float, limit: float) -> Refusal:
    message = f"{path.name} lasts {seconds:.0f} s or more; at most {limit:.0f} s"
    return Refusal("AUDIO_TOO_LONG", message, "split the title, or raise settings.media.max_seconds")
