"""Nothing that anything speaks of is deleted, nothing young, and nothing at all while a batch runs."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.collect import DAY, collect, find_garbage, survey
from infra.errors import SetupError
from infra.lease import take
from infra.ledger import Reader
from infra.parts import part_sizes
from infra.references import references
from infra.rows import Key
from infra.storage import Store, open_store
from infra.verify import verify
from tests.flows.here import Here

DEAD, UNUSED = f"artifacts/crop/{'d' * 64}/01DEAD/track.parquet", f"artifacts/audio/{'e' * 64}"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A shipped batch, an attempt that died, and an artifact that no batch speaks of."""
    folder = tmp_path_factory.mktemp("ended")
    here = Here(open_store(folder / "root"), folder / "sheet")
    here.run(here.job("a"), here.job("bad", title="check:fail"))
    here.store.write(DEAD, b"half")
    here.store.write(f"{UNUSED}/01X/features.safetensors", b"sound")
    here.store.write(f"{UNUSED}/artifact.json", b"{}")
    return here


@pytest.fixture
def night(ended: Here, local: Store) -> Here:
    """That batch in a folder of one's own."""
    return ended.copied(local)


def _all(store: Store, days: float = 0.0, later: float = 0.0) -> set[str]:
    return {one.folder for one in survey(store, days, time.time() + later)}


def test_only_what_nothing_speaks_of_is_found(night, local):
    assert _all(local) == {f"artifacts/crop/{'d' * 64}", UNUSED}


def test_nothing_younger_than_asked_for_is_found(night, local):
    assert _all(local, days=1.0) == set()
    assert _all(local, days=1.0, later=2 * DAY) == {f"artifacts/crop/{'d' * 64}", UNUSED}


def test_what_it_deletes_is_gone_and_the_ledger_still_holds(ended, store):
    night = ended.copied(store)
    before = store.sizes()
    gone, short = collect(store, lambda: survey(store, 0.0, time.time()))
    assert not short and len(gone) == 2 and _all(store) == set()
    left = set(before) - set(store.sizes())
    assert left == {DEAD, f"{UNUSED}/01X/features.safetensors", f"{UNUSED}/artifact.json"}
    assert verify(store).faults == []
    assert {row.status for row in night.run(night.job("a")).values()} == {"shipped"}


def test_an_attempt_beside_the_one_that_won_is_found_but_not_one_that_a_row_names(night, local):
    row = Reader(local, "night").refresh().current()[Key("a", "mux")]
    lost = f"artifacts/mux/{row.fingerprint}/01LOST"
    local.write(f"{lost}/video.mp4", b"half")
    assert lost in _all(local) and row.output not in _all(local)
    local.delete(f"artifacts/mux/{row.fingerprint}/artifact.json")
    assert lost in _all(local) and row.output not in _all(local), "its record is gone, its row is not"


def test_where_the_record_cannot_be_read_only_what_rows_name_is_kept(night, local):
    row = Reader(local, "night").refresh().current()[Key("a", "mux")]
    lost = f"artifacts/mux/{row.fingerprint}/01LOST"
    local.write(f"{lost}/video.mp4", b"half")
    local.write(f"artifacts/mux/{row.fingerprint}/artifact.json", b"not json")
    assert lost in _all(local) and row.output not in _all(local)


def test_what_a_plan_a_published_version_or_an_older_row_of_any_batch_speaks_of_is_kept(night, local, tmp_path):
    night.run(night.job("a", words="changed"))
    other = Here(local, tmp_path / "other", "tuesday")
    other.run(other.job("c"))
    assert _all(local) == {f"artifacts/crop/{'d' * 64}", UNUSED}
    for key in part_sizes(local, "tuesday"):
        local.delete(key)
    assert not any("audio" in folder and folder != UNUSED for folder in _all(local)), "its plan speaks of it"
    local.delete("batches/tuesday")
    assert sum("audio" in folder for folder in _all(local)) == 2


def test_a_ledger_that_cannot_be_understood_stops_it(night, local):
    local.write("batches/night/attempts/crop/01A.parquet", b"nothing")
    with pytest.raises(SetupError, match="LEDGER_DAMAGED"):
        collect(local, lambda: survey(local, 0.0, time.time()))
    assert local.exists(DEAD)


def test_nothing_is_deleted_while_a_batch_runs(night, local):
    with take(local, "night"), pytest.raises(SetupError, match="BATCH_BUSY: The batch night is being run"):
        collect(local, lambda: survey(local, 0.0, time.time()))
    assert local.exists(DEAD)
    assert len(collect(local, lambda: survey(local, 0.0, time.time()))[0]) == 2


def test_a_batch_that_begins_makes_a_deletion_end_and_waits_for_it(store):
    for n in range(120):
        store.write(f"artifacts/crop/{n:064}/01X/x", b"1")
    found, begun = find_garbage(store, references(store), time.time()), threading.Event()

    def garbage():
        begun.set()
        time.sleep(0.3)
        return found

    with ThreadPoolExecutor(1) as pool:
        deletion = pool.submit(collect, store, garbage)
        begun.wait()
        with take(store, "night"):
            assert deletion.done(), "the batch begins when the deletion has ended"
            gone, short = deletion.result()
            left = len(store.keys("artifacts"))
    assert short and len(gone) + left == 120
    assert collect(store, lambda: find_garbage(store, references(store), time.time()))[1] is False


def test_two_deletions_at_once_are_one_too_many(store):
    with take(store, "gc", place="gc/lease"), pytest.raises(SetupError, match="BATCH_BUSY"):
        collect(store, list)
