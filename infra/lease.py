"""One driver for a batch: a lease in the store, taken over only after it ran out.

Each term is a file of its own, created exclusively under the next number, so that two drivers never both win; a driver
that slept past its end finds a higher number and learns that it lost.
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
from infra.storage import Store
from infra.ulid import ulid


class LeaseLost(EmodiffError):
    """Another driver has taken the batch over; this one must not write any more."""


@dataclass
class Lease:
    """A held term. seconds: how long it lasts without being renewed; renew it at a third of that."""

    store: Store
    batch: str
    term: int
    owner: str
    seconds: float
    clock: Callable[[], float] = time.time

    def renew(self) -> None:
        """Hold on for another term's length. Raises LeaseLost."""
        if _latest(self.store, self.batch) != self.term:
            raise LeaseLost("LEASE_LOST", f"Another run has taken over the batch {self.batch}", "Let that one finish")
        self.store.write(_key(self.batch, self.term), self.content(self.clock() + self.seconds))

    def release(self) -> None:
        """Let the next driver in at once; does nothing if the lease was lost."""
        if _latest(self.store, self.batch) == self.term:
            self.store.write(_key(self.batch, self.term), self.content(0.0))

    def content(self, until: float) -> bytes:
        """What the file says: who, and until when in seconds since 1970."""
        where = {"host": socket.gethostname(), "machine": _machine(), "pid": os.getpid(), "born": _born(os.getpid())}
        return json.dumps({"owner": self.owner, "until": until, **where}).encode()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take(store: Store, batch: str, seconds: float = 90.0, clock: Callable[[], float] = time.time) -> Lease:
    """The lease of a batch. Raises SetupError BATCH_BUSY while another driver holds it."""
    latest = _latest(store, batch)
    if latest and (held := _read(store, batch, latest))["until"] > clock() and not _dead(held):
        raise _busy(batch, held, clock())
    lease = Lease(store, batch, latest + 1, ulid(), seconds, clock)
    if not store.create(_key(batch, lease.term), lease.content(clock() + seconds)):
        raise _busy(batch, _read(store, batch, lease.term), clock())
    return lease


def _key(batch: str, term: int) -> str:
    return f"batches/{batch}/lease/{term:08d}.json"


def _latest(store: Store, batch: str) -> int:
    terms = [key.rsplit("/", 1)[-1].removesuffix(".json") for key in store.keys(f"batches/{batch}/lease")]
    return max((int(term) for term in terms if term.isdigit()), default=0)


def _read(store: Store, batch: str, term: int) -> dict[str, Any]:
    return json.loads(store.read(_key(batch, term)))


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
    left = max(0, round(held["until"] - now))
    message = f"The batch {batch} is being run on {held['host']} (process {held['pid']})"
    return SetupError("BATCH_BUSY", message, f"Wait for it; if it died, the batch is free in {left} s")
