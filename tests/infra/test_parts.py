"""Rows of other times: those of an older program are understood, those of a newer one refused in so many words."""

import pyarrow as pa
import pytest

from infra.compaction import compact
from infra.errors import SetupError
from infra.ledger import Reader, read_attempts, read_plan
from infra.parts import encode, part_sizes
from infra.rows import Attempt, Key, to_table

# What the first ledgers held, before rows had ids, spans, figures and a version.
OLDEST = pa.table(
    {
        "job": ["maria-de", "maria-fr"],
        "stage": ["crop", "crop"],
        "status": ["failed", "succeeded"],
        "attempt": pa.array([1, None], pa.int32()),
        "error_code": ["NO_FACE", None],
        "end": [1_790_000_000.0, 1_790_000_060.0],
    }
)
PLACE = "batches/night/attempts/crop/01OLD.parquet"


def test_rows_of_the_oldest_schema_are_read_with_defaults(store):
    store.write(PLACE, encode(OLDEST))
    german, french = read_attempts(store, "night")
    assert (german.job, german.error_code, german.attempt, german.end) == ("maria-de", "NO_FACE", 1, 1_790_000_000.0)
    assert (french.ok, french.error_code, french.attempt, french.span, french.figures) == (True, "", 1, None, "{}")
    assert Reader(store, "night").refresh().current()[Key("maria-fr", "crop")].ok


def test_old_rows_keep_the_same_ids_at_each_reading_and_after_folding(store):
    store.write(PLACE, encode(OLDEST))
    before = {row.id for row in read_attempts(store, "night")}
    store.write(PLACE.replace("OLD", "NEW"), encode(to_table([Attempt("night", "x", "crop", "succeeded")])))
    compact(store, "night")
    after = {row.id for row in read_attempts(store, "night")}
    assert len(before) == 2 and before < after and len(part_sizes(store, "night")) == 1


def test_rows_of_a_newer_schema_are_refused_by_name(store):
    table = to_table([Attempt("night", "x", "crop", "succeeded")]).replace_schema_metadata({"emodiff.schema": "7"})
    store.write(PLACE, encode(table))
    with pytest.raises(SetupError, match=r"LEDGER_NEWER: .*01OLD\.parquet was written in schema 7") as caught:
        Reader(store, "night").refresh()
    assert "newer emodiff" in caught.value.hint


def test_a_table_that_is_no_ledger_is_refused(store):
    store.write(PLACE, encode(pa.table({"colour": ["red"]})))
    with pytest.raises(SetupError, match="LEDGER_DAMAGED: Rows without job, stage, status"):
        read_attempts(store, "night")


def test_a_plan_of_the_oldest_schema_is_read_and_of_a_newer_one_refused(store):
    old = pa.table({"job": ["a"], "stage": ["job"], "action": ["run"]})
    store.write("batches/night/plan.parquet", encode(old))
    (row,) = read_plan(store, "night")
    assert (row["job"], row["action"], row["reason"], row["span"]) == ("a", "run", "", None)
    store.write("batches/night/plan.parquet", encode(old.replace_schema_metadata({"emodiff.schema": "9"})))
    with pytest.raises(SetupError, match="LEDGER_NEWER"):
        read_plan(store, "night")
