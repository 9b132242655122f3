"""What `emodiff ledger`, `gc` and `publish` do."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flows import console
from flows.state import newest_batch, read_state
from flows.titles import FAILED, INCOMPLETE, publish_titles
from infra.collect import Garbage, collect, find_garbage, survey
from infra.compaction import compact
from infra.errors import EmodiffError
from infra.ledger import batches
from infra.origins import load
from infra.publish import Outcome
from infra.references import references
from infra.storage import Store, open_store
from infra.verify import verify

SHOWN = 100
UNSETTLED = (FAILED, INCOMPLETE, Outcome.OUTRUN, Outcome.SMALLER)


def verify_ledger(root: str, batch: str | None, quick: bool, as_json: bool) -> int:
    """Print what does not hold. Exit code 1 where something does not. Raises SetupError NO_SUCH_BATCH."""
    store = open_store(root, load())
    if batch is not None and batch not in batches(store):
        read_state(store, batch)
    audit = verify(store, batch, contents=not quick)
    orphans = [] if batch is not None else _orphans(store)
    if as_json:
        faults = [asdict(fault) for fault in audit.faults]
        about = {"root": store.root, "batch": batch, "ok": not faults, "looked_at": audit.counts, "faults": faults}
        console.emit(about | {"orphans": [_brief(one) for one in orphans]})
    else:
        rows = [(fault.batch, fault.code, fault.where, fault.message) for fault in audit.faults[:SHOWN]]
        if rows:
            console.table("Does not hold", ("batch", "code", "where", "what"), rows)
        _print_garbage("Orphans", orphans)
        looked = ", ".join(f"{count} {kind}" for kind, count in audit.counts.items())
        print(f"{len(audit.faults)} faults; looked at {looked or 'nothing'}")
    return 1 if audit.faults else 0


def _orphans(store: Store) -> list[Garbage]:
    """None where a ledger cannot be understood: that is a fault, and then nothing is known to be an orphan."""
    try:
        return find_garbage(store, references(store), time.time())
    except EmodiffError:
        return []


def compact_ledger(root: str, batch: str | None, as_json: bool) -> int:
    """Fold parts and say how many."""
    store = open_store(root, load())
    name = batch or newest_batch(store)
    read_state(store, name)
    folded = compact(store, name)
    if as_json:
        console.emit({"batch": name, "folded": [asdict(one) for one in folded]})
    else:
        rows = [(one.stage, one.parts, one.rows) for one in folded]
        console.table(f"Batch {name}", ("stage", "parts that became one", "rows"), rows)
    return 0


def collect_garbage(root: str, days: float, delete: bool, as_json: bool) -> int:
    """List what is unused, or delete it. Exit code 1 where a batch that began cut it short."""
    store, short = open_store(root, load()), False
    if delete:
        found, short = collect(store, lambda: survey(store, days, time.time()))
    else:
        found = survey(store, days, time.time())
    freed = sum(one.bytes for one in found)
    if as_json:
        about = {"root": store.root, "days": days, "deleted": delete, "cut_short": short, "bytes": freed}
        console.emit(about | {"folders": [_brief(one) for one in found]})
    else:
        _print_garbage("Deleted" if delete else "Unused", found)
        done = "deleted" if delete else "unused; --delete deletes it"
        print(f"{len(found)} folders, {freed / 2**20:.1f} MiB {done}")
        if short:
            console.say("A batch began, so the rest was left; run it again later")
    return 1 if short else 0


def publish_batch(root: str, batch: str, again: bool, as_json: bool) -> int:
    """Publish and say what became of each title's language."""
    done = publish_titles(open_store(root, load()), batch, again)
    if as_json:
        console.emit({"batch": batch, "titles": [asdict(one) for one in done]})
    else:
        columns = ("title", "language", "outcome", "version", "what")
        console.table("", columns, [(one.title, one.language, one.outcome, one.version, one.message) for one in done])
    return 1 if any(one.outcome in UNSETTLED for one in done) else 0


def _brief(one: Garbage) -> dict[str, Any]:
    return {"folder": one.folder, "why": one.why, "bytes": one.bytes, "days": round(one.age, 3), "files": len(one.keys)}


def _print_garbage(title: str, found: Sequence[Garbage]) -> None:
    rows = [(one.folder, one.why, f"{one.bytes / 2**20:.1f}", f"{one.age:.1f}") for one in found[:SHOWN]]
    if rows:
        console.table(title, ("folder", "why", "MiB", "days"), rows)
    if len(found) > SHOWN:
        console.say(f"and {len(found) - SHOWN} more; --json lists all")
