"""Every kind of fault once, drawn anew, and the nights that once showed a bug."""

import time

import pytest

from tests.faults.__main__ import store_of
from tests.faults.lab import Lab
from tests.faults.schedule import KINDS, schedule

ROUND = range(len(KINDS), 2 * len(KINDS))
NAMED = {
    "an error that has no words was taken for the death of its worker": (31, "local"),
    "a Ctrl-C before anything ran showed a traceback": (214, "local"),
}


@pytest.fixture(scope="module")
def lab():
    with Lab() as lab:
        yield lab


@pytest.mark.timeout(1200)
def test_nothing_is_lost_in_a_night_of_each_kind(lab):
    begun = time.monotonic()
    verdicts = list(lab.many([(seed, store_of(seed, "both")) for seed in ROUND]))
    assert {verdict.kind for verdict in verdicts} == {kind.name for kind in KINDS} and len(verdicts) >= 40
    assert {verdict.store for verdict in verdicts} == {"local", "s3"}
    assert not [verdict for verdict in verdicts if verdict.wrong]
    assert sum(verdict.struck for verdict in verdicts) > len(verdicts), "faults did not strike"
    print(f"{len(verdicts)} nights in {time.monotonic() - begun:.0f} s")


@pytest.mark.parametrize("name", NAMED)
def test_what_was_mended_stays_mended(lab, name):
    assert lab.run(*NAMED[name]).wrong == []


def test_a_seed_is_the_same_night_everywhere():
    assert [schedule(seed, "local", "/f") == schedule(seed, "local", "/f") for seed in range(100)] == [True] * 100
    assert len({schedule(seed, "local", "/f").kind.name for seed in range(len(KINDS))}) == len(KINDS)
