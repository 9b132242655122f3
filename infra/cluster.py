"""Ray, started inside this process's own session or joined where a cluster already runs."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.errors import SetupError, TransientError
from infra.settings import Pool, Workers
from infra.signals import kept_sigterm

STORE_BYTES = 80_000_000
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_kill_child_processes_on_worker_exit": "true",
}


@contextmanager
def cluster(workers: Workers) -> Iterator[None]:
    """Ray for the length of the block: local (2 to 4 s, its files removed at the end), or joined by address."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    _hush()
    if workers.address:
        with _joined(workers.address):
            yield
    else:
        with _local(workers.pools):
            yield


def _hush() -> None:
    """Ray sets its loggers up when it is imported; what it then warns of is not for an operator of batches."""
    import ray

    assert ray.__version__
    for name in ("ray", "ray._private.worker", "ray._private.authentication"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextmanager
def _joined(address: str) -> Iterator[None]:
    import ray

    try:
        with kept_sigterm():
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except ConnectionError as error:
        hint = "Start a cluster, or leave workers.address empty for an embedded one"
        raise SetupError("NO_CLUSTER", f"No Ray cluster answers at {address}", hint) from error
    try:
        yield
    finally:
        _stop()


@contextmanager
def _local(pools: Mapping[str, Pool]) -> Iterator[None]:

    # Ray puts Unix sockets below this folder and their paths may have 107 characters, so TMPDIR is no place for it.
    folder = Path(tempfile.mkdtemp(prefix="emo", dir="/tmp" if Path("/tmp").is_dir() else None))
    try:
        _start(_cpus(pools), str(folder))
        yield
    finally:
        _stop()
        shutil.rmtree(folder, ignore_errors=True)


def _start(cpus: int, folder: str, tries: int = 3) -> None:
    """Start Ray. It gives its own processes 30 s, which a machine under load may need more than once."""
    import ray

    for left in reversed(range(tries)):
        try:
            with kept_sigterm():
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    include_dashboard=False,
                    object_store_memory=STORE_BYTES,
                    configure_logging=False,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                    _temp_dir=folder,
                )
            return
        except Exception as error:
            _stop()
            if not left:
                hint = "The machine may be overloaded or out of memory; run again"
                raise TransientError("RAY_START", f"Ray did not start: {error}", hint) from error


def _stop() -> None:
    import ray

    with kept_sigterm():
        ray.shutdown()


def _cpus(pools: Mapping[str, Pool]) -> int:
    """CPUs to announce: the machine's, or what the pools ask for where that is more: no worker waits for ever."""
    asked = sum(pool.cpus * pool.count for pool in pools.values())
    return max(os.cpu_count() or 1, int(asked + 0.999))


def options(pool: Pool) -> dict[str, Any]:
    """What an actor of this pool asks Ray for. Ray itself never retries: deaths are counted by the dispatcher."""
    return {"num_cpus": pool.cpus, "num_gpus": pool.gpus, "max_restarts": 0, "max_task_retries": 0}
