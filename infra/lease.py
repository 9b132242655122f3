"""One driver for a batch: a lease in the store, taken over only after it ran out.

Each term is a file of its own, created exclusively under the next number, so that two drivers never both win; a driver
that slept past its end finds a higher number and learns that it lost. Clocks of machines differ and jump: where the
clock says that a term is over, or cannot be true, the term is watched for its own length by the watcher's own count,
and whoever renews it meanwhile still holds it.
"""

import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from infra.errors import EmodiffError, SetupError
from infra.logs import logger
from infra.storage import Store
from infra.ulid import ulid

# Seconds of a term that does not say, and how often one is looked at while it is watched.
LONGEST, LOOKS = 90.0, 9

# Who deletes artifacts holds a lease too; a batch asks it to end, and waits no longer than its own term allows.
CLEANING, STOP_CLEANING = "gc/lease", "gc/stop"
PATIENCE_S = 60


class LeaseLost(EmodiffError):
    """Another driver has taken the batch over; this one must not write any more."""


@dataclass
class Lease:
    """A held term. seconds: how long it lasts without being renewed; renew it at a third of that.

    lost: what whoever renews it calls when another driver has taken over.
    """

    store: Store
    batch: str
    term: int
    owner: str
    seconds: float
    clock: Callable[[], float] = time.time
    place: str = ""
    renewals: int = 0
    lost: Callable[[], None] = lambda: None

    def renew(self) -> None:
        """Hold on for another term's length. Raises LeaseLost."""
        if not self.holds():
            raise LeaseLost("LEASE_LOST", f"Another run has taken over the batch {self.batch}", "Let that one finish")
        self.renewals += 1
        self.store.write(_key(self._place, self.term), self.content(self.clock() + self.seconds))

    def holds(self) -> bool:
        """Whether nobody has taken over."""
        return _latest(self.store, self._place) == self.term

    def release(self) -> None:
        """Let the next driver in at once; does nothing if the lease was lost."""
        if self.holds():
            self.store.write(_key(self._place, self.term), self.content(0.0))

    @property
    def _place(self) -> str:
        return self.place or folder(self.batch)

    def content(self, until: float) -> bytes:
        """What the file says: who, and until when in seconds since 1970."""
        where = {"host": socket.gethostname(), "machine": _machine(), "pid": os.getpid(), "born": _born(os.getpid())}
        term = {"owner": self.owner, "until": until, "seconds": self.seconds, "renewals": self.renewals}
        return json.dumps(term | where).encode()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take(
    store: Store,
    batch: str,
    seconds: float = 90.0,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    place: str = "",
) -> Lease:
    """The lease of a batch. Raises SetupError BATCH_BUSY while another driver holds it, or the store is being cleaned.

    seconds: how long a term lasts unless it is renewed; place: key of another thing to hold than a batch.
    """
    where = place or folder(batch)
    latest = _latest(store, where)
    if latest and (held := _read(store, where, latest)) and not _free(held):
        left = held["until"] - clock()
        if 0 < left <= _length(held) or not _silent(store, where, latest, sleep):
            raise _busy(batch, _read(store, where, latest), clock())
    lease = Lease(store, batch, latest + 1, ulid(), seconds, clock, place)
    if not store.create(_key(where, lease.term), lease.content(clock() + seconds)):
        raise _busy(batch, _read(store, where, lease.term), clock())
    if not place:
        _after_cleaning(lease, sleep)
    return lease


def holder(
    store: Store, place: str, clock: Callable[[], float] = time.time, grace: float | None = None
) -> dict[str, Any] | None:
    """What the lease at a place says of who may hold it; None where it is free. Does not wait.

    grace: seconds for which a term counts that the clock says is over, since another machine's clock may be behind;
    by default its own length.
    """
    latest = _latest(store, place)
    held = _read(store, place, latest) if latest else None
    if held is None or _free(held):
        return None
    return held if clock() <= held["until"] + (_length(held) if grace is None else grace) else None


def folder(batch: str) -> str:
    """Key of a batch's lease."""
    return f"batches/{batch}/lease"


def _after_cleaning(lease: Lease, sleep: Callable[[float], None]) -> None:
    """Have a deletion end that is under way, see `infra.collect`."""
    for _ in range(PATIENCE_S):
        if holder(lease.store, CLEANING, lease.clock) is None:
            return
        lease.store.write(STOP_CLEANING, lease.owner.encode())
        sleep(1.0)
    lease.release()
    raise SetupError("BATCH_BUSY", "Unused artifacts are being deleted (emodiff gc)", "Try again when it has ended")


def _free(held: dict[str, Any]) -> bool:
    """Whether nobody need wait: it was given back, or its holder is dead."""
    return held["until"] == 0 or _dead(held)


def _silent(store: Store, place: str, term: int, sleep: Callable[[float], None]) -> bool:
    """Whether a term was neither renewed nor succeeded for its own length, by the count of who watches."""
    before = _read(store, place, term)
    left = _length(before)
    logger().info("watching whether another run is alive", lease=_key(place, term), host=before["host"], seconds=left)
    while left > 0:
        step = min(left, _length(before) / LOOKS)
        sleep(step)
        left -= step
        now = _read(store, place, term)
        if _free(now):
            return True
        if now != before or _latest(store, place) != term:
            return False
    return True


def _length(held: dict[str, Any]) -> float:
    return float(held.get("seconds", LONGEST))


def _key(place: str, term: int) -> str:
    return f"{place}/{term:08d}.json"


def _latest(store: Store, place: str) -> int:
    terms = [key.rsplit("/", 1)[-1].removesuffix(".json") for key in store.keys(place)]
    return max((int(term) for term in terms if term.isdigit()), default=0)


def _read(store: Store, place: str, term: int) -> dict[str, Any]:
    return json.loads(store.read(_key(place, term)))


def _dead(held: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is gone: nobody need wait for it."""
    return bool(held["machine"] == _machine() and _born(held["pid"]) != held["born"])


def _machine() -> str:
    """Where a process number means the same process: containers may share a host's name, and a reboot begins anew."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    return f"{socket.gethostname()} {uuid.getnode():x}"


def _born(pid: int) -> str | None:
    """When a living process was started, which its number alone does not say; in ticks, which no clock change moves."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return "alive" if psutil.pid_exists(pid) else None


def _busy(batch: str, held: dict[str, Any], now: float) -> SetupError:
    left = max(0, round(min(held["until"] - now, _length(held))))
    message = f"The batch {batch} is being run on {held['host']} (process {held['pid']})"
    return SetupError("BATCH_BUSY", message, f"Wait for it; if it died, the batch is free in {left} s")
