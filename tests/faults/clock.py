"""A clock that can be set wrong. Imported before everything else, so that all code reads this one."""

import time

_true = time.time
_offset = 0.0


def now() -> float:
    """Seconds since 1970, as this process believes."""
    return _true() + _offset


def jump(seconds: float) -> None:
    """Set this process's clock forward, or back."""
    global _offset
    _offset += seconds


def install() -> None:
    """Have everything that is imported from now on read this clock."""
    time.time = now
