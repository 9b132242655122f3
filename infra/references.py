"""What must be kept: every artifact that a ledger, a plan or a published version speaks of."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.ledger import batches, plan_keys, read_table
from infra.parts import decode
from infra.publish import numbered, read_version
from infra.rows import SUCCESS
from infra.storage import Store

COLUMNS = ("stage", "status", "fingerprint", "output")


@dataclass
class References:
    """artifacts: (stage, fingerprint) of what is used or will be; folders: attempts that are named outright."""

    artifacts: set[tuple[str, str]] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def keeps(self, stage: str, fingerprint: str, attempts: set[str]) -> bool:
        """Whether an artifact, or an attempt at it, is spoken of. attempts: keys of its folders."""
        return (stage, fingerprint) in self.artifacts or bool(attempts & self.folders)


def references(store: Store) -> References:
    """All references of all batches. Raises SetupError where a ledger cannot be understood: then nothing is known."""
    found = References()
    for batch in batches(store):
        _of_rows(store, batch, found)
        _of_plans(store, batch, found)
    found.folders.update(video.rpartition("/")[0] for video in _published(store))
    return found


def _of_rows(store: Store, batch: str, found: References) -> None:
    """Failures speak of nothing, but for the artifact of check that shows why."""
    table = read_table(store, batch, columns=COLUMNS)
    for stage, status, value, output in zip(*(table[name].to_pylist() for name in COLUMNS), strict=True):
        if status in SUCCESS:
            found.artifacts.add((stage, value))
        if output.startswith("artifacts/"):
            found.folders.add(output)


def _of_plans(store: Store, batch: str, found: References) -> None:
    for key in plan_keys(store, batch):
        table = decode(key, store.read(key), ["stage", "fingerprint"])
        found.artifacts.update(zip(table["stage"].to_pylist(), table["fingerprint"].to_pylist(), strict=True))


def _published(store: Store) -> Iterator[str]:
    for key in store.keys("publish"):
        if numbered(key):
            yield from (video.file for video in read_version(store, key).videos)
