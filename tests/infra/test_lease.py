"""Two drivers, one batch: one of them is refused."""

import json
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.errors import SetupError
from infra.lease import LeaseLost, folder, holder, take
from infra.storage import open_store


class Clock:
    """A machine's clock. Whoever sleeps by it lets time pass, and what was asked for happens on the way."""

    now = 1_000.0

    def __init__(self, meanwhile=lambda: None):
        self.meanwhile = meanwhile
        self.slept = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.slept += seconds
        self.meanwhile()


def test_a_second_driver_is_refused_and_told_by_whom(store):
    with take(store, "night"), pytest.raises(SetupError, match="BATCH_BUSY") as caught:
        take(store, "night")
    assert "process" in caught.value.message and "free in" in caught.value.hint


def test_after_the_first_has_finished_the_next_may_begin_at_once(store):
    take(store, "night").release()
    assert take(store, "night").term == 2


@pytest.fixture
def foreign(monkeypatch):
    """Whoever holds a lease lives on another machine: whether its process is alive cannot be seen."""
    monkeypatch.setattr("infra.lease._machine", iter(range(10**9)).__next__)


def test_a_lease_is_taken_over_only_after_it_ran_out(store, foreign):
    clock = Clock()
    take(store, "night", 30, clock)
    clock.now += 29
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, clock, clock.sleep)
    assert clock.slept == 0, "refused at once"
    clock.now += 2
    assert take(store, "night", 30, clock, clock.sleep).term == 2
    assert clock.slept == pytest.approx(30), "watched for a whole term first"


@pytest.mark.parametrize("ahead", [3600, 31], ids=["an hour behind", "standing still"])
def test_a_driver_that_lives_keeps_its_lease_though_its_clock_is(store, foreign, ahead):
    """Seen from the other machine its terms are over; but it renews them."""
    first = take(store, "night", 30, Clock())
    watcher = Clock(meanwhile=first.renew)
    watcher.now += ahead
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, watcher, watcher.sleep)
    first.renew()


def test_a_dead_driver_whose_clock_was_a_day_ahead_blocks_nobody_for_a_day(store, foreign):
    ahead, clock = Clock(), Clock()
    ahead.now += 86_400
    take(store, "night", 30, ahead)
    assert take(store, "night", 30, clock, clock.sleep).term == 2
    assert clock.slept == pytest.approx(30)


def test_who_watches_lets_go_where_another_watcher_was_first_or_the_lease_is_given_back(store, foreign):
    clock = Clock()
    first = take(store, "night", 30, clock)
    rival = Clock(meanwhile=lambda: store.keys() and take(store, "night", 30, clock, Clock().sleep))
    rival.now += 31
    clock.now += 31
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, rival, rival.sleep)
    second = take(store, "tuesday", 30, clock)
    patient = Clock(meanwhile=second.release)
    patient.now += 100
    assert take(store, "tuesday", 30, patient, patient.sleep).term == 2
    assert patient.slept < 30 and not first.holds()


def test_who_may_hold_a_lease_is_told_without_waiting(store, foreign):
    clock = Clock()
    assert holder(store, folder("night"), clock) is None
    lease = take(store, "night", 30, clock)
    assert holder(store, folder("night"), clock)["owner"] == lease.owner
    clock.now += 45
    assert holder(store, folder("night"), clock), "another clock may be behind"
    clock.now += 20
    assert holder(store, folder("night"), clock) is None
    lease.renew()
    lease.release()
    assert holder(store, folder("night"), clock) is None


def test_a_renewed_lease_lasts_on(store, foreign):
    clock = Clock()
    first = take(store, "night", 30, clock)
    clock.now += 20
    first.renew()
    clock.now += 20
    with pytest.raises(SetupError, match="BATCH_BUSY"):
        take(store, "night", 30, clock)


def test_a_driver_that_slept_past_its_end_learns_that_it_lost(store, foreign):
    clock = Clock()
    first = take(store, "night", 30, clock)
    clock.now += 31
    second = take(store, "night", 30, clock, clock.sleep)
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
