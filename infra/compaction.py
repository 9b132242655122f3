"""Many small parts become one: nothing is lost whatever dies, since the new part lies there before the old ones go.

Both lie side by side for a moment, and a reader that sees both counts no row twice. Two who fold at once both keep all
rows, because each deletes only what it has read and stored again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from infra.parts import encode, new_part, part_sizes, read_keys
from infra.storage import Store

# A part this large is read quickly as it is, and would only be written again and again.
LARGE = 16 * 2**20


@dataclass(frozen=True)
class Folded:
    """What was done for a stage: so many parts became one with so many rows."""

    stage: str
    parts: int
    rows: int


def compact(store: Store, batch: str, stage: str = "", least: int = 2) -> list[Folded]:
    """Fold the small parts of every stage, or of one, that has at least so many. Raises TransientError STORAGE.

    Where somebody else folds the same parts meanwhile, it is left to them.
    """
    small = defaultdict(list)
    for key, size in part_sizes(store, batch, stage).items():
        if size < LARGE:
            small[key.split("/")[-2]].append(key)
    done = [_fold(store, batch, name, keys) for name, keys in small.items() if len(keys) >= least]
    return [folded for folded in done if folded is not None]


def _fold(store: Store, batch: str, stage: str, keys: Sequence[str]) -> Folded | None:
    try:
        rows = distinct(read_keys(store, keys))
    except FileNotFoundError:
        return None
    if not store.create(new_part(batch, stage), encode(rows, keys)):
        return None
    store.delete_keys(keys)
    return Folded(stage, len(keys), rows.num_rows)


def distinct(table: pa.Table) -> pa.Table:
    """A table with each row once, by its id, in the order of its first."""
    _, first = np.unique(table.column("id").to_numpy(zero_copy_only=False).astype(str), return_index=True)
    return table.take(np.sort(first))
