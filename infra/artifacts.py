"""Outputs by fingerprint: written once, believed only when `artifact.json` is there, checked against its digests.

`artifacts/<stage>/<fingerprint>/artifact.json` is created last and names the folder of the attempt that won, so that
two attempts at once, or one that died, never mix their files. Nothing is forced to a local disk here, which would cost
70 ms an artifact: what a power cut takes shows in its size, is noticed when it is adopted, and made again.
"""

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.cache import touch
from infra.errors import TransientError, newer
from infra.local_files import files_below
from infra.storage import LocalStore, Store
from infra.ulid import ulid

RECORD = "artifact.json"
SCHEMA_VERSION = 1


class File(BaseModel):
    """One file of an artifact: bytes and SHA-256."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Artifact(BaseModel):
    """What `artifact.json` says. attempt: the folder beside it that holds the files, by their relative names."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    stage: str
    version: str
    fingerprint: str
    attempt: str
    files: dict[str, File]
    figures: dict[str, float] = {}

    @property
    def address(self) -> str:
        """Key of the folder with the files."""
        return f"{base(self.stage, self.fingerprint)}/{self.attempt}"

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files.values())

    @property
    def sha256(self) -> str:
        """One digest over names and digests of all files."""
        return whole_digest({name: file.sha256 for name, file in self.files.items()})


def whole_digest(digests: Mapping[str, str]) -> str:
    """One digest over names and digests of files."""
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def base(stage: str, fingerprint: str) -> str:
    """Key of an artifact."""
    return f"artifacts/{stage}/{fingerprint}"


def commit_artifact(
    store: Store, stage: str, version: str, fingerprint: str, folder: Path, figures: Mapping[str, float] | None = None
) -> Artifact:
    """Make a filled local folder the artifact of a fingerprint; the folder is used up.

    Returns the artifact that counts: another attempt's where that one was first. Raises TransientError STORAGE.
    """
    files = {
        p.relative_to(folder).as_posix(): File(bytes=p.stat().st_size, sha256=digest(p)) for p in files_below(folder)
    }
    artifact = Artifact(
        stage=stage, version=version, fingerprint=fingerprint, attempt=ulid(), files=files, figures=dict(figures or {})
    )
    arrived = [store.take_file(folder / name, f"{artifact.address}/{name}") for name in files]
    if not all(arrived):
        _confirm(store, artifact)
    if not store.create(_record(stage, fingerprint), artifact.model_dump_json(indent=1).encode(), sync=False):
        store.delete(artifact.address)
        return _winner(store, stage, fingerprint)
    _keep(store, artifact, folder)
    return artifact


def find_artifact(store: Store, stage: str, fingerprint: str) -> Artifact | None:
    """The artifact of a fingerprint, or None where none was committed. Its files are not looked at.

    A record that cannot be read is put out of the way: records are created whole, so it is damage. One of a newer
    program is not: SetupError ARTIFACT_NEWER.
    """
    try:
        return read_artifact(store, stage, fingerprint)
    except ValidationError:
        store.delete(_record(stage, fingerprint))
        return None


def read_artifact(store: Store, stage: str, fingerprint: str) -> Artifact | None:
    """The artifact of a fingerprint, changing nothing. Raises ValidationError, SetupError ARTIFACT_NEWER."""
    try:
        artifact = Artifact.model_validate_json(store.read(_record(stage, fingerprint)))
    except FileNotFoundError:
        return None
    if artifact.schema_version > SCHEMA_VERSION:
        raise newer("ARTIFACT_NEWER", f"The artifact {stage}/{fingerprint}", artifact.schema_version)
    return artifact


def verify_artifact(store: Store, artifact: Artifact, contents: bool = False) -> list[str]:
    """What is wrong with an artifact's files, a sentence each; none is well. contents: read all and compare digests."""
    sizes = store.sizes(artifact.address)
    wrong = []
    for name, file in artifact.files.items():
        key = f"{artifact.address}/{name}"
        if key not in sizes:
            wrong.append(f"{key} is missing")
        elif sizes[key] != file.bytes:
            wrong.append(f"{key} has {sizes[key]} bytes, not {file.bytes}")
        elif contents and store.digest(key) != file.sha256:
            wrong.append(f"{key} does not have its digest")
    return wrong


def adopt_artifact(store: Store, stage: str, fingerprint: str, contents: bool = False) -> Artifact | None:
    """The artifact if it is there and well. One that is damaged is put out of the way, so that it is made again."""
    artifact = find_artifact(store, stage, fingerprint)
    if artifact is not None and verify_artifact(store, artifact, contents):
        _put_away(store, artifact)
        return None
    return artifact


def forget_artifact(store: Store, stage: str, fingerprint: str) -> None:
    """Have an artifact made anew: its record is taken away; files stay where rows of the ledger say they are."""
    store.delete(_record(stage, fingerprint))


def local_artifact(store: Store, artifact: Artifact) -> Path:
    """A local folder with the artifact's files: the store's own on a local disk, else a checked copy in the cache.

    One that is damaged is put out of the way, so that it is made again. Raises TransientError STORAGE.
    """
    if isinstance(store, LocalStore):
        wrong, folder = verify_artifact(store, artifact), store.path(artifact.address)
    else:
        wrong, folder = [], _cached(store, artifact)
        touch(folder)
        if not _whole(folder, artifact):
            wrong = _bring(store, artifact, folder)
    if wrong:
        _put_away(store, artifact)
        raise TransientError("STORAGE", f"An artifact is damaged: {wrong[0]}", "Run again: it is made anew")
    return folder


def read_file(store: Store, artifact: Artifact, name: str) -> bytes:
    """The bytes of one file of an artifact, from the copy on this machine where there is one.

    Raises FileNotFoundError, TransientError STORAGE.
    """
    if not isinstance(store, LocalStore) and _whole(folder := _cached(store, artifact), artifact):
        return (folder / name).read_bytes()
    return store.read(f"{artifact.address}/{name}")


def digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(store: Store, artifact: Artifact) -> Path:
    """Where the copy of an artifact is on this machine, if there is one."""
    return store.cache / "artifacts" / artifact.stage / artifact.fingerprint / artifact.attempt


def _whole(folder: Path, artifact: Artifact) -> bool:
    """Whether a copy has all its files, by size: their digests were compared when it was made."""
    try:
        sizes = [(folder / name).stat().st_size == file.bytes for name, file in artifact.files.items()]
        return folder.is_dir() and all(sizes)
    except OSError:
        return False


def _bring(store: Store, artifact: Artifact, folder: Path) -> list[str]:
    """Copy an artifact to a local folder. What is wrong with it, as `verify_artifact` says it."""
    draft = folder.with_name(f".draft-{ulid()}")
    draft.mkdir(parents=True)
    try:
        for name, file in artifact.files.items():
            key = f"{artifact.address}/{name}"
            try:
                store.get_file(key, draft / name)
            except FileNotFoundError:
                return [f"{key} is missing"]
            if digest(draft / name) != file.sha256:
                return [f"{key} does not have its digest"]
        _settle(draft, folder, artifact)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return []


def _keep(store: Store, artifact: Artifact, folder: Path) -> None:
    """What was made on this machine is read on it next: a remote store's copy is kept, where there is room."""
    if not isinstance(store, LocalStore):
        target = _cached(store, artifact)
        draft = target.with_name(f".draft-{ulid()}")
        with suppress(OSError, TransientError):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder, draft)
            _settle(draft, target, artifact)
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _settle(draft: Path, folder: Path, artifact: Artifact) -> None:
    """Put a whole copy in its place, unless somebody else has brought the same meanwhile, which is as good."""
    with suppress(OSError):
        draft.rename(folder)
    try:
        if not _whole(folder, artifact):
            shutil.rmtree(folder, ignore_errors=True)
            draft.rename(folder)
    except OSError as error:
        raise TransientError("STORAGE", f"{artifact.address} could not be copied: {error.strerror}") from error


def _put_away(store: Store, artifact: Artifact) -> None:
    """Take a damaged artifact's record away, unless somebody else noticed too and made it again meanwhile."""
    if find_artifact(store, artifact.stage, artifact.fingerprint) == artifact:
        store.delete(_record(artifact.stage, artifact.fingerprint))


def _record(stage: str, fingerprint: str) -> str:
    return f"{base(stage, fingerprint)}/{RECORD}"


def _confirm(store: Store, artifact: Artifact) -> None:
    wrong = verify_artifact(store, artifact)
    if wrong:
        raise TransientError("STORAGE", f"What was written did not arrive: {wrong[0]}")


def _winner(store: Store, stage: str, fingerprint: str) -> Artifact:
    artifact = find_artifact(store, stage, fingerprint)
    if artifact is None:
        raise TransientError("STORAGE", f"The artifact {stage}/{fingerprint} was taken away while it was committed")
    return artifact
