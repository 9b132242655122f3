"""Boxes of an MP4 or MOV (ISO/IEC 14496-12): what its edit list says of the picture's end, the light of HDR, and the
languages of a MOV.

PyAV writes no `mdcv` and `clli` and reads no edit list's end; ffmpeg knows a MOV's languages by Apple's old numbers
alone, in which there is no `deu`, `swe` or `yue`. So these are done here, on the index.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from emodiff_core.media.light import Light

_ENTRY = 8 + 78
"""Bytes of a sample entry of pictures before the boxes in it (14496-12, 12.1.3)."""
_TO_ENTRY = (b"mdia", b"minf", b"stbl", b"stsd")
_MOST = 1 << 28
_CODE = re.compile("[a-z]{3}")


def picture_end(path: Path) -> tuple[Fraction, Fraction] | None:
    """Seconds at which the picture's edit list ends, on the file's own clock, and the unit in which it counts; None
    where there is none, or the file is no MP4 or MOV."""
    found = _index(path)
    if found is None:
        return None
    _, data = found
    try:
        track, header = _picture(data), _child(data, 0, b"mvhd")
        table = _child(data, _child(data, track, b"edts"), b"elst")
        scale = struct.unpack_from(">I", data, header + (28 if data[header + 8] else 20))[0]
        version, count = data[table + 8], struct.unpack_from(">I", data, table + 12)[0]
        size, kind = (20, ">Q") if version else (12, ">I")
        lasts = sum(struct.unpack_from(kind, data, table + 16 + size * k)[0] for k in range(count))
    except (KeyError, IndexError, struct.error):
        return None
    return (Fraction(lasts, scale), Fraction(1, scale)) if scale and lasts else None


def tell_light(path: Path, light: Light) -> None:
    """Add what is known of the light to the picture of a file whose index ends it. Raises ValueError for another."""
    boxes = _boxes(light)
    found = _index(path)
    if found is None or found[0] + len(found[1]) != path.stat().st_size:
        raise ValueError(f"{path.name} does not end with its index")
    start, data = found
    track = _picture(data)
    way = [0, track]
    for kind in _TO_ENTRY:
        way.append(_child(data, way[-1], kind))
    entry = way[-1] + 16
    out = bytearray(data)
    for place in (*way, entry):
        struct.pack_into(">I", out, place, _size(data, place) + len(boxes))
    out[entry + _ENTRY : entry + _ENTRY] = boxes
    with path.open("r+b") as file:
        file.seek(start)
        file.write(out)


def tell_languages(path: Path, languages: Sequence[str]) -> None:
    """Write the languages of the first tracks of an MP4 or MOV into its index, ISO 639-2/T as 14496-12, 8.4.2 packs
    them and QuickTime reads them from 0x400 on; a track stays as it is where its name is `und` or no code of three
    letters. Raises ValueError where there is no index."""
    found = _index(path)
    if found is None:
        raise ValueError(f"{path.name} has no index")
    start, data = found
    tracks = [place for place, kind in _inside(data, 0) if kind == b"trak"]
    with path.open("r+b") as file:
        for track, language in zip(tracks, languages, strict=False):
            if _CODE.fullmatch(language) and language != "und":
                header = _child(data, _child(data, track, b"mdia"), b"mdhd")
                file.seek(start + header + (40 if data[header + 8] else 28))
                file.write(struct.pack(">H", _packed(language)))


def _packed(language: str) -> int:
    first, second, third = (ord(letter) - 0x60 for letter in language)
    return first << 10 | second << 5 | third


def _boxes(light: Light) -> bytes:
    out = b""
    if light.display is not None:
        out += struct.pack(">I4s8H2I", 32, b"mdcv", *light.display.steps)
    if light.levels is not None:
        out += struct.pack(">I4s2H", 12, b"clli", *(min(level, 65535) for level in light.levels))
    return out


def _index(path: Path) -> tuple[int, bytes] | None:
    """Where the box `moov` begins, and its bytes."""
    with path.open("rb") as file:
        for place, size, kind in _boxes_of(file, path.stat().st_size):
            if kind == b"moov" and size < _MOST:
                file.seek(place)
                return place, file.read(size)
    return None


def _boxes_of(file: BinaryIO, end: int) -> Iterator[tuple[int, int, bytes]]:
    """(place, size, kind) of the outermost boxes, while they make sense."""
    place = 0
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        if size == 1 and len(head) == 16:
            size = struct.unpack_from(">Q", head, 8)[0]
        size = size or end - place
        if size < 8 or place + size > end:
            return
        yield place, size, kind
        place += size


def _picture(data: bytes) -> int:
    """Where the first track of pictures begins. Raises KeyError."""
    for track, kind in _inside(data, 0):
        if kind == b"trak":
            handler = _child(data, _child(data, track, b"mdia"), b"hdlr")
            if data[handler + 16 : handler + 20] == b"vide":
                return track
    raise KeyError("vide")


def _child(data: bytes, box: int, kind: bytes) -> int:
    """Where the box of a kind begins in the one that begins at `box`. Raises KeyError."""
    for place, found in _inside(data, box):
        if found == kind:
            return place
    raise KeyError(kind)


def _inside(data: bytes, box: int) -> Iterator[tuple[int, bytes]]:
    """(place, kind) of the boxes in a box."""
    place, end = box + 8, min(len(data), box + _size(data, box))
    while place + 8 <= end:
        yield place, data[place + 4 : place + 8]
        place += max(8, _size(data, place))


def _size(data: bytes, place: int) -> int:
    return int(struct.unpack_from(">I", data, place)[0])
