"""The address of an output: SHA-256 over everything that decides its content, and nothing else."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fingerprint:
    """The digest, and the parts it was made of, so that a plan can say which part changed."""

    stage: str
    parts: Mapping[str, Any] = field(compare=False)
    value: str = ""

    def __str__(self) -> str:
        return self.value


def fingerprint(
    stage: str,
    version: str,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int | None = None,
    weights: Mapping[str, str] | None = None,
    **more: Any,
) -> Fingerprint:
    """The fingerprint of one stage's output.

    inputs: name to content digest or to another stage's fingerprint; settings: `infra.settings.pixels`;
    weights: model name to digest; more: other JSON values that decide the content, such as emotion or span.
    Raises ValueError for NaN.
    """
    parts: dict[str, Any] = {"stage": stage, "version": version}
    parts |= {f"input.{name}": str(value) for name, value in inputs.items()}
    parts |= {f"settings.{name}": value for name, value in settings.items()}
    parts |= {f"weights.{name}": value for name, value in (weights or {}).items()}
    parts |= more if seed is None else {**more, "seed": seed}
    return Fingerprint(stage, parts, hashlib.sha256(canonical(parts)).hexdigest())


def canonical(value: Any) -> bytes:
    """One byte string for equal values: sorted keys, no spaces, UTF-8, 1.0 written as 1. Raises ValueError for NaN."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of the parts that differ, sorted: the reason why something runs again."""
    names = before.keys() | after.keys()
    return sorted(name for name in names if _plain(before.get(name)) != _plain(after.get(name)))


def _plain(value: Any) -> Any:
    """JSON without accidents: tuples as lists, whole floats as integers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Digests:
    """Content digests of files, remembered by path, size and time of change: an unchanged catalog is not read again."""

    def __init__(self, cache: Path | None = None) -> None:
        """cache: an SQLite file that several processes may share; None remembers within this object."""
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
        self._name = ":memory:" if cache is None else str(cache)
        self._memory: dict[tuple[str, int, int], str] = {}
        if cache is not None:
            self._load()

    def of(self, path: Path) -> str:
        """SHA-256 of a file's content. Raises FileNotFoundError, IsADirectoryError."""
        stat = path.stat()
        key = (str(path.absolute()), stat.st_size, stat.st_mtime_ns)
        if key not in self._memory:
            with path.open("rb") as file:
                self._memory[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._memory[key]

    def save(self) -> None:
        """Keep what was learnt for the next night."""
        if self._name != ":memory:":
            with closing(self._connect()) as base, base:
                rows = [(*key, value) for key, value in self._memory.items()]
                base.executemany("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?)", rows)

    def _load(self) -> None:
        try:
            with closing(self._connect()) as base:
                rows = base.execute("SELECT path, size, mtime_ns, sha256 FROM digest").fetchall()
        except sqlite3.DatabaseError:
            # A cache that cannot be read costs time, never truth.
            Path(self._name).unlink(missing_ok=True)
            return
        self._memory = {(path, size, mtime): value for path, size, mtime, value in rows}

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._name, timeout=30)
        base.execute(
            "CREATE TABLE IF NOT EXISTS digest (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT)"
        )
        return base
