"""The fold: order and duplicates do not matter, success is final."""

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from infra.compaction import distinct
from infra.rows import ATTEMPTS, Attempt, Key, Status, current, fold, from_table, to_table

ROWS = st.builds(
    Attempt,
    batch=st.just("b"),
    job=st.sampled_from(["a", "b"]),
    stage=st.sampled_from(["crop", "job"]),
    status=st.sampled_from(list(Status)).map(str),
    span=st.sampled_from([None, 0, 1]),
    attempt=st.integers(1, 3),
    fingerprint=st.sampled_from(["f1", "f2"]),
    end=st.sampled_from([0.0, 1.0, 1e9]),
)
MANY = st.lists(ROWS, max_size=25, unique_by=lambda row: row.id)


@given(MANY, st.randoms(use_true_random=False))
def test_any_order_and_any_duplicates_give_the_same_state(rows, chance: random.Random):
    again = rows + chance.choices(rows, k=len(rows)) if rows else []
    chance.shuffle(again)
    assert fold(again) == fold(rows) and current(fold(again)) == current(fold(rows))


@given(MANY, st.integers(0, 25))
def test_reading_in_two_goes_is_reading_at_once(rows, cut):
    assert fold(rows[cut:], fold(rows[:cut])) == fold(rows)


@given(MANY, ROWS)
def test_success_is_final_whatever_comes_later(rows, later):
    before = fold(rows)
    after = fold([later], before)
    for place, standing in before.items():
        assert not standing.best.ok or after[place].best.ok


@given(MANY, st.lists(ROWS, max_size=5))
def test_a_success_stands_until_another_fingerprint_is_tried_later(rows, later):
    before = current(fold(rows))
    after = current(fold(later, fold(rows)))
    for key, row in before.items():
        tried = {one.fingerprint for one in later if one.key == key}
        assert not row.ok or after[key].ok or tried - {row.fingerprint}


@given(MANY, st.data())
def test_rows_that_were_sent_again_in_other_parts_and_folded_give_the_same_state(rows, data):
    parts = [row for row in rows for _ in range(data.draw(st.integers(1, 3)))]
    parts = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))
    folded = distinct(to_table(parts[:cut]))
    assert folded.num_rows == len({row.id for row in parts[:cut]})
    assert fold(from_table(folded), fold(parts[cut:])) == fold(rows)


@given(MANY)
def test_every_key_stands_on_one_of_its_own_rows(rows):
    standing = current(fold(rows))
    assert standing.keys() == {row.key for row in rows}
    assert all(row in rows and row.key == key for key, row in standing.items())


@given(MANY)
def test_rows_come_back_from_a_table_as_they_were(rows):
    assert from_table(to_table(rows)) == rows


def _row(status, attempt=1, end=0.0, fingerprint="f", **more):
    return Attempt("b", "j", "crop", status, attempt=attempt, end=end, fingerprint=fingerprint, **more)


def test_among_failures_the_newest_counts_even_when_the_clock_jumped_back():
    rows = [_row("failed", 1, end=200.0, error_code="OLD"), _row("failed", 2, end=100.0, error_code="NEW")]
    assert current(fold(rows))[Key("j", "crop")].error_code == "NEW"


def test_a_success_of_an_input_that_has_changed_since_does_not_hide_the_failure_of_the_new_one():
    rows = [_row("succeeded", 1, 1.0, "old"), _row("failed", 2, 2.0, "new")]
    assert current(fold(rows))[Key("j", "crop")].status == "failed"
    assert fold(rows)[Key("j", "crop"), "old"].best.ok


def test_rows_of_an_older_writer_have_defaults_for_what_it_did_not_know():
    old = to_table([_row("failed", error_code="NO_FACE")]).drop_columns(["gpu_s", "figures", "span"])
    assert from_table(old)[0].gpu_s == 0.0 and from_table(old)[0].measured() == {} and from_table(old)[0].span is None


def test_columns_of_a_newer_writer_are_passed_over():
    new = to_table([_row("failed")]).append_column("colour", pa.array(["red"]))
    assert from_table(new)[0].status == "failed"


def test_the_schema_has_a_version_and_every_field():
    assert ATTEMPTS.metadata[b"emodiff.schema"] == b"1"
    assert ATTEMPTS.names == list(Attempt.__dataclass_fields__)
