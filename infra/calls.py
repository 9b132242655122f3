"""What passes between those who ask for work and the dispatcher: work, calls, attempts and what is called back."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from infra.errors import Failure


class Work(Protocol):
    """What the dispatcher must know of a piece of work; the rest is between the caller and the host."""

    @property
    def stage(self) -> str:
        """The stage that does it, by which its pool is found."""
        ...

    @property
    def fingerprint(self) -> str:
        """Its address: equal work in flight is done once."""
        ...


class Answer(Protocol):
    """What the dispatcher must know of an attempt."""

    @property
    def error_code(self) -> str:
        """Empty where it succeeded."""
        ...


@dataclass(frozen=True)
class Lost:
    """An attempt that no worker could report: which work, why, and since when (seconds of the wall clock)."""

    work: Any
    failure: Failure
    worker: str
    start: float
    end: float


@dataclass
class Call:
    """A piece of work on its way, and everybody who waits for it. suspect: so many workers died on it that it is
    tried once more alone."""

    work: Any
    order: tuple[Any, ...]
    waiting: list[Future[Any]]
    deaths: int = 0
    tries: int = 0
    begun: float = 0.0
    suspect: bool = False


@dataclass(frozen=True)
class Hooks:
    """What the dispatcher calls back: record every attempt, make one of a Lost, and say whether one may be repeated."""

    record: Callable[[Any], None]
    lost: Callable[[Lost], Any]
    again: Callable[[Any], bool]


class Drained(Exception):
    """The batch is stopping and this work had not begun."""
