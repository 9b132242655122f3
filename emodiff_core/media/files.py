"""The door: a path becomes an open container, or a refusal that says what is wrong with the file."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from emodiff_core.refusal import Refusal

FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mxf,flv,asf,wav,w64,aiff,flac,mp3,ogg,aac,ac3,eac3,nut"
"""Containers that are opened. Playlists and scripts (hls, dash, concat, image sequences) are not among them: they read
other files."""

_TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]+")

_OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


def regular(path: Path) -> Path:
    """The path itself. Raises FILE_MISSING, NOT_A_FILE (directory, device, pipe), FILE_UNREADABLE."""
    if not path.exists():
        raise Refusal("FILE_MISSING", f"{path.name} is not there", "check the path in the sheet")
    if not path.is_file():
        kind = "a directory" if path.is_dir() else "not a regular file"
        raise Refusal("NOT_A_FILE", f"{path.name} is {kind}", "name one file in the sheet")
    if not os.access(path, os.R_OK):
        raise Refusal("FILE_UNREADABLE", f"{path.name} may not be read", "give the workers permission to read it")
    return path


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A media file's container: its own bytes only, no network, no other files. Raises CORRUPT_MEDIA, NOT_MEDIA."""
    _check_riff(regular(path))
    # `file:` keeps names such as "concat:a|b" or "http:x" from being read as protocols.
    try:
        container = av.open(f"file:{path}", options=dict(_OPTIONS), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise unreadable(path) from error
    with container:
        yield container


def _check_riff(path: Path) -> None:
    """WAV and AVI state their size; the library plays a shorter file without a word. All ones mean a stream."""
    with path.open("rb") as file:
        kind, stated = file.read(4), int.from_bytes(file.read(4), "little")
    size = path.stat().st_size
    if kind == b"RIFF" and stated < 2**32 - 2**20 and stated + 8 > size + 1024:
        message = f"{path.name} is truncated: it states {stated + 8} bytes and holds {size}"
        raise Refusal("CORRUPT_MEDIA", message, "deliver the file again")


def refused(path: Path, error: Exception, time: float | None = None) -> Refusal:
    """What an error of the media library means for the file; time: seconds of the picture or sound reached so far."""
    where = "" if time is None else f" at {time:.3f} s"
    if isinstance(error, av.error.DecoderNotFoundError):
        return missing_codec(path, "unknown")
    reason = re.sub(r"\[Errno -?\d+\] ", "", str(error)).split(":")[0]
    return Refusal(
        "CORRUPT_MEDIA",
        f"{path.name} cannot be decoded{where}: {reason}",
        "deliver the file again; if it plays elsewhere, re-wrap it as MP4, MOV, MKV or WAV",
    )


def unreadable(path: Path) -> Refusal:
    """The refusal of a file that is no picture and no container on the list, NOT_MEDIA where it is text, or whose head
    is broken."""
    head = path.open("rb").read(512)
    return Refusal(
        "NOT_MEDIA" if _TEXT.fullmatch(head) else "CORRUPT_MEDIA",
        f"{path.name} is {f'no readable picture, video or sound (it begins with {head[:8]!r})' if head else 'empty'}",
        "deliver PNG, JPEG, WebP or TIFF; MP4, MOV or MKV; WAV, FLAC, MP3, M4A or OGG",
    )


def missing_codec(path: Path, codec: str) -> Refusal:
    """The refusal of a stream whose decoder is not there."""
    return Refusal(
        "MISSING_CODEC",
        f"{path.name}: there is no decoder for its codec ({codec})",
        "deliver H.264, HEVC, ProRes, VP9, AV1 or FFV1 video, and PCM, AAC, FLAC, MP3 or Opus sound",
    )
