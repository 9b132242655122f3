"""The process's own handler of SIGTERM, kept where a library puts another in its place."""

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ROOM = 512
"""Bytes for a struct sigaction, which has 152 on 64-bit Linux and 16 on macOS."""


@contextmanager
def kept_sigterm() -> Iterator[None]:
    """What SIGTERM does when the block begins it does when the block ends, in whatever thread.

    Ray's core puts a handler of its own below Python's, which ends the process at once and takes the ledger's last
    rows along; Python's `signal.signal` could bring ours back from the main thread only.
    """
    libc = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(ROOM)
    libc.sigaction(int(signal.SIGTERM), None, before)
    try:
        yield
    finally:
        libc.sigaction(int(signal.SIGTERM), before, None)
