"""Where faults strike: between the storage's calls of a driver or a worker, each fault as often as its schedule says.

Also the lab's own diary of what really happened, which owes nothing to the ledger: every execution of a stage, every
artifact that was committed, every fault that struck; monotonic seconds, which all processes of a machine share.
"""

import errno
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.faults import clock

T = TypeVar("T")

RECORD = re.compile(r"artifacts/(\w+)/(\w+)/artifact\.json")
WRITES = ("write", "create")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    role: driver or worker; act: kill, error, full, slow, twice, lost or jump; verb, key: patterns of the storage call;
    moment: before, during or after it; nth: the first matching call of a process that is struck; times: how often in
    all, whichever process; amount: seconds.
    """

    name: str
    role: str
    act: str
    verb: str = "."
    key: str = "."
    moment: str = "before"
    nth: int = 1
    times: int = 1
    amount: float = 0.0


class Injury:
    """The faults of one schedule in this process."""

    def __init__(self, folder: Path, role: str, faults: list[Fault]) -> None:
        self.folder, self.role = folder, role
        self.faults = [fault for fault in faults if fault.role == role]
        self.seen = dict.fromkeys((fault.name for fault in self.faults), 0)
        self.looked: dict[str, tuple[str, str, float]] = {}
        self.lock = threading.Lock()
        self.drafts = threading.local()

    def call(self, root: str, verb: str, key: str, act: Callable[[], T]) -> T:
        """One storage call, with whatever goes wrong around it."""
        struck = [fault for fault in self.faults if self._strikes(fault, verb, key)]
        for fault in struck:
            if fault.moment == "before" or fault.act != "kill":
                self._before(fault)
        self.drafts.fatal = any(fault.moment == "during" for fault in struck)
        if self.drafts.fatal:
            # Where nothing is flushed, as over a network, the end comes while the answer is awaited.
            threading.Timer(0.005, self._die).start()
        if any(fault.act == "twice" for fault in struck):
            act()
        answer = self._noted(root, verb, key, act)
        for fault in struck:
            self._after(fault)
        return answer

    def flush(self) -> None:
        """A local file is written and not yet in its place."""
        if getattr(self.drafts, "fatal", False):
            self._die()

    def note(self, what: str, **about: Any) -> None:
        """A line in the diary."""
        line = json.dumps({"what": what, "t": time.monotonic(), "pid": os.getpid(), "role": self.role} | about)
        with (self.folder / "diary.jsonl").open("a") as file:
            file.write(line + "\n")

    def _noted(self, root: str, verb: str, key: str, act: Callable[[], T]) -> T:
        record = RECORD.fullmatch(key)
        try:
            answer = act()
        except FileNotFoundError:
            if record and verb == "read":
                self.looked[record[1]] = (root, record[2], time.monotonic())
            raise
        if record and verb == "create":
            self.note("commit", root=root, stage=record[1], print=record[2])
        return answer

    def _strikes(self, fault: Fault, verb: str, key: str) -> bool:
        if not re.search(fault.verb, verb) or not re.search(fault.key, key):
            return False
        with self.lock:
            self.seen[fault.name] += 1
            return self.seen[fault.name] >= fault.nth and self._claim(fault)

    def _claim(self, fault: Fault) -> bool:
        for count in range(fault.times):
            with suppress(FileExistsError):
                (self.folder / f"{fault.name}.{count}.struck").touch(exist_ok=False)
                self.note("struck", fault=fault.name, act=fault.act)
                return True
        return False

    def _before(self, fault: Fault) -> None:
        match fault.act:
            case "kill":
                self._die()
            case "error":
                raise OSError(errno.EIO, "the lab's disk")
            case "full":
                raise OSError(errno.ENOSPC, "the lab's disk is full")
            case "slow":
                time.sleep(fault.amount)
            case "jump":
                clock.jump(fault.amount)
            case "stop":
                os.kill(os.getpid(), signal.SIGINT)

    def _after(self, fault: Fault) -> None:
        if fault.act == "lost":
            raise ConnectionResetError(errno.ECONNRESET, "the lab's network")
        if fault.act == "kill":
            self._die()

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


CURRENT: Injury | None = None


def enter(folder: Path, role: str) -> None:
    """Let the faults of a schedule into this process, once. Nothing happens where the folder is no schedule's."""
    global CURRENT
    if CURRENT is not None or not (folder / "faults.json").exists():
        return
    from infra import atomic, storage

    faults = [Fault(**fault) for fault in json.loads((folder / "faults.json").read_text())]
    mine = CURRENT = Injury(folder, role, faults)
    mine.note("born", raylet=os.environ.get("RAY_RAYLET_PID", ""))
    call, flush = storage.Store._call, atomic._flush

    def hurt(self: Any, verb: str, key: str, act: Callable[[], T]) -> T:
        if not self.root.startswith((str(folder), "s3://")):
            return call(self, verb, key, act)
        return call(self, verb, key, lambda: mine.call(self.root, verb, key, act))

    def fatal(file: Any, sync: bool) -> None:
        flush(file, sync)
        mine.flush()

    storage.Store._call = hurt  # type: ignore[method-assign]
    atomic._flush = fatal


def ran(job: str, stage: str, span: int | None) -> None:
    """A stage begins to work."""
    if CURRENT is not None:
        root, print_, looked = CURRENT.looked.get(stage, ("", "", 0.0))
        CURRENT.note("ran", job=job, stage=stage, span=span, root=root, print=print_, looked=looked)


def write(folder: Path, faults: list[Fault]) -> None:
    """What will go wrong, for the processes of a schedule."""
    (folder / "faults.json").write_text(json.dumps([asdict(fault) for fault in faults]))
