"""Folding parts never loses a row: wherever it dies, whoever folds, writes or reads at the same time."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from infra.compaction import compact
from infra.errors import SetupError
from infra.ledger import Reader, Writer, read_attempts, read_table
from infra.parts import encode, new_part, part_sizes
from infra.rows import Attempt, Key, to_table
from infra.storage import Store


class Died(BaseException):
    """The process ended here."""


def _rows(first: int, count: int, stage: str = "crop") -> list[Attempt]:
    return [Attempt("night", f"job-{n}", stage, "succeeded", fingerprint="f") for n in range(first, first + count)]


def _parts(store: Store, parts: int, each: int = 3) -> list[Attempt]:
    """A ledger of so many parts, as a long night leaves it."""
    rows = _rows(0, parts * each)
    for first in range(0, len(rows), each):
        store.create(new_part("night", "crop"), encode(to_table(rows[first : first + each])))
    return rows


def _read(store: Store) -> list[str]:
    return sorted({row.id for row in read_attempts(store, "night")})


def test_many_parts_become_one_with_every_row_once_and_the_names_of_its_sources(store):
    rows = _parts(store, 6)
    store.create(new_part("night", "crop"), encode(to_table(rows[:4])))
    sources = list(part_sizes(store, "night"))
    (folded,) = compact(store, "night")
    assert (folded.stage, folded.parts, folded.rows) == ("crop", 7, 18)
    (key,) = part_sizes(store, "night")
    assert sorted(read_table(store, "night")["id"].to_pylist()) == sorted(row.id for row in rows), "each once"
    named = json.loads(pq.read_schema(BytesIO(store.read(key))).metadata[b"emodiff.folds"])
    assert named == [name.rsplit("/", 1)[-1] for name in sources]
    assert compact(store, "night") == []


@pytest.mark.parametrize("point", range(5))
def test_wherever_it_dies_no_row_is_lost_and_the_next_one_finishes(store, monkeypatch, point):
    rows = _parts(store, 4)
    left = iter(range(point))

    def dying(act):
        def acted(*arguments, **more):
            if next(left, None) is None:
                raise Died
            return act(*arguments, **more)

        return acted

    once = dying(store.delete_keys)
    with monkeypatch.context() as patch:
        patch.setattr(store, "create", dying(store.create))
        patch.setattr(store, "delete_keys", lambda keys: [once([key]) for key in keys])
        with pytest.raises(Died):
            compact(store, "night")
    assert _read(store) == sorted(row.id for row in rows)
    assert len(Reader(store, "night").refresh().current()) == 12
    compact(store, "night")
    assert len(part_sizes(store, "night")) == 1 and _read(store) == sorted(row.id for row in rows)


def test_who_folds_writes_and_reads_at_once_lose_nothing(store):
    rows, done = _parts(store, 8), threading.Event()

    def fold() -> None:
        while not done.is_set():
            compact(store, "night")

    def read() -> int:
        least = 0
        while not done.is_set():
            found = len(_read(store))
            assert found >= least, "a row that was there is gone"
            least = found
        return least

    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(fold), pool.submit(fold), pool.submit(read), pool.submit(read)]
        for first in range(24, 48, 4):
            more = _rows(first, 4)
            store.create(new_part("night", "crop"), encode(to_table(more)))
            rows += more
        done.set()
        for future in waiting:
            future.result(60)
    assert _read(store) == sorted(row.id for row in rows)


def test_a_reader_that_saw_the_parts_before_they_were_folded_goes_on(store):
    reader = Reader(store, "night")
    rows = _parts(store, 4)
    assert len(reader.refresh().current()) == 12
    compact(store, "night")
    store.create(new_part("night", "crop"), encode(to_table(_rows(100, 1))))
    assert len(reader.refresh().current()) == len(rows) + 1


def test_a_part_that_is_folded_between_listing_and_reading_is_read_from_the_new_one(store, monkeypatch):
    _parts(store, 4)
    read, folded = store.read, threading.Event()

    def late(key):
        if not folded.is_set():
            folded.set()
            compact(store, "night")
        return read(key)

    monkeypatch.setattr(store, "read", late)
    assert len(Reader(store, "night").refresh().current()) == 12


def test_a_batch_folds_its_parts_when_it_ends_and_while_it_runs(local, monkeypatch):
    with Writer(local, "night") as writer:
        for n in range(5):
            writer.add(*_rows(n, 1), *_rows(n, 1, "job"))
            writer.flush()
    assert len(part_sizes(local, "night", "crop")) == len(part_sizes(local, "night", "job")) == 1
    monkeypatch.setattr("infra.ledger.MANY", 8)
    writer = Writer(local, "long", seconds=0.01)
    for n in range(40):
        writer.add(Attempt("long", f"{n}", "crop", "succeeded"))
        writer.flush()
    end = threading.Event()
    while len(part_sizes(local, "long")) > 8 and not end.wait(0.02):
        pass
    writer.close()
    assert len(Reader(local, "long").refresh().current()) == 40


def test_what_cannot_be_understood_is_not_folded_away(store):
    rows = _parts(store, 3)
    foreign = "batches/night/attempts/crop/01X.parquet"
    store.write(foreign, b"PAR1 and then nothing")
    with pytest.raises(SetupError, match="LEDGER_DAMAGED"):
        compact(store, "night")
    newer = to_table(rows[:1]).replace_schema_metadata({"emodiff.schema": "2"})
    store.write(foreign, encode(newer))
    with pytest.raises(SetupError, match="LEDGER_NEWER"):
        compact(store, "night")
    assert len(part_sizes(store, "night")) == 4


def test_columns_that_a_newer_writer_added_are_kept(store):
    table = to_table(_rows(0, 1))
    store.create(new_part("night", "crop"), encode(table.append_column("colour", [["red"]])))
    store.create(new_part("night", "crop"), encode(to_table(_rows(1, 1))))
    compact(store, "night")
    assert read_table(store, "night")["colour"].to_pylist() == ["red", None]
    assert Key("job-1", "crop") in Reader(store, "night").refresh().current()
