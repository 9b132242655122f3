"""Nothing that a driver started outlives it, even one that is killed: a small process waits for its end and tidies up.

Prefect's server for one batch is a process of its own that SIGKILL of its driver would leave running for ever.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress

MARK = "EMODIFF_DRIVER"
_once = threading.Lock()


def guard() -> None:
    """Mark what this process starts from now on, to be ended with it. Does nothing the second time."""
    from infra.ulid import ulid

    with _once:
        if os.environ.get(MARK, "").endswith(f".{os.getpid()}"):
            return
        os.environ[MARK] = f"{ulid()}.{os.getpid()}"
        environment = {name: value for name, value in os.environ.items() if name != MARK}
        # The pipe's other end closes with this process however that ends; no other program inherits it.
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, os.environ[MARK]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        _guards.append(process)


_guards: list["subprocess.Popen[bytes]"] = []


def _wait_and_end(mark: str) -> None:
    sys.stdin.buffer.read()
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                process.kill()


if __name__ == "__main__":
    _wait_and_end(sys.argv[1])
