"""What goes along from the source into the deliverable: its other sound, subtitles, chapters and tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.stream import Stream

from emodiff_core.media.files import opened
from emodiff_core.media.limits import Limits
from emodiff_core.media.probe import origin, video_stream

# Codecs that a container takes as they are, by ffmpeg's names.
_SOUNDS = {
    "mp4": {"aac", "ac3", "eac3", "mp3", "alac", "opus", "flac"},
    "mov": {"aac", "ac3", "eac3", "mp3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s16be", "pcm_s24be"},
}
_TEXTS = {"subrip", "ass", "ssa", "webvtt", "mov_text", "text"}
_SUBTITLES = {"mp4": {"mov_text"}, "mov": {"mov_text"}}
_TEXT_AS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "srt"}
_SOUND_AS = {"mp4": "aac", "mov": "pcm_s24le", "matroska": "flac"}
# Written by every muxer for itself.
_OWN = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "handler_name", "vendor_id"}


@dataclass(frozen=True)
class Along:
    """One stream that goes along. kind: a or s; number: among the source's streams of that kind; codec: `copy` or the
    ffmpeg encoder that the container needs."""

    kind: str
    number: int
    codec: str
    language: str
    title: str


@dataclass(frozen=True)
class Carry:
    """Everything that goes along. zero: seconds of the source's clock at which the programme starts; left: sentences on
    what could not come; timecode: of the first frame, empty where there is none."""

    source: Path
    zero: Fraction
    streams: tuple[Along, ...]
    left: tuple[str, ...]
    tags: Mapping[str, str]
    timecode: str
    language: str


def plan_carry(path: Path, container: str, sounds: bool, limits: Limits) -> Carry:
    """What of a source goes into a container, `mp4`, `mov` or `matroska`. sounds: with its own sound."""
    with opened(path) as file:
        picture = video_stream(file, path, limits)
        base = picture.time_base or Fraction(1, 90000)
        streams: list[Along] = []
        left: list[str] = []
        for number, sound in enumerate(file.streams.audio if sounds else ()):
            streams.append(Along("a", number, _sound_codec(sound, container), _language(sound), _title(sound)))
        for number, text in enumerate(file.streams.subtitles):
            codec = _subtitle_codec(text, container)
            if codec is None:
                left.append(f"subtitles {number} ({_name(text)}) cannot be kept in {container}")
            else:
                streams.append(Along("s", number, codec, _language(text), _title(text)))
        tags = {name: value for name, value in file.metadata.items() if name.lower() not in _OWN}
        zero = origin(file, picture) * base
        return Carry(path, zero, tuple(streams), tuple(left), tags, _timecode(file, picture), _language(picture))


def _name(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else "unknown"


def _sound_codec(stream: Stream, container: str) -> str:
    """Matroska takes every sound; what MP4 and MOV do not take is encoded again."""
    known = _SOUNDS.get(container)
    return "copy" if known is None or _name(stream) in known else _SOUND_AS[container]


def _subtitle_codec(stream: Stream, container: str) -> str | None:
    """None for pictures of text in a container that holds text only."""
    name = _name(stream)
    if container == "matroska":
        return "srt" if name == "mov_text" else "copy"
    if name in _SUBTITLES[container]:
        return "copy"
    return _TEXT_AS[container] if name in _TEXTS else None


def _timecode(file: InputContainer, picture: Stream) -> str:
    """SMPTE timecode of the first frame, where a stream or the file states one."""
    stated = [picture.metadata, *(stream.metadata for stream in file.streams), file.metadata]
    for tags in stated:
        for name, value in tags.items():
            if name.lower() == "timecode":
                return value
    return ""


def _language(stream: Stream) -> str:
    return stream.metadata.get("language", "und")


def _title(stream: Stream) -> str:
    return stream.metadata.get("title", "")
