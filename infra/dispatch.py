"""Hands work to workers: the most urgent first, equal work once, and what died, hung or stumbled again by its rule.

One thread owns all state; everybody else talks to it through a queue of events.
"""

import heapq
import itertools
import math
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from infra import workers
from infra.calls import Answer, Call, Drained, Hooks, Lost, Work
from infra.errors import Failure
from infra.retry import may_try, poison, timed_out, wait_s, worker_lost
from infra.settings import Workers as Options

__all__ = ["Dispatcher", "Drained", "Hooks", "Lost", "Work"]

STEP_S = 3600.0
QUIET_S = 1.0
"""How long nothing else may be under way before a suspect is tried alone."""


@dataclass
class _State:
    waiting: dict[str, list[Any]] = field(default_factory=dict)
    later: list[Any] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    seats: dict[str, list[workers.Worker]] = field(default_factory=dict)
    suspects: list[Call] = field(default_factory=list)
    alone: Call | None = None
    quiet_since: float | None = None
    draining: bool = False
    end: float = math.inf


class Dispatcher:
    """Work in, futures out. Ray is brought up when the first work arrives: a batch without work needs none."""

    def __init__(
        self,
        options: Options,
        recipe: workers.Recipe,
        hooks: Hooks,
        ground: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._options = options
        self._recipe = recipe
        self._hooks = hooks
        self._ground = ground
        self._pool_of = {stage: name for name, pool in options.pools.items() for stage in pool.stages}
        self._events: queue.SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._count = itertools.count()
        self._state = _State()
        self._thread = threading.Thread(target=self._live, name="dispatcher", daemon=True)
        self._thread.start()

    def submit(self, work: Work, order: tuple[Any, ...] = ()) -> Future[Any]:
        """The attempt that decided; order sorts, least first. Equal fingerprints in flight share one answer."""
        future: Future[Any] = Future()
        self._events.put((self._admit, (work, order, future)))
        return future

    def warm(self) -> None:
        """Bring up Ray and all workers now, before the first work arrives."""
        self._events.put((self._warm, ()))

    def drain(self, within: float | None = None) -> None:
        """Begin nothing more: what runs is finished, what waits ends with Drained; and so, where it has no longer than
        so many seconds, does what is not finished by then."""
        self._events.put((self._drain, (within,)))

    def close(self) -> None:
        """Finish what was submitted, then end the workers."""
        self._events.put(None)
        self._thread.join()

    def _live(self) -> None:
        first = self._events.get()
        if first is None:
            return
        try:
            with self._ground():
                self._turn(first)
                while self._step():
                    pass
                self._leave()
        except BaseException as error:
            self._abandon(error, first)

    def _step(self) -> bool:
        """One event, or the next moment something is due. False once closed and nothing is under way."""
        event = self._next()
        if event is None:
            return self._finish()
        self._turn(event)
        return True

    def _next(self) -> tuple[Callable[..., None], tuple[Any, ...]] | None:
        try:
            return self._events.get(timeout=max(0.0, self._due() - time.monotonic()))
        except queue.Empty:
            return self._tick, ()

    def _turn(self, event: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
        act, arguments = event
        act(*arguments)
        self._fill()

    def _finish(self) -> bool:
        while self._state.calls:
            if (event := self._next()) is not None:
                self._turn(event)
        return False

    def _leave(self) -> None:
        for seat in self._all_seats():
            workers.fire(seat)

    def _abandon(self, error: BaseException, event: tuple[Callable[..., None], tuple[Any, ...]] | None) -> None:
        """The ground gave way: everybody who waits, or comes later, is told."""
        for call in self._state.calls.values():
            for future in call.waiting:
                _tell(future, error)
        self._state.calls.clear()
        while event is not None:
            for future in (argument for argument in event[1] if isinstance(argument, Future)):
                _tell(future, error)
            event = self._events.get()

    def _warm(self) -> None:
        for pool, options in self._options.pools.items():
            if options.stages:
                self._seats(pool)

    def _admit(self, work: Work, order: tuple[Any, ...], future: Future[Any]) -> None:
        running = self._state.calls.get(work.fingerprint)
        if running is not None:
            running.waiting.append(future)
        elif self._state.draining:
            future.set_exception(Drained())
        else:
            call = Call(work, order, [future])
            self._state.calls[work.fingerprint] = call
            self._enqueue(call)

    def _enqueue(self, call: Call) -> None:
        if call.suspect:
            self._state.suspects.append(call)
            return
        pool = self._pool_of[call.work.stage]
        heapq.heappush(self._state.waiting.setdefault(pool, []), (call.order, next(self._count), call))

    def _fill(self) -> None:
        """Give every worker its fill, one round at a time so that no worker hoards. Beside a suspect nothing runs."""
        if self._state.alone is not None:
            return
        for pool, line in self._state.waiting.items():
            if line:
                self._fill_pool(pool, line)
        self._watch_quiet()

    def _watch_quiet(self) -> None:
        """Note since when nothing but suspects is left."""
        state = self._state
        busy = any(state.waiting.values()) or bool(state.later) or any(seat.line for seat in self._all_seats())
        if busy or not state.suspects:
            state.quiet_since = None
        elif state.quiet_since is None:
            state.quiet_since = time.monotonic()

    def _quarantine(self) -> None:
        """Try a suspect once more: in a new process, with nothing beside it."""
        self._state.quiet_since = None
        call = self._state.alone = self._state.suspects.pop(0)
        pool = self._pool_of[call.work.stage]
        seats = self._seats(pool)
        workers.fire(seats[0])
        seats[0] = self._hire(pool, 0, seats[0].born + 1)
        self._hand(seats[0], call)

    def _all_seats(self) -> list[workers.Worker]:
        return list(itertools.chain.from_iterable(self._state.seats.values()))

    def _fill_pool(self, pool: str, line: list[Any]) -> None:
        seats = self._seats(pool)
        for depth in range(1, self._options.in_flight + 1):
            for seat in seats:
                if line and len(seat.line) < depth:
                    self._hand(seat, heapq.heappop(line)[2])

    def _seats(self, pool: str) -> list[workers.Worker]:
        if pool not in self._state.seats:
            self._state.seats[pool] = [self._hire(pool, index) for index in range(self._options.pools[pool].count)]
        return self._state.seats[pool]

    def _hire(self, pool: str, index: int, born: int = 0) -> workers.Worker:
        arrived = lambda seat: self._events.put((self._arrived, (seat,)))  # noqa: E731
        return workers.hire(pool, self._options.pools[pool], index, self._recipe, arrived, born)

    def _arrived(self, seat: workers.Worker) -> None:
        """A worker has found its place: only now the time of what it holds begins to count."""
        if not seat.up:
            seat.up = True
            self._begin(seat)

    def _begin(self, seat: workers.Worker) -> None:
        """The first in a worker's line is being worked on."""
        if seat.line:
            seat.line[0].since = time.monotonic()
            seat.line[0].call.begun = time.time()

    def _hand(self, seat: workers.Worker, call: Call) -> None:
        call.begun = time.time()
        workers.hand(seat, call, time.monotonic(), lambda: self._events.put((self._look, (seat,))))

    def _look(self, seat: workers.Worker) -> None:
        """Take the answers at the head of a worker's line; whoever is at its head when it died did not survive it."""
        while seat.line:
            ready, attempt = workers.answer(seat.line[0])
            if not ready:
                return
            if attempt is None:
                self._replace(seat, self._death)
                return
            done = seat.line.popleft()
            seat.up = True
            self._begin(seat)
            self._answered(done.call, attempt)

    def _answered(self, call: Call, attempt: Answer) -> None:
        self._hooks.record(attempt)
        call.tries += 1
        again = self._hooks.again(attempt) and may_try(attempt.error_code, call.tries, self._options)
        if again and not self._state.draining:
            self._postpone(call, attempt.error_code, call.tries)
        else:
            self._resolve(call, attempt)

    def _postpone(self, call: Call, code: str, tries: int) -> None:
        self._let_others_in(call)
        due = time.monotonic() + wait_s(code, tries, self._options)
        heapq.heappush(self._state.later, (due, next(self._count), call))

    def _let_others_in(self, call: Call) -> None:
        if self._state.alone is call:
            self._state.alone = None

    def _resolve(self, call: Call, attempt: Any) -> None:
        self._let_others_in(call)
        del self._state.calls[call.work.fingerprint]
        for future in call.waiting:
            future.set_result(attempt)

    def _replace(self, seat: workers.Worker, charge: Callable[[Call, str], None]) -> None:
        """A worker is gone: its first item is charged, the others go back unharmed, a new one takes the seat."""
        seats = self._state.seats[seat.pool]
        if seat not in seats:
            return
        first, *rest = list(seat.line)
        seat.line.clear()
        index = next(i for i, other in enumerate(seats) if other is seat)
        seats[index] = self._hire(seat.pool, index, seat.born + 1)
        for other in rest:
            self._enqueue(other.call)
        charge(first.call, seat.name)
        if self._state.draining:
            self._drain()

    def _death(self, call: Call, worker: str) -> None:
        """One more worker died on this item: back-off, then quarantine, then it is poison."""
        call.deaths += 1
        final = call.suspect or self._state.draining
        stage = call.work.stage
        failure = poison(stage, call.deaths) if call.suspect else None
        call.suspect = call.deaths >= self._options.deaths
        failure = failure or worker_lost(stage, worker, call.deaths, call.suspect)
        self._report_lost(call, failure, worker, call.deaths, final)

    def _timeout(self, call: Call, worker: str) -> None:
        call.tries += 1
        failure = timed_out(call.work.stage, worker, self._options)
        final = call.suspect or self._state.draining or not may_try(failure.code, call.tries, self._options)
        self._report_lost(call, failure, worker, call.tries, final)

    def _report_lost(self, call: Call, failure: Failure, worker: str, tries: int, final: bool) -> None:
        attempt = self._hooks.lost(Lost(call.work, failure, worker, call.begun, time.time()))
        self._hooks.record(attempt)
        if final:
            self._resolve(call, attempt)
        else:
            self._postpone(call, failure.code, tries)

    def _due(self) -> float:
        """When something happens by itself: an item's time is up, or one that was put off may try again."""
        state = self._state
        ends = [seat.line[0].since + self._options.timeout_s for seat in self._all_seats() if seat.line]
        ends += [moment for moment, _, _ in state.later[:1]]
        ends += [] if state.quiet_since is None else [state.quiet_since + QUIET_S]
        return min([*ends, state.end, time.monotonic() + STEP_S])

    def _tick(self) -> None:
        now = time.monotonic()
        while self._state.later and self._state.later[0][0] <= now:
            self._enqueue(heapq.heappop(self._state.later)[2])
        for seat in [seat for seat in self._all_seats() if seat.line]:
            if now - seat.line[0].since > self._options.timeout_s:
                workers.fire(seat)
                self._replace(seat, self._timeout)
        if now >= self._state.end:
            self._break_off()
        if self._state.quiet_since is not None and now - self._state.quiet_since >= QUIET_S:
            self._quarantine()

    def _break_off(self) -> None:
        """Time is up for what runs: it has not been done, and nobody is to blame."""
        for seat in [seat for seat in self._all_seats() if seat.line]:
            workers.fire(seat)
            self._give_back([running.call for running in seat.line])
            seat.line.clear()
        self._state.end = math.inf

    def _drain(self, within: float | None = None) -> None:
        self._state.draining = True
        if within is not None:
            self._state.end = min(self._state.end, time.monotonic() + within)
        idle = [call for line in self._state.waiting.values() for _, _, call in line]
        idle += [call for _, _, call in self._state.later] + self._state.suspects
        self._state.waiting.clear()
        self._state.later.clear()
        self._state.suspects.clear()
        self._give_back(idle)

    def _give_back(self, calls: list[Call]) -> None:
        for call in calls:
            del self._state.calls[call.work.fingerprint]
            for future in call.waiting:
                future.set_exception(Drained())


def _tell(future: Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
