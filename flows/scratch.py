"""A local folder for unfinished outputs, on the store's own disk where it has one, and gone when the run is."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.storage import LocalStore, Store
from infra.ulid import ulid


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """The folder. What runs that died on this machine left behind is cleared first."""
    base = store.path("scratch") if isinstance(store, LocalStore) else Path(tempfile.gettempdir()) / "emodiff-scratch"
    base.mkdir(parents=True, exist_ok=True)
    _clear(base)
    folder = base / f"{socket.gethostname()}.{os.getpid()}.{ulid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear(base: Path) -> None:
    for folder in base.iterdir():
        host, _, rest = folder.name.rpartition(".")[0].rpartition(".")
        if host == socket.gethostname() and rest.isdigit() and not psutil.pid_exists(int(rest)):
            shutil.rmtree(folder, ignore_errors=True)
