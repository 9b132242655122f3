"""A stream made a few items ahead by a thread of its own: decoders and encoders release Python's lock."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class _End(Enum):
    """What follows the last item."""

    END = 0


def ahead(items: Iterable[T], depth: int = 4) -> Iterator[T]:
    """The same items in the same order; at most `depth` wait. What making one raises is raised in its place."""
    stream = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as maker:
        coming: deque[Future[T | _End]] = deque(maker.submit(next, stream, _End.END) for _ in range(depth))
        while not isinstance(item := coming.popleft().result(), _End):
            coming.append(maker.submit(next, stream, _End.END))
            yield item
