"""Copies of remote files on this machine: kept for the stage that reads them next, the longest unused thrown away."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.logs import logger

EVERY = 600.0
"""Seconds between two looks, whoever of a machine's workers takes them."""
IN_USE = 6 * 3600.0
"""Seconds after its last use for which a copy is never thrown away: a stage may still be reading it."""
FREE = 0.1
"""Share of the disk that copies leave free, however large they may be."""
_DEPTHS = {"artifacts": 4, "inputs": 2}
"""Parts of a path that name one copy, which goes whole or stays."""


@dataclass(frozen=True)
class _Copy:
    path: Path
    bytes: int
    used: float


def touch(copy: Path) -> None:
    """Say that a copy is used now."""
    with suppress(OSError):
        os.utime(copy)


def sweep(cache: Path, limit: int, every: float = EVERY, in_use: float = IN_USE) -> int:
    """Bytes thrown away so that the copies in a folder weigh at most `limit` bytes and leave a tenth of its disk free.

    Nothing is looked at within `every` seconds of the last look, nor while another process of the machine looks; a
    copy that was used within `in_use` seconds stays. A folder that cannot be written is left as it is: work that is
    done is not lost for the sake of tidiness.
    """
    try:
        return _swept(cache, limit, every, in_use)
    except OSError as error:
        logger().warning("copies of remote files are not thrown away", folder=str(cache), why=str(error))
        return 0


def _swept(cache: Path, limit: int, every: float, in_use: float) -> int:
    stamp = cache / ".swept"
    with suppress(OSError):
        if time.time() - stamp.stat().st_mtime < every:
            return 0
    if not cache.is_dir():
        return 0
    with stamp.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0
        freed = _thin(cache, limit, in_use)
        os.utime(stamp)
    return freed


def _thin(cache: Path, limit: int, in_use: float) -> int:
    copies = sorted(_copies(cache), key=lambda copy: copy.used)
    disk = shutil.disk_usage(cache)
    excess = max(sum(copy.bytes for copy in copies) - limit, int(FREE * disk.total) - disk.free)
    freed, now = 0, time.time()
    for copy in copies:
        if freed >= excess or now - copy.used < in_use:
            break
        _drop(copy.path, cache)
        freed += copy.bytes
    return freed


def _copies(cache: Path) -> Iterator[_Copy]:
    """Every copy: a folder of an artifact's attempt, of an input, or a single file."""
    found: dict[Path, list[float]] = {}
    for place, _, names in os.walk(cache):
        for name in names:
            path = Path(place, name)
            parts = path.relative_to(cache).parts
            if parts == (".swept",):
                continue
            unit = cache.joinpath(*parts[: _DEPTHS.get(parts[0], len(parts))])
            with suppress(OSError):
                found.setdefault(unit, []).append(path.stat().st_size)
    for unit, sizes in found.items():
        with suppress(OSError):
            yield _Copy(unit, int(sum(sizes)), unit.stat().st_mtime)


def _drop(path: Path, cache: Path) -> None:
    """Take a copy away: first out of sight, so that nobody finds half of it; then the folders that it leaves empty."""
    gone = path.with_name(f".gone-{os.getpid()}-{path.name}")
    with suppress(OSError):
        path.rename(gone)
        if gone.is_dir():
            shutil.rmtree(gone, ignore_errors=True)
        else:
            gone.unlink()
        for folder in path.parents:
            if folder == cache:
                break
            folder.rmdir()
