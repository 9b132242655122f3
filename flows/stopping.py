"""Ctrl-C and SIGTERM: once to stop admitting and finish what runs, twice to stop at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """drain: what the first signal does; until it is set, nothing runs yet and the first one interrupts as usual.

    within: seconds that SIGTERM leaves it, for whoever sends that kills soon after; Ctrl-C waits for what runs.
    """

    drain: Callable[[float | None], None] | None = None
    within: float = 20.0


@contextmanager
def stopping() -> Iterator[Stop]:
    """Signals mean this for the length of the block; once one was heard, to the end of the process, for a second one
    comes late, while results are printed."""
    made = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield made
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        """What a signal does, in the midst of whatever the main thread is at."""
        heard.append(number)
        if len(heard) > 1:
            _say("Stopped at once; the same command goes on from what was finished")
            os._exit(128 + number)
        if made.drain is None:
            raise KeyboardInterrupt
        _say("Stopping: what runs is finished. Once more stops at once")
        made.drain(made.within if number == signal.SIGTERM else None)

    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield made
    finally:
        if not heard:
            for number, handler in before.items():
                signal.signal(number, handler)


def _say(text: str) -> None:
    """On stderr past its buffer: a signal comes also while that is being written, and it refuses a second writer."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())
