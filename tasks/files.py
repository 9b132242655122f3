"""The files a job names: where they are, what they hold, and a local path to read."""

import hashlib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from infra.cache import touch
from infra.errors import InputError
from infra.fingerprint import Digests
from infra.settings import Settings
from infra.storage import Store, open_store
from tasks.jobs import Job

MOTIONS = ("still", "natural")


def files_of(job: Job, folder: str) -> dict[str, str]:
    """Addresses of the files a job names, by input name. folder: what relative paths are relative to."""
    named = {
        "picture": job.picture,
        "speech": job.speech,
        "cues": job.cues,
        "music": job.music,
        "motion": None if job.motion in MOTIONS else job.motion,
    }
    return {name: resolve(value, folder) for name, value in named.items() if value}


def resolve(name: str, folder: str) -> str:
    """The address of a file named in a sheet; `package:skimage/data/x.png` lies in an installed Python package."""
    if name.startswith("s3://"):
        return name
    if name.startswith("package:"):
        return _packaged(name.removeprefix("package:"))
    if folder.startswith("s3://") and not name.startswith("/"):
        return f"{folder.rstrip('/')}/{name}"
    return str(Path(folder) / Path(name).expanduser())


def _packaged(name: str) -> str:
    package, _, inner = name.partition("/")
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or spec.origin is None or ".." in Path(inner).parts:
        return f"package:{name}"  # no such file: said with the other missing ones
    return str(Path(spec.origin).parent / inner)


def digest_files(files: Mapping[str, str], digests: Digests, settings: Settings) -> dict[str, str]:
    """Content digest of each file. Raises InputError FILE_MISSING, FILE_UNREADABLE or NOT_A_FILE, naming the first."""
    return {name: _digest(name, address, digests, settings) for name, address in files.items()}


def local_file(address: str, settings: Settings) -> Path:
    """A local path to read an input from."""
    if not address.startswith("s3://"):
        return Path(address)
    store, name = _remote(address, settings)
    digest = _remote_digest(store, name)
    copy = store.cache / "inputs" / digest
    touch(copy)
    target = copy / name
    if not target.exists():
        store.get_file(name, target)
    return target


def _digest(name: str, address: str, digests: Digests, settings: Settings) -> str:
    try:
        if address.startswith("s3://"):
            return _remote_digest(*_remote(address, settings))
        path = Path(address)
        if path.is_dir():
            raise InputError("NOT_A_FILE", f"{name}: {path} is a folder", "Name the file in it")
        if path.exists() and not path.is_file():
            # A device may be read for ever and a pipe makes the whole batch wait.
            raise InputError("NOT_A_FILE", f"{name}: {path} is a device or a pipe", "Name an ordinary file")
        if not os.access(path, os.R_OK) and path.exists():
            raise PermissionError
        return digests.of(path)
    except FileNotFoundError:
        hint = "Put the file there or mend the path in the sheet; paths are relative to the sheet"
        raise InputError("FILE_MISSING", f"{name}: {address} does not exist", hint) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError("FILE_UNREADABLE", f"{name}: {address} cannot be read ({reason})", "Mend its rights") from None


def _remote(address: str, settings: Settings) -> tuple[Store, str]:
    base, name = address.rsplit("/", 1)
    return open_store(base, settings), name


def _remote_digest(store: Store, name: str) -> str:
    """S3's own tag stands for the content: reading every input to hash it would double the night's traffic."""
    sizes = store.sizes(name)
    if name not in sizes:
        raise FileNotFoundError(name)
    info = store.system.info(store.address(name))
    return hashlib.sha256(f"{info.get('ETag')}:{sizes[name]}".encode()).hexdigest()
