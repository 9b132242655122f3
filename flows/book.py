"""What a batch's ledger says of each piece of work: what stands, what failed for good, and of what it was made."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from infra.ledger import Reader, read_parts
from infra.rows import Attempt, Key, State, current
from infra.storage import Store
from tasks.failures import permanent


def read_book(store: Store, batch: str, force: bool = False) -> "Book":
    """The book of a batch. force: nothing counts as failed for good."""
    state = Reader(store, batch).refresh().state
    return Book(state, lambda: read_parts(store, batch), force)


class Book:
    """Read once from the ledger, then kept up to date with the rows that this run adds."""

    def __init__(self, state: State, parts: Callable[[], Mapping[str, str]], force: bool = False) -> None:
        """parts: reads what fingerprints were made of; called at most once, and only where somebody asks why."""
        standing = current(state)
        self._lock = threading.Lock()
        self._count = {key: row.attempt for key, row in standing.items()}
        self._good = {key: row.fingerprint for key, row in standing.items() if row.ok}
        self._made = set(self._good.values())
        self._done = {key: row.fingerprint for key, row in _newest_done(state).items()}
        self._read_parts, self._parts = parts, None
        self._failed = {} if force else _failed_for_good(state)

    _parts: Mapping[str, str] | None

    def known(self, key: Key, fingerprint: str) -> bool:
        """Whether this key stands with a success of this fingerprint."""
        return self._good.get(key) == fingerprint

    def made(self, fingerprint: str) -> bool:
        """Whether a success of this fingerprint stands, of whichever job: then its digests have been compared."""
        return fingerprint in self._made

    def parked(self, fingerprint: str) -> Attempt | None:
        """The row of work that failed for good under this fingerprint."""
        return self._failed.get(fingerprint)

    def last(self, key: Key) -> Mapping[str, Any] | None:
        """What the newest finished work of a key was made of, empty where an older release did not note it; None where
        it was never finished."""
        fingerprint = self._done.get(key)
        if fingerprint is None:
            return None
        with self._lock:
            if self._parts is None:
                self._parts = self._read_parts()
        return json.loads(self._parts.get(fingerprint) or "{}")

    def number(self, row: Attempt) -> Attempt:
        """The row with its count, from 1 for each key."""
        with self._lock:
            count = self._count[row.key] = self._count.get(row.key, 0) + 1
            if row.ok:
                self._good[row.key] = row.fingerprint
                self._made.add(row.fingerprint)
            else:
                self._good.pop(row.key, None)
        return replace(row, attempt=count)


def _newest_done(state: State) -> dict[Key, Attempt]:
    """For each key the newest row with a result, whatever was tried since."""
    done: dict[Key, Attempt] = {}
    for (key, _), standing in state.items():
        row = standing.best
        if row.ok and (key not in done or (row.attempt, row.end) > (done[key].attempt, done[key].end)):
            done[key] = row
    return done


def _failed_for_good(state: State) -> dict[str, Attempt]:
    newest = ((fingerprint, standing) for (_, fingerprint), standing in state.items() if fingerprint)
    return {value: standing.newest for value, standing in newest if not standing.best.ok and permanent(standing.newest)}
