"""Files of a local disk as a store sees them: walked, copied and moved, each whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from infra import atomic


class Entry(NamedTuple):
    """What a listing says of a file. modified: seconds since 1970 by the storage's clock."""

    bytes: int
    modified: float


def files_below(folder: Path) -> list[Path]:
    """Regular files below a folder, sorted. Raises ValueError for a symbolic link."""
    found = sorted(folder.rglob("*"))
    linked = [path for path in found if path.is_symlink()]
    if linked:
        raise ValueError(f"{linked[0]} is a symbolic link")
    return [path for path in found if path.is_file()]


def walk(folder: Path) -> Iterator[tuple[Path, Entry]]:
    """Whole files with bytes and time, or the one file. Drafts are none, and what goes away meanwhile was not there."""
    if folder.is_file():
        yield folder, stated(folder)
    for place, _, names in os.walk(folder, onerror=_unless_gone):
        for path in (Path(place, name) for name in names if not name.startswith(".draft-")):
            with suppress(FileNotFoundError):
                yield path, stated(path)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def stated(path: Path) -> Entry:
    """Bytes and time of a file."""
    stat = path.stat()
    return Entry(stat.st_size, stat.st_mtime)


def copy(source: Path, target: Path, sync: bool = True) -> None:
    """Copy a file; sync: to outlast a power cut."""
    with source.open("rb") as read, atomic.replacing(target, sync) as write:
        shutil.copyfileobj(read, write, 1 << 20)


def move(source: Path, target: Path) -> None:
    """Move a file, over a border of disks if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy(source, target, sync=False)
