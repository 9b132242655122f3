"""The deliverable put together: encoded picture, dub and what goes along from the source, in one ffmpeg process that
copies the picture's packets as they are."""

import errno
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from emodiff_core.media.boxes import tell_languages
from emodiff_core.media.carry import Along, Carry
from emodiff_core.media.delivery import Delivery
from emodiff_core.media.encode import EncoderFailed, track_clock
from emodiff_core.media.files import FORMATS

_SAFE = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
_BRANDED = ("mp4", "mov")


@dataclass(frozen=True)
class Wrapping:
    """program: path of ffmpeg; delivery: container and codec of the dub; bitrate: of AAC; language: ISO 639-2/T of the
    dub; tags: of the file, laid over the source's; carry: what goes along, None where there is no source; last:
    ticks of the last frame, and seconds that it lasts, where that is not one step of the rate."""

    program: str
    delivery: Delivery
    time_base: Fraction
    bitrate: str = "192k"
    language: str = "und"
    tags: Mapping[str, str] = field(default_factory=dict)
    carry: Carry | None = None
    last: tuple[int, Fraction] | None = None


def wrap(path: Path, picture: Path, dub: Path, how: Wrapping) -> None:
    """Join the track that `encode` wrote and a WAV that begins at time 0 into the file at path; the same input gives
    the same bytes. The dub is the first track of sound and the default. Raises EncoderFailed, OSError ENOSPC."""
    command = _command(path, picture, dub, how)
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise _failure(done.stderr.decode(errors="replace"))
    if how.delivery.container == "mov":
        along = [track.language for _, track in _places(how.carry)]
        tell_languages(path, [how.carry.language if how.carry else "", how.language, *along])


def _command(path: Path, picture: Path, dub: Path, how: Wrapping) -> list[str]:
    streams = [ffmpeg.input(f"file:{picture}", **_SAFE)["v:0"], ffmpeg.input(f"file:{dub}", **_SAFE)["a:0"]]
    if how.carry is not None and (how.carry.streams or how.carry.tags):
        source = ffmpeg.input(f"file:{how.carry.source}", itsoffset=f"{float(-how.carry.zero):.9f}", **_SAFE)
        streams += [source[f"{along.kind}:{along.number}"] for along in how.carry.streams]
    made = ffmpeg.output(*streams, f"file:{path}", **_options(how)).global_args("-v", "error", "-y", "-copyts")
    command: list[str] = made.compile(cmd=how.program)
    end = command.index("-f", command.index("-map"))
    return [*command[:end], *_chapters(command, how.carry), *_stated(how), *command[end:]]


def _chapters(command: list[str], carry: Carry | None) -> list[str]:
    """Chapters come from the source, whichever of the inputs it became; without one there are none."""
    inputs = [command[k + 1] for k, word in enumerate(command) if word == "-i"]
    name = f"file:{carry.source}" if carry is not None else ""
    return ["-map_chapters", str(inputs.index(name) if name in inputs else -1)]


def _stated(how: Wrapping) -> list[str]:
    """What the file and its streams say of themselves; ffmpeg-python gives an option once only, so these go beside."""
    carry = how.carry
    tags = {**(carry.tags if carry else {}), **how.tags}
    said = [("-metadata", name, value) for name, value in sorted(tags.items())]
    said.append(("-metadata:s:a:0", "language", how.language))
    if carry is not None:
        said += [("-metadata:s:v:0", "language", carry.language), ("-metadata:s:v:0", "timecode", carry.timecode)]
        for place, along in _places(carry):
            said += [(f"-metadata:s:{place}", "language", along.language)]
            said += [(f"-metadata:s:{place}", "title", along.title)]
    return [word for option, name, value in said if value for word in (option, f"{name}={_printable(value)}")]


def _options(how: Wrapping) -> dict[str, Any]:
    delivery = how.delivery
    options: dict[str, Any] = {"format": delivery.container, "c:v": "copy", "c:a:0": delivery.sound}
    if delivery.sound == "aac":
        options["b:a:0"] = how.bitrate
    options |= _carried(how) | _ending(how)
    options |= {"map_metadata": -1, "disposition:a:0": "default", "fflags": "+bitexact", "flags:a": "+bitexact"}
    if delivery.container in _BRANDED:
        options |= track_clock(how.time_base) | {"movflags": "+faststart"}
        options |= {"tag:v": "hvc1"} if delivery.name == "hevc" else {}
    return options


def _ending(how: Wrapping) -> dict[str, Any]:
    """The last frame's duration told again: reading a MOV whose frames are not in order of showing forgets it."""
    if how.last is None:
        return {}
    pts, lasts = how.last
    at = f"lt(abs(PTS*TB-{float(pts * how.time_base):.6f})\\,0.0006)"
    return {"bsf:v": f"setts=pts=PTS:dts=DTS:duration=if({at}\\,{float(lasts):.9f}/TB\\,DURATION)"}


def _carried(how: Wrapping) -> dict[str, Any]:
    """Codec and rank of what goes along: the original's sound stays, no longer the default."""
    options: dict[str, Any] = {}
    for place, along in _places(how.carry):
        options[f"c:{place}"] = along.codec
        options[f"disposition:{place}"] = "-default"
        if along.codec == "aac":
            options[f"b:{place}"] = how.bitrate
    return options


def _places(carry: Carry | None) -> list[tuple[str, Along]]:
    """Each stream that goes along with its place in the deliverable, such as a:1."""
    numbers, placed = {"a": 1, "s": 0}, []
    for along in carry.streams if carry else ():
        placed.append((f"{along.kind}:{numbers[along.kind]}", along))
        numbers[along.kind] += 1
    return placed


def _failure(said: str) -> Exception:
    last = said.strip().splitlines()[-3:]
    if "No space left" in said:
        return OSError(errno.ENOSPC, "; ".join(last))
    return EncoderFailed("; ".join(last) or "ffmpeg ended without a word")


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
