"""The promises of a store, on a folder and on S3."""

import multiprocessing
import os
import pickle
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from infra import atomic
from infra.errors import SetupError, TransientError
from infra.settings import Settings
from infra.storage import open_store
from tests.infra.proxy import Faults, proxied


def _contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_written_is_read_listed_and_deleted(store):
    store.write("a/b/c.txt", b"first")
    store.write("a/b/c.txt", b"second")
    store.write("a/z", b"")
    assert store.read("a/b/c.txt") == b"second"
    assert store.keys() == ["a/b/c.txt", "a/z"]
    assert store.sizes("a/b") == {"a/b/c.txt": 6} == store.sizes("a/b/c.txt")
    assert store.sizes("a/b/c") == {}
    assert store.folders("a") == ["b"]
    assert store.exists("a/z") and not store.exists("a") and not store.exists("q")
    store.delete("a/b")
    store.delete("never there")
    assert store.keys() == ["a/z"]


def test_a_missing_file_is_not_found_rather_than_a_storage_error(store):
    with pytest.raises(FileNotFoundError):
        store.read("nothing")
    with pytest.raises(FileNotFoundError):
        store.materialise("nothing")
    assert store.keys("nothing") == [] and store.folders("nothing") == []


def test_create_keeps_what_was_first(store):
    assert store.create("k", b"mine")
    assert not store.create("k", b"yours")
    assert store.read("k") == b"mine"


def test_creating_the_same_content_again_counts_as_ours(store):
    assert store.create("k", b"mine") and store.create("k", b"mine")


def test_creating_nothing_does_not_empty_what_is_there(store):
    assert store.create("k", b"mine")
    assert not store.create("k", b"")
    assert store.read("k") == b"mine"


def test_names_in_any_script_with_spaces_and_signs_are_keys(store):
    for name in ("наш файл.txt", "写真/a b+c&d%20.png", "q?x=#1"):
        store.write(name, name.encode())
        assert store.read(name) == name.encode()
    assert len(store.keys()) == 3


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a\\..\\b", "./x"])
def test_a_key_cannot_leave_the_root(store, key):
    with pytest.raises(ValueError, match="is no key"):
        store.read(key)


def test_a_tree_comes_back_as_it_was(store, tmp_path):
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/x.bin").write_bytes(os.urandom(100_000))
    (tmp_path / "in/y").write_bytes(b"")
    store.put_tree(tmp_path / "in", "tree")
    store.get_tree("tree", tmp_path / "back")
    assert _contents(tmp_path / "back") == _contents(tmp_path / "in")


def test_a_file_of_many_parts_arrives_whole(store, tmp_path):
    data = os.urandom(1 << 20) * 60
    (tmp_path / "big").write_bytes(data)
    store.put_file(tmp_path / "big", "big")
    store.get_file("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data and store.sizes() == {"big": len(data)}
    assert store.create("once", data) and not store.create("once", b"other")


def test_a_symbolic_link_is_not_stored(store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/passwd").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="symbolic link"):
        store.put_tree(tmp_path / "in", "tree")
    assert store.keys() == []


def test_a_store_travels_to_another_process_by_its_address(store):
    store.write("k", b"v")
    again = pickle.loads(pickle.dumps(store))
    assert again.read("k") == b"v"


def test_local_files_are_used_in_place_and_remote_ones_copied_once(local, remote):
    local.write("x", b"1")
    assert local.materialise("x") == Path(local.root) / "x"
    remote.write("x", b"1")
    copied = remote.materialise("x")
    before = copied.stat()
    os.utime(copied, (1, 1))
    assert copied.read_bytes() == b"1" and remote.materialise("x").stat().st_ino == before.st_ino
    assert copied.stat().st_mtime >= before.st_mtime, "its use is noted, so that a sweep keeps it"


def _race(arguments):
    root, settings, key, who = arguments
    return open_store(root, settings).create(key, f"{who}".encode())


def test_one_thread_wins_a_race_to_create(store):
    for round in range(5):
        start = threading.Barrier(12)

        def enter(who, start=start, round=round):
            start.wait()
            return store.create(f"race/{round}", f"{who}".encode())

        with ThreadPoolExecutor(12) as pool:
            won = list(pool.map(enter, range(12)))
        assert sum(won) == 1
        assert store.read(f"race/{round}") == str(won.index(True)).encode()


def test_one_process_wins_a_race_to_create(store):
    settings = Settings(storage=store.options)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        for round in range(4):
            tries = [(store.root, settings, f"race/{round}", who) for who in range(6)]
            won = pool.map(_race, tries, chunksize=1)
            assert sum(won) == 1
            assert store.read(f"race/{round}") == str(won.index(True)).encode()


def test_our_own_success_is_seen_although_the_answer_was_lost(endpoint, bucket):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address}))
        store.keys()
        faults.lose = 1
        assert store.create("k", b"mine")
        assert faults.seen["PUT"] >= 2, "the request was sent again and met its own success"
        faults.lose = 1
        assert not store.create("k", b"yours")
        assert store.read("k") == b"mine"


def test_reading_is_one_request_also_where_nothing_is(endpoint, bucket):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address}))
        store.write("a", b"1")
        for key in ("a", "b", "c"):
            with suppress(FileNotFoundError):
                assert (key, store.read(key)) == ("a", b"1")
    assert faults.seen == {"PUT": 1, "GET": 3}


def test_a_conflict_and_a_server_that_is_down_for_a_moment_are_tried_again(endpoint, bucket):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address}))
        faults.conflict = 2
        assert store.create("k", b"mine")
        faults.down = 2
        store.write("l", b"more")
        assert store.read("k") == b"mine" and store.read("l") == b"more"


def test_a_server_that_stays_down_is_a_transient_error_that_tells_no_secret(endpoint, bucket):
    faults = Faults(down=10_000)
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address, "retries": 1}))
        with pytest.raises(TransientError) as caught:
            store.create("k", b"mine")
    text = f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert caught.value.code == "STORAGE"
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in text and os.environ["AWS_ACCESS_KEY_ID"] not in text


def test_a_bucket_that_does_not_exist_is_a_storage_error_for_who_writes(endpoint):
    store = open_store("s3://no-such-bucket/r", Settings(storage={"endpoint": endpoint, "retries": 1}))
    with pytest.raises(TransientError, match="STORAGE"):
        store.write("k", b"v")


def test_a_full_disk_and_a_root_that_is_no_folder_are_said_at_once(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TransientError, match="STORAGE: Could not write k"):
        open_store(tmp_path / "file").write("k", b"v")
    if Path("/dev/full").exists():
        with pytest.raises(TransientError, match="No space left"):
            open_store(tmp_path)._call("write", "k", lambda: Path("/dev/full").write_bytes(b"x" * 10_000_000))


@pytest.mark.parametrize("address", ["http://host/x", "s3://", "ftp://x/y"])
def test_an_address_that_is_no_store_is_refused(address):
    with pytest.raises(SetupError, match="STORAGE_ROOT"):
        open_store(address)


def test_an_interrupted_write_leaves_the_old_content_and_no_draft(tmp_path):
    target = tmp_path / "x"
    atomic.write(target, b"old")
    with pytest.raises(KeyboardInterrupt), atomic.replacing(target) as file:
        file.write(b"half of the ne")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["x"]


def test_written_files_can_be_read_by_whoever_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        atomic.write(tmp_path / "x", b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_drafts_of_a_writer_that_died_are_not_listed(local):
    local.write("a/x", b"1")
    (Path(local.root) / "a/.draft-dead").write_bytes(b"half")
    assert local.keys() == ["a/x"]
