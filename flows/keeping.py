"""Holding a batch while it runs: its lease is renewed in the background and given back at the end.

Where another run took it over, this one begins nothing more: what it has done is in the ledger and is used again.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.errors import EmodiffError
from infra.lease import Lease, LeaseLost, take
from infra.logs import logger
from infra.storage import Store

SECONDS = 90.0


@contextmanager
def keeping(store: Store, batch: str, seconds: float = SECONDS) -> Iterator[Lease]:
    """The lease of a batch for the length of the block. Raises SetupError BATCH_BUSY."""
    with take(store, batch, seconds) as lease:
        done = threading.Event()
        thread = threading.Thread(target=_renew, args=(lease, done), name="lease", daemon=True)
        thread.start()
        try:
            yield lease
        finally:
            done.set()
            thread.join(timeout=5)


def _renew(lease: Lease, done: threading.Event) -> None:
    while not done.wait(lease.seconds / 3):
        try:
            lease.renew()
        except LeaseLost as error:
            logger().error("lease lost", code=error.code, message=error.message)
            lease.lost()
            return
        except EmodiffError as error:
            logger().warning("lease not renewed", code=error.code, message=error.message)
