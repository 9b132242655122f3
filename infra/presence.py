"""Which artifacts are there, told a thousand at a time: a page of a listing instead of a request for each.

Fingerprints are digests, so the first page of a stage says how many pages there are: where a store holds far more than
is asked for, as after a hundred nights, asking for each is cheaper, and that is done.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from infra.artifacts import RECORD, Artifact, File, find_artifact
from infra.storage import LocalStore, Store

Find = Callable[[Store, str, str], Artifact | None]

FEW = 100
"""Artifacts of a stage for which no listing is begun."""
A_PAGE = 20
"""Requests for a single artifact that a page of a listing costs as much as: 1000 keys are 40 ms of CPU to read."""


class Seen(NamedTuple):
    """What a listing shows of a fingerprint. attempts: folder to bytes of its files by name."""

    record: bool
    attempts: Mapping[str, Mapping[str, int]]


def finder(store: Store, stages: Sequence[str], wanted: int) -> Find:
    """As `infra.artifacts.find_artifact`, for about so many artifacts of each stage; from a listing where that is
    cheaper.

    An artifact out of a listing has its address and the sizes of its files, and neither digests nor figures: it serves
    to look, not to verify.
    """
    if isinstance(store, LocalStore) or wanted < FEW:
        return find_artifact
    listed = {stage: seen for stage in stages if (seen := _listed(store, stage, wanted)) is not None}

    def find(store: Store, stage: str, fingerprint: str) -> Artifact | None:
        """What the listing shows, or the record itself where a stage was not listed."""
        if stage not in listed:
            return find_artifact(store, stage, fingerprint)
        seen = listed[stage].get(fingerprint)
        if seen is None or not seen.record:
            return None
        if len(seen.attempts) > 1:
            # One of them died or came second; the record says which counts.
            return find_artifact(store, stage, fingerprint)
        return _artifact(stage, fingerprint, seen)

    return find


def _listed(store: Store, stage: str, wanted: int) -> dict[str, Seen] | None:
    """All fingerprints of a stage; None where listing them costs more than asking for each."""
    first, more = store.page(f"artifacts/{stage}")
    if more and _pages(first[-1]) * A_PAGE > wanted:
        return None
    found: dict[str, Seen] = {}
    for key, size in store.sizes(f"artifacts/{stage}").items():
        _, _, fingerprint, *rest = key.split("/", 4)
        seen = found.get(fingerprint) or Seen(False, {})
        if rest == [RECORD]:
            found[fingerprint] = seen._replace(record=True)
        elif len(rest) == 2:
            attempts = {**seen.attempts}
            attempts[rest[0]] = {**attempts.get(rest[0], {}), rest[1]: size}
            found[fingerprint] = seen._replace(attempts=attempts)
    return found


def _pages(last: str) -> float:
    """How many pages there are, by the last key of the first: fingerprints lie evenly between 00... and ff..."""
    digits = last.split("/")[2][:8]
    return 16**8 / max(1, int(digits, 16)) if len(digits) == 8 else 1.0


def _artifact(stage: str, fingerprint: str, seen: Seen) -> Artifact:
    ((attempt, sizes),) = seen.attempts.items() or [("", {})]
    files = {name: File(bytes=size, sha256="") for name, size in sizes.items()}
    return Artifact(stage=stage, version="", fingerprint=fingerprint, attempt=attempt, files=files)
