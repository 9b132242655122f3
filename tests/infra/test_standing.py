"""Rows that stand are the same in columns as by the fold, whatever was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.ledger import Reader
from infra.parts import encode, new_part
from infra.rows import ATTEMPTS, Attempt, current, fold, from_table, to_table
from infra.standing import NEEDED, read_standing, standing
from tests.infra.test_rows import MANY


@given(MANY, st.integers(0, 25))
def test_columns_say_what_the_fold_says_and_rows_sent_twice_count_once(rows, again):
    stand = standing(to_table([*rows, *rows[:again]]))
    assert sorted(from_table(stand), key=lambda row: row.id) == sorted(
        current(fold(rows)).values(), key=lambda row: row.id
    )


def test_a_batch_without_rows_has_none_that_stand(store):
    assert read_standing(store, "night", ()).num_rows == 0


@pytest.mark.parametrize("lacks", ["span", "end", "id", "attempt", "fingerprint"])
def test_parts_of_an_older_writer_stand_beside_those_of_today(store, lacks):
    old = to_table([Attempt("night", "a", "crop", "failed"), Attempt("night", "b", "crop", "succeeded")])
    new = to_table([Attempt("night", "a", "crop", "succeeded", end=1.0, attempt=2, fingerprint="f")])
    for table in (old.drop_columns([lacks]), new):
        store.create(new_part("night", "crop"), encode(table))
    found = read_standing(store, "night", ())
    rows = Reader(store, "night").refresh().current().values()
    assert sorted(found["id"].to_pylist()) == sorted(row.id for row in rows) and len(rows) == 2
    assert set(found.column_names) == set(NEEDED) < set(ATTEMPTS.names)
