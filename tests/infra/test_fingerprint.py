"""Equal work has one address, other work another."""

import os
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.fingerprint import Digests, canonical, changed, fingerprint
from infra.settings import Settings, pixels

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _print(**changes):
    settings = {"generate.steps": 2}
    parts = {"inputs": {"picture": "aa"}, "settings": settings, "weights": {"g": "ww"}, "seed": 1} | changes
    return fingerprint(parts.pop("stage", "generate"), parts.pop("version", "1"), **parts)


def test_everything_that_decides_the_content_is_in_it():
    base = _print()
    for change in (
        {"stage": "crop"},
        {"version": "2"},
        {"inputs": {"picture": "bb"}},
        {"inputs": {"speech": "aa"}},
        {"settings": {"generate.steps": 3}},
        {"weights": {"g": "xx"}},
        {"seed": 2},
        {"emotion": "sad"},
    ):
        assert _print(**change).value != base.value, change


def test_what_changed_is_told_by_name():
    before, after = _print(), _print(settings={"generate.steps": 3}, inputs={"picture": "bb"})
    assert changed(before.parts, after.parts) == ["input.picture", "settings.generate.steps"]
    assert changed(before.parts, _print().parts) == []


def test_it_is_the_same_in_every_process_and_version():
    assert _print().value == "2d14f93916338c214640985456c6586e98d1f52cc06aab95cde0d0d532656f23"


def test_an_operational_setting_is_not_in_it_and_one_of_another_stage_neither():
    base = Settings()
    faster = Settings(workers={"in_flight": 9}, mux={"crf": 30})
    assert pixels(base, "generate") == pixels(faster, "generate")
    assert pixels(base, "mux") != pixels(faster, "mux")


@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_names_and_the_kind_of_sequence_do_not_matter(value):
    turned = dict(reversed([(k, tuple(v) if isinstance(v, list) else v) for k, v in value.items()]))
    assert canonical(value) == canonical(turned)


def test_one_and_one_point_zero_are_the_same_and_true_is_not():
    assert canonical({"a": 1.0}) == canonical({"a": 1}) != canonical({"a": True})


def test_nan_has_no_fingerprint():
    with pytest.raises(ValueError, match="not JSON compliant"):
        _print(intensity=float("nan"))


def test_a_file_is_read_once_and_again_only_when_it_changed(tmp_path):
    file, cache = tmp_path / "x", tmp_path / "cache/digests.sqlite"
    file.write_bytes(b"one")
    digests = Digests(cache)
    first = digests.of(file)
    digests.save()
    stamp = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert Digests(cache).of(file) == first, "same path, size and time: it was not read"
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
    assert Digests(cache).of(file) != first


def test_a_cache_that_is_damaged_is_made_anew(tmp_path):
    cache, file = tmp_path / "digests.sqlite", tmp_path / "x"
    cache.write_bytes(b"this is no database at all" * 100)
    file.write_bytes(b"one")
    digests = Digests(cache)
    digests.of(file)
    digests.save()
    with sqlite3.connect(cache) as base:
        assert base.execute("SELECT count(*) FROM digest").fetchone() == (1,)


def test_a_missing_file_and_a_folder_have_no_digest(tmp_path):
    with pytest.raises(FileNotFoundError):
        Digests().of(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        Digests().of(tmp_path)
