"""Local files that exist whole or not at all, whatever dies in between.

sync: outlast a power cut as well, at some 10 ms a file; without it only processes may die.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes path's place when the block ends well; on an error path stays as it was."""
    with _draft(path) as (file, name):
        yield file
        _flush(file, sync)
        name.replace(path)
    _sync_folder(path.parent, sync)


@contextmanager
def creating(path: Path, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write that becomes path only if nobody was there first. Raises FileExistsError.

    A hard link fails when the name is taken, on every local file system and over NFS, and shows only whole content.
    """
    with _draft(path) as (file, name):
        yield file
        _flush(file, sync)
        os.link(name, path)
    _sync_folder(path.parent, sync)


def write(path: Path, data: bytes, exclusive: bool = False, sync: bool = True) -> None:
    """Write data so that a reader sees the old content or all of the new. Raises FileExistsError if exclusive."""
    with (creating if exclusive else replacing)(path, sync) as file:
        file.write(data)


@contextmanager
def _draft(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".draft-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            yield file, Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _flush(file: BinaryIO, sync: bool) -> None:
    file.flush()
    if sync:
        os.fsync(file.fileno())


def _sync_folder(folder: Path, sync: bool) -> None:
    if not sync:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
