"""A warm process that forks drivers and Ray's workers: a fresh one in 10 ms instead of a second, and killed for real.

Ray starts its workers with `sys.executable`; while a node is started that is a script which asks here for a fork. What
runs is Ray's own worker, in a process of its own that only did not have to import everything again.

python -m tests.faults.forge SOCKET worker|driver
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults import clock

# Ray's library reads from the environment, when it is loaded, which job a worker is of: workers load it themselves.
WORKER = (
    *("jsonschema", "google.protobuf.json_format", "requests", "yaml", "msgpack", "tqdm", "filelock", "psutil"),
    *("pandas", "pyarrow.parquet", "s3fs", "tasks.execute", "tests.faults.stages"),
)
DRIVER = (
    *("ray._private.worker", "pandas", "s3fs", "flows.commands.running", "flows.report.page", "flows.progress"),
    *("structlog", "infra.ledger", "tasks.execute", "tests.faults.stages", "tests.faults.drive"),
)
SCRIPT = """#!/bin/sh
case "$1" in
*setup_worker.py | *default_worker.py) exec "{python}" -I -S "{ask}" "{address}" "$@" ;;
*) exec "{python}" "$@" ;;
esac
"""
ASK = """import json, os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
link.sendall(json.dumps({"kind": "worker", "arguments": sys.argv[2:], "environment": dict(os.environ)}).encode())
link.shutdown(socket.SHUT_WR)
"""


class Forge:
    """The asking side: forks drivers, and starts Ray nodes whose workers are forked too."""

    def __init__(self, folder: Path) -> None:
        workers, self.address = str(folder / "workers"), str(folder / "drivers")
        (folder / "ask.py").write_text(ASK)
        self.python = folder / "python"
        self.python.write_text(SCRIPT.format(python=sys.executable, ask=folder / "ask.py", address=workers))
        self.python.chmod(0o755)
        self.log = folder / "forge.log"
        self._processes = [self._start(workers, "worker"), self._start(self.address, "driver")]
        for process, address in zip(self._processes, (workers, self.address), strict=True):
            self._wait(process, address)

    def _start(self, address: str, kind: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "tests.faults.forge", address, kind], stdout=log, stderr=log)

    def _wait(self, process: "subprocess.Popen[bytes]", address: str) -> None:
        while True:
            assert process.poll() is None, self.log.read_text()
            with socket.socket(socket.AF_UNIX) as link:
                if link.connect_ex(address) == 0:
                    return
            time.sleep(0.05)

    def driver(self, *arguments: str) -> "Child":
        """A new process that runs `tests.faults.drive.main`."""
        link = socket.socket(socket.AF_UNIX)
        link.connect(self.address)
        link.sendall(json.dumps({"kind": "driver", "arguments": arguments, "environment": dict(os.environ)}).encode())
        link.shutdown(socket.SHUT_WR)
        return Child(link)

    @contextmanager
    def executable(self) -> Iterator[None]:
        """While this block runs, whoever starts Python from `sys.executable` may get a fork."""
        usual, sys.executable = sys.executable, str(self.python)
        try:
            yield
        finally:
            sys.executable = usual

    def close(self) -> None:
        """End the warm processes; what they forked goes on."""
        for process in self._processes:
            process.kill()
            process.wait()


class Child:
    """A forked process: its number, and its end."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._code: int | None = None
        self.pid = int(self._line())

    def wait(self, timeout: float) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        if self._code is None and select.select([self._link], [], [], timeout)[0]:
            self._code = int(self._line() or -signal.SIGKILL)
            self._link.close()
        return self._code

    def _line(self) -> bytes:
        """Byte by byte: for what a buffer held already, `select` would wait."""
        line = b""
        while (byte := self._link.recv(1)) not in (b"", b"\n"):
            line += byte
        return line

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return


def serve(address: str, kind: str) -> None:
    """Import everything once, then fork whoever is asked for until the end."""
    clock.install()
    for name in WORKER if kind == "worker" else DRIVER:
        __import__(name)
    # Arrow's allocator has a thread that it starts again after a fork; nobody else's survives one.
    assert threading.active_count() == 1 and len(list(Path("/proc/self/task").iterdir())) <= 2, "a fork loses threads"
    door = socket.socket(socket.AF_UNIX)
    door.bind(address)
    door.listen(128)
    wake, poke = socket.socketpair()
    for end in (wake, poke):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(poke.fileno())
    waiting: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([door, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            _reap(waiting)
        if door in ready:
            _answer(door.accept()[0], [door, wake, poke, *waiting.values()], waiting)


def _reap(waiting: dict[int, socket.socket]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if (link := waiting.pop(pid, None)) is not None:
            with link:
                try:
                    link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                except OSError:
                    continue


def _answer(link: socket.socket, mine: list[socket.socket], waiting: dict[int, socket.socket]) -> None:
    text = b"".join(iter(lambda: link.recv(65536), b""))
    if not text:
        link.close()
        return
    asked = json.loads(text)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for other in (link, *mine):
            other.close()
        os.environ.clear()
        os.environ.update(asked["environment"])
        _become(asked["kind"], asked["arguments"])
    elif asked["kind"] == "driver":
        link.sendall(f"{pid}\n".encode())
        waiting[pid] = link
    else:
        link.close()


def _become(kind: str, arguments: list[str]) -> None:
    """Never returns: a driver, or what Ray's own start of a worker would have become."""
    code: Any = 1
    try:
        if kind == "driver":
            from tests.faults.drive import main

            code = main(*arguments)
        else:
            _worker(arguments)
    except SystemExit as error:
        code = error.code
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _worker(arguments: list[str]) -> None:
    """As `setup_worker.py` does without a runtime environment: Ray's worker, with what follows it as arguments."""
    import runpy

    place = next(index for index, word in enumerate(arguments) if word.endswith("default_worker.py"))
    sys.argv = [word for word in arguments[place:] if not word.startswith(("--language", "--serialized-runtime-env"))]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    # The module under its own name, not as __main__: forks find it as everybody else does.
    from tests.faults.forge import serve as begin

    begin(*sys.argv[1:])
