"""Two drivers, one batch: one of them is refused."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.errors import SetupError
from infra.lease import LeaseLost, take


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


def test_a_second_driver_is_refused_and_told_by_whom(store):
    with take(store, "night"), pytest.raises(SetupError, match="BATCH_BUSY") as caught:
        take(store, "night")
    assert "process" in caught.value.message and "free in" in caught.value.hint


def test_after_the_first_has_finished_the_next_may_begin_at_once(store):
    take(store, "night").release()
    assert take(store, "night").term == 2


def test_a_lease_is_taken_over_only_after_it_ran_out(store):
    clock = Clock()
    take(store, "night", 30, clock)
    clock.now += 29
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, clock)
    clock.now += 2
    assert take(store, "night", 30, clock).term == 2


def test_a_renewed_lease_lasts_on(store):
    clock = Clock()
    first = take(store, "night", 30, clock)
    clock.now += 20
    first.renew()
    clock.now += 20
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, clock)


def test_a_driver_that_slept_past_its_end_learns_that_it_lost(store):
    clock = Clock()
    first = take(store, "night", 30, clock)
    clock.now += 31
    second = take(store, "night", 30, clock)
    with pytest.raises(LeaseLost):
        first.renew()
    first.release()
    second.renew()


def test_of_many_who_ask_at_once_one_gets_it(store):
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        try:
            return take(store, "night")
        except SetupError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert sum(lease is not None for lease in pool.map(ask, range(8))) == 1


def test_batches_do_not_share_a_lease(store):
    take(store, "monday")
    assert take(store, "tuesday").term == 1
