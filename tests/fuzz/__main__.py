"""Hostile bytes against every reader for some minutes; what broke a law is kept, and tells by the exit code.

python -m tests.fuzz [--minutes N] [--only READER] [--seed N] [--keep FOLDER]

Each round runs in a process of its own with little memory: a decoder that crashes it is told like any other find.
"""

import argparse
import mmap
import os
import resource
import signal
import struct
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.bend import bent
from tests.fuzz.readers import READERS, Reader

ROUND = 200
LONGEST_S = 20
MEMORY = 3 * 2**30


def main() -> int:
    """Exit code 0 where no law was broken."""
    asked = _arguments()
    keep = Path(asked.keep)
    readers = [reader for reader in READERS if asked.only in ("", reader.name)]
    runs: Counter[str] = Counter()
    finds: Counter[str] = Counter()
    number, end = asked.seed, time.monotonic() + 60 * asked.minutes
    while time.monotonic() < end:
        for reader in readers:
            count, broken = _round(reader, number, keep)
            runs[reader.name] += count
            finds[reader.name] += broken
        number += 1
    for reader in readers:
        print(f"{reader.name:10} {runs[reader.name]:>9,} executions {finds[reader.name]:>4} finds")
    print(f"{sum(runs.values()):,} executions, {sum(finds.values())} finds")
    return 1 if sum(finds.values()) else 0


def _round(reader: Reader, number: int, keep: Path) -> tuple[int, int]:
    """Executions and finds of one process's share."""
    shared = mmap.mmap(-1, 2**22)
    pid = os.fork()
    if pid == 0:
        _attack(reader, number, shared)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    count, size, named = struct.unpack_from("QQQ", shared)
    if status == 0:
        return count, 0
    keep.mkdir(parents=True, exist_ok=True)
    name = shared[24 : 24 + named].decode()
    path = keep / f"{reader.name}-{number}-{name}"
    path.write_bytes(shared[24 + named : 24 + named + size])
    why = f"signal {signal.Signals(-status).name}" if status < 0 else "an error of its own, above"
    print(f"{reader.name}, seed {number}: {why}; kept as {path}", flush=True)
    return count, 1


def _attack(reader: Reader, number: int, shared: mmap.mmap) -> None:
    """Never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    counts = [0]

    @seed(number)
    @settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(bent(reader.samples()))
    def once(drawn: tuple[str, bytes]) -> None:
        name, data = drawn
        counts[0] += 1
        label = name.encode()
        struct.pack_into("QQQ", shared, 0, counts[0], len(data), len(label))
        shared[24 : 24 + len(label) + len(data)] = label + data
        # Of this process's own time: a busy machine is no find.
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
        reader.read(name, data)
        signal.setitimer(signal.ITIMER_PROF, 0)

    try:
        once()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", default=20.0, type=float)
    parser.add_argument("--only", default="", choices=("", *(reader.name for reader in READERS)))
    parser.add_argument("--seed", default=0, type=int, help="the first round; the same seeds are the same bytes")
    parser.add_argument("--keep", default="fuzz-finds", help="where what broke a law is put")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
