"""One store for everything that lasts: a local folder or an S3 bucket, with the same promises.

A key is a POSIX path below the root. A write is whole or absent. `create` has one winner. Every failure of the storage
is a TransientError STORAGE whose text holds no credentials; only a missing file is FileNotFoundError.
"""

import errno
import hashlib
import mimetypes
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar

import fsspec

from infra import atomic
from infra.cache import touch
from infra.errors import SetupError, TransientError
from infra.local_files import Entry, copy, files_below, move, walk
from infra.settings import Settings, cache_folder
from infra.settings import Storage as Options

T = TypeVar("T")

# Files of so many bytes go up in pieces, and their tag is not their digest.
WHOLE = 100 * 2**20

# What a caller can answer: a file that is not there to read, a name that is taken.
EXPECTED: dict[str, type[Exception]] = {
    **dict.fromkeys(("read", "list", "look up", "delete"), FileNotFoundError),
    "create": FileExistsError,
}


def open_store(root: str | Path, settings: Settings | None = None) -> "Store":
    """The store at a folder or an `s3://bucket/prefix`. Raises SetupError STORAGE_ROOT for any other address."""
    options = (settings or Settings()).storage
    address = str(root)
    if address.startswith("s3://") and len(address) > len("s3://"):
        return Store(address.rstrip("/"), options)
    if "://" in address and not address.startswith("file://"):
        raise SetupError(
            "STORAGE_ROOT", f"{address!r} is no place to store", "Name a local folder or s3://bucket/prefix"
        )
    return LocalStore(str(Path(address.removeprefix("file://")).expanduser().absolute()), options)


class Store:
    """Objects below an `s3://` root. Pickles by its address, so that a worker opens its own connection."""

    def __init__(self, root: str, options: Options) -> None:
        self.root = root
        self.options = options

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.root, self.options)

    @cached_property
    def system(self) -> Any:
        """The fsspec file system."""
        # No region is passed: s3fs then fails to make buckets. Listings change under us: never cached.
        timeouts = {"connect_timeout": 10, "read_timeout": self.options.timeout_s}
        return fsspec.filesystem(
            "s3",
            anon=self.options.anonymous,
            endpoint_url=self.options.endpoint,
            use_listings_cache=False,
            config_kwargs={**timeouts, "retries": {"max_attempts": 1}},
        )

    def address(self, key: str = "") -> str:
        """The full address of a key. Raises ValueError for a key that leaves the root."""
        if key.startswith("/") or "\\" in key or any(part in ("..", ".") for part in key.split("/")):
            raise ValueError(f"{key!r} is no key")
        return f"{self.root}/{key}".rstrip("/")

    def read(self, key: str) -> bytes:
        """The bytes at key. Raises FileNotFoundError."""
        # With more than one at a time s3fs first asks for the size: a second request, and a third where nothing is.
        return self._call("read", key, lambda: self.system.cat_file(self.address(key), max_concurrency=1))

    def write(self, key: str, data: bytes) -> None:
        """Put data at key, over whatever was there."""
        self._call("write", key, lambda: self.system.pipe_file(self.address(key), data))

    def create(self, key: str, data: bytes, sync: bool = True) -> bool:
        """Put data at key if nothing is there. True if data is there now, False if somebody else's content is.

        After a lost response our own success reads as "exists": what is there is compared with what we brought.
        sync: on a local disk, outlast a power cut.
        """
        try:
            self._call("create", key, lambda: self.system.pipe_file(self.address(key), data, mode="create"))
        except FileExistsError:
            return self.read(key) == data
        except TransientError:
            with suppress(FileNotFoundError):
                return self.read(key) == data
            raise
        return True

    def put_file(self, path: Path, key: str) -> bool:
        """Upload a local file. True where the storage has answered with the digest of what it keeps and it is this
        file's, so that nobody need look whether it arrived."""
        if path.stat().st_size >= WHOLE:
            self._call("write", key, lambda: self.system.put_file(str(path), self.address(key)))
            return False
        data = path.read_bytes()
        bucket, name, _ = self.system.split_path(self.address(key))
        kind = mimetypes.guess_type(path)[0]
        about = {"Bucket": bucket, "Key": name, "Body": data} | ({"ContentType": kind} if kind else {})
        answer = self._call("write", key, lambda: self.system.call_s3("put_object", **about))
        # Encrypted with a key of its own an object has another tag; then it says nothing.
        return bool(answer.get("ETag", "").strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest())

    def take_file(self, path: Path, key: str) -> bool:
        """As `put_file`, of a file that nobody needs afterwards; where it can, the store takes it instead of a copy.

        It outlasts a process, not a power cut: for what can be made again.
        """
        return self.put_file(path, key)

    def get_file(self, key: str, path: Path) -> None:
        """Download to a local path, whole or not at all. Raises FileNotFoundError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".draft-{os.getpid()}-{time.monotonic_ns()}-{path.name}")
        try:
            self._call("read", key, lambda: self.system.get_file(self.address(key), str(draft)))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def put_tree(self, folder: Path, key: str) -> None:
        """Upload every file below a folder. Links are refused: they may point anywhere."""
        for path in files_below(folder):
            self.put_file(path, f"{key}/{path.relative_to(folder).as_posix()}")

    def get_tree(self, key: str, folder: Path) -> None:
        """Download every file below key."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.keys(key):
            self.get_file(name, folder / PurePosixPath(name).relative_to(key))

    def exists(self, key: str) -> bool:
        """Whether a file is at key."""
        return bool(self._call("look up", key, lambda: self.system.isfile(self.address(key))))

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of all files below a prefix, sorted."""
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Bytes of every file below a prefix, by key."""
        return {key: entry.bytes for key, entry in self.entries(prefix).items()}

    def entries(self, prefix: str = "") -> dict[str, Entry]:
        """Bytes and time of every file below a prefix, by key."""
        base = self.system._strip_protocol(self.address())
        found = self._call("list", prefix, lambda: self.system.find(self.address(prefix), detail=True))
        return {name.removeprefix(base).lstrip("/"): _entry(info) for name, info in found.items()}

    def page(self, prefix: str) -> tuple[list[str], bool]:
        """Some of the keys below a prefix, the first of them as they are sorted, and whether there are more: what one
        request tells."""
        bucket, name, _ = self.system.split_path(self.address(prefix))
        about = {"Bucket": bucket, "Prefix": f"{name}/"}
        answer = self._call("list", prefix, lambda: self.system.call_s3("list_objects_v2", **about))
        base = len(name) - len(prefix)
        return [entry["Key"][base:] for entry in answer.get("Contents", [])], bool(answer.get("IsTruncated"))

    def digest(self, key: str) -> str:
        """SHA-256 of the content of key, read in pieces. Raises FileNotFoundError."""
        return self._call("read", key, lambda: self._digest(key))

    def folders(self, prefix: str = "") -> list[str]:
        """Names of the folders right below a prefix, sorted."""
        try:
            found = self._call("list", prefix, lambda: self.system.ls(self.address(prefix), detail=True))
        except FileNotFoundError:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in found if entry["type"] == "directory")

    def delete(self, key: str) -> None:
        """Remove a file or everything below a prefix; nothing happens where nothing is."""
        with suppress(FileNotFoundError):
            self._call("delete", key, lambda: self.system.rm(self.address(key), recursive=True))

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Remove files, many at once; those that are not there are passed over."""
        for first in range(0, len(keys), 1000):
            addresses = [self.address(key) for key in keys[first : first + 1000]]
            with suppress(FileNotFoundError):
                self._call("delete", keys[first], partial(self.system.rm, addresses))

    def materialise(self, key: str) -> Path:
        """A local path with the content of key; the key must name content that never changes."""
        path = self.cache / hashlib.sha256(self.root.encode()).hexdigest()[:16] / key
        touch(path)
        if not path.exists():
            self.get_file(key, path)
        return path

    @property
    def cache(self) -> Path:
        """Local folder for copies of remote files."""
        return Path(self.options.cache or cache_folder()).expanduser() / "remote"

    def _digest(self, key: str) -> str:
        with self.system.open(self.address(key), "rb") as file:
            return _digest_of(file)

    def _call(self, verb: str, key: str, act: Callable[[], T]) -> T:
        """Run a storage call, several times if need be."""
        for attempt in range(self.options.retries):
            try:
                return act()
            except Exception as error:
                if isinstance(error, (ValueError, EXPECTED.get(verb, ValueError))):
                    raise
                if attempt + 1 == self.options.retries or not _may_pass(error):
                    raise self._failed(verb, key, error) from None
            time.sleep(min(0.05 * 2**attempt, 2.0))
        raise AssertionError("unreachable")

    def _failed(self, verb: str, key: str, error: Exception) -> TransientError:
        """Only the kind of the error is told: its text may quote a request, and a request is signed."""
        kind = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        hint = "Check the network, the disk's space and the credentials of the storage; then run again"
        return TransientError("STORAGE", f"Could not {verb} {key or self.root}: {kind}", hint)


class LocalStore(Store):
    """Files below a local folder."""

    @cached_property
    def system(self) -> Any:
        return fsspec.filesystem("file")

    def path(self, key: str = "") -> Path:
        """The local path of a key."""
        return Path(self.address(key))

    def read(self, key: str) -> bytes:
        return self._call("read", key, lambda: self.path(key).read_bytes())

    def write(self, key: str, data: bytes) -> None:
        self._call("write", key, lambda: atomic.write(self.path(key), data))

    def create(self, key: str, data: bytes, sync: bool = True) -> bool:
        """As on S3: a hard link has one winner."""
        try:
            self._call("create", key, lambda: atomic.write(self.path(key), data, exclusive=True, sync=sync))
        except FileExistsError:
            return self.read(key) == data
        return True

    def put_file(self, path: Path, key: str) -> bool:
        self._call("write", key, lambda: copy(path, self.path(key)))
        return False

    def take_file(self, path: Path, key: str) -> bool:
        self._call("write", key, lambda: move(path, self.path(key)))
        return False

    def get_file(self, key: str, path: Path) -> None:
        self._call("read", key, lambda: copy(self.path(key), path))

    def entries(self, prefix: str = "") -> dict[str, Entry]:
        base = self.path()
        found = self._call("list", prefix, lambda: list(walk(self.path(prefix))))
        return {p.relative_to(base).as_posix(): entry for p, entry in found}

    def page(self, prefix: str) -> tuple[list[str], bool]:
        return self.keys(prefix), False

    def delete_keys(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._call("delete", key, partial(self.path(key).unlink, missing_ok=True))

    def _digest(self, key: str) -> str:
        with self.path(key).open("rb") as file:
            return _digest_of(file)

    def materialise(self, key: str) -> Path:
        """The file itself."""
        path = self.path(key)
        if not path.exists():
            raise FileNotFoundError(key)
        return path


def _entry(info: dict[str, Any]) -> Entry:
    modified = info.get("LastModified")
    return Entry(info["size"], modified.timestamp() if isinstance(modified, datetime) else 0.0)


def _digest_of(file: BinaryIO) -> str:
    found = hashlib.sha256()
    while piece := file.read(1 << 20):
        found.update(piece)
    return found.hexdigest()


def _may_pass(error: Exception) -> bool:
    """Whether the same call may do better in a moment: not where the disk is full or the door is shut."""
    hopeless = (
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOSPC,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EDQUOT,
        errno.ENOTDIR,
        errno.EISDIR,
    )
    return not isinstance(error, TypeError) and getattr(error, "errno", None) not in hopeless
