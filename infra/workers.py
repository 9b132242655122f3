"""Long-lived Ray workers: each hosts named stages, loads them once and takes one item at a time.

Only descriptions of work travel through Ray: ids and addresses, never frames.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.cluster import options
from infra.settings import Pool

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Host(Protocol):
    """What lives in a worker: it runs any work of its stages and never raises."""

    def run(self, work: Any) -> Any:
        """One item, to its attempt."""
        ...


MakeHost = Callable[[Sequence[str], str], Host]


class Seat:
    """The actor: a host in a process of its own."""

    def __init__(self, environment: dict[str, str], make: tuple[str, str], arguments: tuple[Any, ...]) -> None:
        os.environ.update(environment)
        module, name = make
        self._host: Host = getattr(__import__(module, fromlist=[name]), name)(*arguments)

    def up(self) -> None:
        """Answers once the process is there and its host is made."""

    def run(self, work: Any) -> Any:
        """One item of work."""
        return self._host.run(work)


@dataclass(frozen=True)
class Recipe:
    """How to make a host in another process: an importable callable and what it takes before (stages, worker)."""

    module: str
    name: str
    arguments: tuple[Any, ...] = ()


@dataclass
class Running:
    """Work that a worker holds; only the first in its line is being worked on. since: when it began, by a clock that
    never jumps; infinite while the worker itself waits for a place to be."""

    call: Any
    ref: Any
    since: float


@dataclass(eq=False)
class Worker:
    """One seat and the line in front of it. up: whether its process is there, which a busy cluster may put off."""

    pool: str
    name: str
    actor: Any
    line: deque[Running] = field(default_factory=deque)
    born: int = 0
    up: bool = False


def hire(
    pool_name: str, pool: Pool, index: int, recipe: Recipe, arrived: Callable[[Worker], None], born: int = 0
) -> Worker:
    """Start one worker; returns at once, the process loads its stages when work reaches it.

    arrived: called from a thread of Ray's once the process is there, or never will be.
    """
    import ray

    name = f"{pool_name}-{index}" + (f".{born}" if born else "")
    environment = {variable: str(pool.threads) for variable in THREADS} | {"OMP_WAIT_POLICY": "passive"}
    arguments = (*recipe.arguments, pool.stages, name)
    actor: Any = ray.remote(Seat).options(**options(pool)).remote(environment, (recipe.module, recipe.name), arguments)
    worker = Worker(pool_name, name, actor, born=born)
    actor.up.remote().future().add_done_callback(lambda _: arrived(worker))
    return worker


def fire(worker: Worker) -> None:
    """End a worker at once, whatever it is doing."""
    import ray

    ray.kill(worker.actor, no_restart=True)


def hand(worker: Worker, call: Any, now: float, notify: Callable[[], None]) -> None:
    """Put work into a worker's line; notify is called from a thread of Ray's when its end is known."""
    ref = worker.actor.run.remote(call.work)
    worker.line.append(Running(call, ref, now if worker.up else math.inf))
    ref.future().add_done_callback(lambda _: notify())


def answer(running: Running) -> tuple[bool, Any]:
    """(ready, attempt); attempt is None where the worker died on it."""
    import ray
    from ray.exceptions import RayError

    ready, _ = ray.wait([running.ref], timeout=0)
    if not ready:
        return False, None
    try:
        return True, ray.get(running.ref)
    except RayError:
        return True, None
