"""A title's language ships whole, once: `publish/<title>/<language>/vN.json`, made by one conditional create.

A version names the videos of all its jobs by address and digest. Versions are never changed. Of two who publish at once
one makes the version, and the other learns so; what has been published before is not published again by itself.
"""

import hashlib
import re
import time
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.errors import SetupError, newer
from infra.fingerprint import canonical
from infra.storage import Store
from infra.ulid import ulid

SCHEMA_VERSION = 1
LONGEST = 120
NUMBERED = re.compile(r"v([1-9][0-9]{0,8})\.json")


class Video(BaseModel):
    """One job's deliverable. file: its key in the store; sha256, bytes: of that file."""

    model_config = ConfigDict(frozen=True)

    job: str
    file: str
    bytes: int
    sha256: str


class Version(BaseModel):
    """What `vN.json` says. time: seconds since 1970; by: who made it, so that one's own is known again."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    title: str
    language: str
    version: int
    batch: str
    time: float
    by: str
    content: str
    videos: tuple[Video, ...]


class Outcome(StrEnum):
    """published: a new version; same: this content was published before; outrun: another one came first;
    smaller: the newest version has jobs that this one lacks, so that the title would not be whole."""

    PUBLISHED = "published"
    SAME = "same"
    OUTRUN = "outrun"
    SMALLER = "smaller"


class Published(BaseModel):
    """What became of publishing. version: the one made, the one that has this content, or the newest."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    version: Version

    @property
    def key(self) -> str:
        """Where the version is."""
        return _key(self.version.title, self.version.language, self.version.version)


def publish(
    store: Store,
    batch: str,
    title: str,
    language: str,
    videos: Sequence[Video],
    again: bool = False,
    now: float | None = None,
) -> Published:
    """Make the next version of a title's language from the videos of all its jobs, if there is anything new in it.

    again: also what an older version held already, and also with fewer jobs than the newest has.
    Raises TransientError STORAGE, SetupError PUBLISH_DAMAGED, PUBLISH_NEWER.
    """
    known, content = versions(store, title, language), digest(videos)
    newest = known[-1] if known else None
    if newest is not None:
        before = [one for one in (known[-1:] if again else known) if one.content == content]
        if before:
            return Published(outcome=Outcome.SAME, version=before[-1])
        if not again and {video.job for video in newest.videos} - {video.job for video in videos}:
            return Published(outcome=Outcome.SMALLER, version=newest)
    mine = Version(
        title=title,
        language=language,
        version=newest.version + 1 if newest else 1,
        batch=batch,
        time=time.time() if now is None else now,
        by=ulid(),
        content=content,
        videos=tuple(sorted(videos, key=lambda video: video.job)),
    )
    return _enter(store, mine)


def _enter(store: Store, mine: Version) -> Published:
    """One conditional create decides; where its answer is lost, the store reads back whose it is."""
    key = _key(mine.title, mine.language, mine.version)
    if store.create(key, mine.model_dump_json(indent=1).encode()):
        return Published(outcome=Outcome.PUBLISHED, version=mine)
    theirs = read_version(store, key)
    same = theirs.content == mine.content
    return Published(outcome=Outcome.SAME if same else Outcome.OUTRUN, version=theirs)


def versions(store: Store, title: str, language: str) -> list[Version]:
    """All versions of a title's language, the first one first."""
    found = {number: key for key in store.keys(folder(title, language)) if (number := numbered(key))}
    return [read_version(store, found[number]) for number in sorted(found)]


def read_version(store: Store, key: str) -> Version:
    """The version at a key. Raises SetupError PUBLISH_DAMAGED, PUBLISH_NEWER, FileNotFoundError."""
    try:
        version = Version.model_validate_json(store.read(key))
    except ValidationError as error:
        raise SetupError("PUBLISH_DAMAGED", f"{key} cannot be read", "Restore it from a copy of the storage") from error
    if version.schema_version > SCHEMA_VERSION:
        raise newer("PUBLISH_NEWER", key, version.schema_version)
    return version


def numbered(key: str) -> int:
    """The number in a version's key, 0 where it is none."""
    found = NUMBERED.fullmatch(key.rsplit("/", 1)[-1])
    return int(found[1]) if found else 0


def digest(videos: Sequence[Video]) -> str:
    """One digest for the videos of a title's language: same jobs and same bytes, same digest."""
    return hashlib.sha256(canonical(sorted([video.job, video.sha256] for video in videos))).hexdigest()


def folder(title: str, language: str) -> str:
    """Key of the versions of a title's language; whatever a title holds, it stays one folder of its own."""
    return f"publish/{_name(title)}/{_name(language)}"


def _name(text: str) -> str:
    """One part of a key for any text. What is too long for a file's name is cut and told apart by a digest."""
    plain = unicodedata.normalize("NFC", text)
    safe = "".join(sign if sign.isalnum() or sign in " -_.,'!()" else quote(sign, safe="") for sign in plain)
    safe = f"%2E{safe[1:]}" if safe.startswith(".") else safe
    if len(safe.encode()) <= LONGEST:
        return safe
    cut = safe.encode()[: LONGEST - 17].decode(errors="ignore")
    return f"{cut}-{hashlib.sha256(plain.encode()).hexdigest()[:16]}"


def _key(title: str, language: str, version: int) -> str:
    return f"{folder(title, language)}/v{version}.json"
