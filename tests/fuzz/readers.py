"""The doors through which strangers' bytes come in, each with its law: an answer, or a refusal in its own words."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from emodiff_core.audio import probe_sound, stream_sound
from emodiff_core.media import Limits, decode, is_picture, probe, read_picture
from emodiff_core.refusal import Refusal
from infra.errors import InputError
from tasks.cues import parse_cues
from tasks.sheet import SheetError, parse_sheet
from tests.fuzz import samples

LIMITS = Limits(min_side=1, max_side=4096, max_pixels=4_000_000, max_seconds=600.0)


@dataclass(frozen=True)
class Reader:
    """A door. samples: honest files; read: takes a name and bytes, and raises only what breaks the law."""

    name: str
    samples: Callable[[], list[tuple[str, bytes]]]
    read: Callable[[str, bytes], str]


def _sheet(name: str, data: bytes) -> str:
    try:
        assert parse_sheet(data, name)
    except SheetError as error:
        return _said(error.code, str(error))
    return "read"


def _cues(name: str, data: bytes) -> str:
    try:
        assert all(cue.end > cue.start for cue in parse_cues(data, name))
    except InputError as error:
        return _said(error.code, str(error))
    return "read"


def _picture(name: str, data: bytes) -> str:
    def read(path: Path) -> None:
        is_picture(path)
        picture = read_picture(path, LIMITS)
        assert picture.ndim == 3 and picture.shape[2] == 3 and picture.size <= 3 * LIMITS.max_pixels

    return _media(name, data, read)


def _video(name: str, data: bytes) -> str:
    def read(path: Path) -> None:
        about = probe(path, LIMITS)
        for frame in islice(decode(path, LIMITS, threads=1), 50):
            assert frame.picture.shape[2] == 3 and frame.picture.size <= 3 * LIMITS.max_pixels
        assert about.width > 0 and about.height > 0

    return _media(name, data, read)


def _sound(name: str, data: bytes) -> str:
    def read(path: Path) -> None:
        probe_sound(path, 600.0)
        for chunk in islice(stream_sound(path, 48_000, max_seconds=600.0), 2000):
            assert chunk.ndim == 2 and chunk.shape[1] in (1, 2)

    return _media(name, data, read)


def _media(name: str, data: bytes, read: Callable[[Path], None]) -> str:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            read(path)
        except Refusal as error:
            return _said(error.code, error.message)
    return "read"


def _said(code: str, text: str) -> str:
    """A refusal's code. It has words, and none of them commands a terminal."""
    assert code.isupper() and text and text.encode()
    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in text), repr(text)
    return code


READERS = (
    Reader("sheet", samples.sheets, _sheet),
    Reader("cues", samples.cues, _cues),
    Reader("picture", samples.pictures, _picture),
    Reader("video", samples.videos, _video),
    Reader("sound", samples.sounds, _sound),
)
