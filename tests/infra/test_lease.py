"""Two drivers, one batch: one of them is refused."""

import json
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.errors import SetupError
from infra.lease import LeaseLost, take
from infra.storage import open_store


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


def _hold(root, ready):
    take(open_store(root), "night", 3600)
    ready.set()
    time.sleep(600)


def test_the_lease_of_a_process_of_this_machine_that_was_killed_is_free_at_once(local):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold, args=(local.root, ready))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(local, "night")
    holder.kill()
    holder.join()
    assert take(local, "night").term == 2


def test_the_process_number_of_another_machine_says_nothing(local):
    lease = take(local, "night", 3600)
    held = json.loads(local.read("batches/night/lease/00000001.json"))
    other = held | {"machine": "elsewhere", "pid": 2**22 - 1}
    local.write("batches/night/lease/00000001.json", json.dumps(other).encode())
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(local, "night")
    assert lease.term == 1
