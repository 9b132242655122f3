"""Elements of a Matroska file (RFC 9559): the light of HDR, added to a track that was written with room for it.

PyAV gives a Matroska track no such elements, so a track's name of ROOM letters is taken out of it and they come in.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from emodiff_core.media.light import Light

ROOM = 200
_HEAD = 1 << 20
_SEGMENT, _TRACKS, _TRACK, _NAME = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x53\x6e"
_VIDEO, _COLOUR, _VOID = b"\xe0", b"\x55\xb0", b"\xec"
_MASTERING, _MOST, _MEAN = b"\x55\xd0", b"\x55\xbc", b"\x55\xbd"


@dataclass(frozen=True)
class _Element:
    """name: its ID; start: of its contents; end: after them."""

    name: bytes
    start: int
    end: int


def tell_light(path: Path, light: Light) -> None:
    """Add what is known of the light to the first track of a file that was written without checksums. Raises
    ValueError where the track has no name to give way."""
    with path.open("r+b") as file:
        head = file.read(_HEAD)
        segment = _first(_inside(head, 0, len(head)), _SEGMENT)
        tracks = _first(_inside(head, segment.start, segment.end), _TRACKS)
        track = _first(_inside(head, tracks.start, tracks.end), _TRACK)
        file.seek(track.start)
        file.write(_told(head, track, light))


def _told(head: bytes, track: _Element, light: Light) -> bytes:
    """A track's contents with the light in its picture's colours, as long as they were."""
    parts = []
    for part in _inside(head, track.start, track.end):
        if part.name == _VIDEO:
            parts.append(_element(_VIDEO, _coloured(head, part, light)))
        elif part.name != _NAME:
            parts.append(_element(part.name, head[part.start : part.end]))
    made = b"".join(parts)
    left = track.end - track.start - len(made)
    if left < 9:
        raise ValueError("the track's name leaves no room")
    return made + _VOID + struct.pack(">Q", (1 << 56) | (left - 9)) + bytes(left - 9)


def _coloured(head: bytes, video: _Element, light: Light) -> bytes:
    parts = {part.name: head[part.start : part.end] for part in _inside(head, video.start, video.end)}
    parts[_COLOUR] = parts.get(_COLOUR, b"") + _elements(light)
    return b"".join(_element(name, contents) for name, contents in parts.items())


def _elements(light: Light) -> bytes:
    out = b""
    if light.levels is not None:
        most, mean = (level.to_bytes(4, "big") for level in light.levels)
        out += _element(_MOST, most) + _element(_MEAN, mean)
    if (display := light.display) is not None:
        numbers = [*display.red, *display.green, *display.blue, *display.white, display.most, display.least]
        floats = (struct.pack(">d", float(number)) for number in numbers)
        out += _element(
            _MASTERING, b"".join(_element(bytes([0x55, 0xD1 + k]), value) for k, value in enumerate(floats))
        )
    return out


def _element(name: bytes, contents: bytes) -> bytes:
    length = next(n for n in range(1, 9) if len(contents) < (1 << 7 * n) - 1)
    return name + ((1 << 7 * length) | len(contents)).to_bytes(length, "big") + contents


def _first(elements: list[_Element], name: bytes) -> _Element:
    found = next((element for element in elements if element.name == name), None)
    if found is None:
        raise ValueError(f"no element {name.hex()}")
    return found


def _inside(head: bytes, start: int, end: int) -> list[_Element]:
    """The elements in a stretch of the file's head; one that is not there as a whole ends with it."""
    out = []
    while start + 2 <= min(end, len(head)):
        name = head[start : start + _length(head[start])]
        size_at = start + len(name)
        width = _length(head[size_at]) if size_at < len(head) else 1
        size = int.from_bytes(head[size_at : size_at + width], "big") & ((1 << 7 * width) - 1)
        begin = size_at + width
        last = end if size == (1 << 7 * width) - 1 else min(begin + size, end)
        out.append(_Element(name, begin, last))
        start = last
    return out


def _length(first: int) -> int:
    """Bytes of a number by its first byte; 8 where it is none."""
    return 9 - first.bit_length() if first else 8
