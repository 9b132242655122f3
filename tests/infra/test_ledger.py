"""The ledger on a disk and on S3, as writers, readers and other tools see it."""

import multiprocessing
import time
from dataclasses import replace

import duckdb
import pandas as pd
import pytest

from infra.errors import SetupError, TransientError
from infra.ledger import Reader, Writer, batches, read_attempts, read_parts, read_plan, read_table, write_plan
from infra.rows import Attempt, Key
from infra.settings import Settings
from infra.storage import open_store
from tests.infra.proxy import Faults, proxied


def _row(number, stage="crop", status="succeeded", **more):
    return Attempt("night", f"job-{number}", stage, status, fingerprint="f", **more)


def test_what_was_added_is_read_back(store):
    rows = [_row(n, stage) for n in range(3) for stage in ("crop", "job")]
    with Writer(store, "night") as writer:
        writer.add(*rows)
    assert sorted(read_attempts(store, "night"), key=lambda r: r.id) == sorted(rows, key=lambda r: r.id)
    assert {row.stage for row in read_attempts(store, "night", "crop")} == {"crop"}
    assert batches(store) == ["night"]


def test_a_batch_without_rows_reads_as_empty(store):
    assert read_attempts(store, "night") == [] and Reader(store, "night").refresh().current() == {}


def _until(true):
    end = time.time() + 20
    while not true() and time.time() < end:
        time.sleep(0.02)
    return true()


def test_a_part_is_written_when_256_rows_wait_and_the_rest_at_the_end(local):
    writer = Writer(local, "night")
    for n in range(300):
        writer.add(_row(n))
    assert _until(local.keys), "nobody waited for 30 s or closed it"
    writer.close()
    assert read_table(local, "night").num_rows == 300


def test_a_part_is_written_when_time_is_up_though_nothing_more_comes(local):
    with Writer(local, "night", seconds=0.1) as writer:
        writer.add(_row(1))
        assert _until(local.keys)


def test_rows_that_could_not_be_stored_are_kept_and_sent_again(endpoint, bucket):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address, "retries": 1}))
        writer = Writer(store, "night", rows=2)
        faults.down = 10_000
        writer.add(_row(1), _row(2))
        with pytest.raises(TransientError, match="STORAGE"):
            writer.flush()
        writer.add(_row(3))
        faults.down = 0
        writer.close()
        assert {row.job for row in read_attempts(store, "night")} == {"job-1", "job-2", "job-3"}


def test_a_slow_storage_does_not_hold_up_who_adds(endpoint, bucket):
    faults = Faults(down=10_000)
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address, "retries": 2}))
        writer = Writer(store, "night", rows=1)
        start = time.time()
        for n in range(100):
            writer.add(_row(n))
        assert time.time() - start < 1
        faults.down = 0
        writer.close()
        assert len(Reader(store, "night").refresh().current()) == 100


def test_rows_that_never_arrive_are_an_error_at_the_end(endpoint, bucket):
    with proxied(endpoint, Faults(down=10_000)) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address, "retries": 1}))
        writer = Writer(store, "night")
        writer.add(_row(1))
        with pytest.raises(TransientError, match="STORAGE"):
            writer.close()


def test_a_reader_reads_only_what_is_new(store):
    reader = Reader(store, "night")
    with Writer(store, "night", rows=1) as writer:
        writer.add(_row(1, status="failed", error_code="NO_FACE"))
        writer.flush()
        assert reader.refresh().current()[Key("job-1", "crop")].error_code == "NO_FACE"
        writer.add(_row(1, attempt=2))
        writer.flush()
        assert reader.refresh().current()[Key("job-1", "crop")].ok


def _write(root, first):
    with Writer(open_store(root), "night", rows=10) as writer:
        for n in range(first, first + 50):
            writer.add(_row(n))


def test_several_processes_write_at_once_and_nothing_is_lost(local):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(local.root, 50 * n)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(Reader(local, "night").refresh().current()) == 150


def test_the_newest_plan_counts_and_older_ones_stay_as_they_were(store):
    row = {"job": "a", "stage": "crop", "fingerprint": "f", "action": "run", "reason": "new", "parts": "{}"}
    first = write_plan(store, "night", [row])
    before = store.read(first)
    write_plan(store, "night", [row | {"action": "reuse"}])
    assert read_plan(store, "night")[0]["action"] == "reuse"
    assert store.read(first) == before


def test_what_a_fingerprint_was_made_of_is_read_apart(store):
    with Writer(store, "night") as writer:
        writer.add(replace(_row(1), fingerprint="f1", parts='{"version": "1"}'))
    assert read_attempts(store, "night")[0].parts == "{}"
    assert read_parts(store, "night") == {"f1": '{"version": "1"}'}


def test_a_damaged_part_is_named(store):
    store.write("batches/night/attempts/crop/01X.parquet", b"PAR1 and then nothing")
    with pytest.raises(SetupError, match=r"LEDGER_DAMAGED: batches/night/attempts/crop/01X\.parquet"):
        read_attempts(store, "night")


def test_duckdb_and_pandas_read_it_without_our_code(local):
    with Writer(local, "night") as writer:
        writer.add(_row(1), _row(2, status="failed", error_code="NO_FACE"), _row(1, "job", "shipped"))
    parts = f"{local.root}/batches/night/attempts/*/*.parquet"
    query = f"SELECT error_code, count(*) FROM '{parts}' WHERE status = 'failed' GROUP BY error_code"
    assert duckdb.sql(query).fetchall() == [("NO_FACE", 1)]
    frame = pd.read_parquet(f"{local.root}/batches/night/attempts/crop")
    assert sorted(frame["job"]) == ["job-1", "job-2"]


def test_a_hundred_thousand_rows_are_a_state_within_seconds(local):
    with Writer(local, "night", rows=5_000) as writer:
        for n in range(12_500):
            writer.add(*(_row(n, stage) for stage in ("crop", "expression", "audio", "mux", "check", "job")))
            writer.add(_row(n, "generate", span=0), _row(n, "generate", span=1))
    start = time.process_time()
    assert len(Reader(local, "night").refresh().current()) == 100_000
    assert time.process_time() - start < 10
