"""Sheets that arrived in a folder or a bucket, each with the name of its batch."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from flows.options import batch_of
from infra.settings import Settings
from infra.storage import open_store

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
SHEET = "sheet"


@dataclass(frozen=True)
class Arrived:
    """One sheet. address: where to read it; batch: named after it."""

    address: str
    batch: str


def sheets_in(inbox: str, settings: Settings) -> list[Arrived]:
    """Sheets right in the inbox, and files called `sheet` in the folders below it, whose batch is named after them.

    Other tables further down, such as cue files, are no sheets. Raises SetupError BATCH_NAME for two of one name.
    """
    store = open_store(inbox, settings)
    found = [PurePosixPath(key) for key in store.keys("") if _is_sheet(PurePosixPath(key))]
    arrived = [Arrived(store.address(str(path)), _name(path)) for path in found]
    twice = {one.batch for one in arrived if [other.batch for other in arrived].count(one.batch) > 1}
    # Two sheets of one name would be one batch that is edited to and fro: both keep their kind in the name.
    return [Arrived(one.address, f"{one.batch}-{kind_of(one)}") if one.batch in twice else one for one in arrived]


def kind_of(one: Arrived) -> str:
    """`csv` of a sheet in CSV."""
    return PurePosixPath(one.address).suffix.removeprefix(".")


def _is_sheet(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    known = path.suffix.lower() in KINDS and not hidden
    return known and (len(path.parts) == 1 or path.stem.lower() == SHEET)


def _name(path: PurePosixPath) -> str:
    if len(path.parts) == 1:
        return batch_of(path.name, None)
    return batch_of("sheet", re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(path.parts[:-1])).strip("-."))
