"""Ctrl-C and SIGTERM: once to stop admitting and finish what runs, twice to stop at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from flows.console import say
from flows.driver import Driver

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(driver: Driver) -> Iterator[None]:
    """Signals mean this for the length of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            say("Stopped at once; the same command goes on from what was finished")
            os._exit(128 + number)
        say("Stopping: what runs is finished. Once more stops at once")
        driver.drain()

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
