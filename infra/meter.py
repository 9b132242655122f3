"""What an attempt cost this process and the programs it ran."""

import resource
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


class Meter:
    """CPU seconds and peak memory since it was made; one at a time in a process."""

    def __init__(self) -> None:
        # "5" starts the kernel's high-water mark anew; without it the peak would be the process's whole life.
        with suppress(OSError):
            CLEAR.write_text("5")
        self._start = _cpu_s()

    def cpu_s(self) -> float:
        """CPU seconds of all threads, and of children that have ended."""
        return max(0.0, _cpu_s() - self._start)

    def peak_rss(self) -> int:
        """Most memory at one time, bytes."""
        with suppress(OSError, ValueError, StopIteration):
            lines = STATUS.read_text().splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cpu_s() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)
