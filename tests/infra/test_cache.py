"""Copies of remote files do not fill a machine's disk, and none that is in use goes."""

import fcntl
import os
import time

import pytest

from infra import cache
from infra.artifacts import commit_artifact, local_artifact
from infra.cache import sweep, touch


def copy(folder, name, size, hours_ago):
    """An artifact's copy of two files, last used some hours ago."""
    place = folder / "artifacts" / "crop" / name / "01ATTEMPT"
    (place / "takes").mkdir(parents=True)
    for file in ("a", "takes/b"):
        (place / file).write_bytes(bytes(size // 2))
    then = time.time() - 3600 * hours_ago
    os.utime(place, (then, then))
    return place


@pytest.fixture(autouse=True)
def roomy(monkeypatch):
    monkeypatch.setattr(cache, "FREE", 0.0)


def test_the_longest_unused_copies_go_whole_until_the_rest_fits(tmp_path):
    old, middle, young = (copy(tmp_path, name, 1000, hours) for name, hours in (("o", 30), ("m", 20), ("y", 10)))
    assert sweep(tmp_path, 1500) == 2000
    assert not old.parent.exists() and not middle.parent.exists()
    assert sorted(p.name for p in young.rglob("*")) == ["a", "b", "takes"]


def test_a_copy_in_use_stays_however_large(tmp_path):
    held, old = copy(tmp_path, "h", 5000, 30), copy(tmp_path, "o", 1000, 20)
    touch(held)
    assert sweep(tmp_path, 100) == 1000
    assert held.exists() and not old.exists()


def test_inputs_go_with_the_folder_of_their_digest_and_single_files_alone(tmp_path):
    for name in ("inputs/abc/shows/film.mp4", "0f0f/posters/one.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x" * 700)
        for path in (tmp_path / name, tmp_path / "inputs" / "abc"):
            os.utime(path, (1, 1))
    assert sweep(tmp_path, 0) == 1400
    assert [path.name for path in tmp_path.iterdir()] == [".swept"]


def test_a_full_disk_is_relieved_though_the_limit_is_not_reached(tmp_path, monkeypatch):
    old = copy(tmp_path, "o", 1000, 30)
    monkeypatch.setattr(cache, "FREE", 2.0)
    assert sweep(tmp_path, 10**12) == 1000
    assert not old.exists()


def test_workers_of_one_machine_look_once_in_a_while_and_one_at_a_time(tmp_path):
    copy(tmp_path, "o", 1000, 30)
    with (tmp_path / ".swept").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(tmp_path, 0, every=0) == 0
    assert sweep(tmp_path, 0, every=60) == 0
    assert sweep(tmp_path, 0, every=0) == 1000
    assert sweep(tmp_path / "absent", 0) == 0


def test_a_cache_that_cannot_be_written_costs_no_work(tmp_path):
    old = copy(tmp_path, "o", 1000, 30)
    (tmp_path / ".swept").mkdir()
    assert sweep(tmp_path, 0, every=0) == 0
    assert old.exists()


def test_an_artifact_that_was_thrown_away_is_brought_again(remote, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "track").write_bytes(b"rows")
    artifact = commit_artifact(remote, "crop", "1", "c" * 64, tmp_path / "out")
    folder = local_artifact(remote, artifact)
    os.utime(folder, (1, 1))
    assert sweep(remote.cache, 0, every=0) == 4
    assert not folder.exists()
    assert (local_artifact(remote, artifact) / "track").read_bytes() == b"rows"
