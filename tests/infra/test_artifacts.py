"""Artifacts are whole or absent, whoever races, dies or damages."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.artifacts import (
    adopt_artifact,
    commit_artifact,
    find_artifact,
    local_artifact,
    read_file,
    verify_artifact,
)
from infra.errors import TransientError


def _folder(tmp_path, name="out", **files):
    folder = tmp_path / name
    (folder / "takes").mkdir(parents=True)
    for file, data in (files or {"track": b"rows", "crops": b"pixels" * 1000}).items():
        (folder / "takes" / file).write_bytes(data)
    return folder


def test_a_committed_folder_is_found_whole_under_its_fingerprint(store, tmp_path):
    artifact = commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path), {"frames": 3})
    assert find_artifact(store, "crop", "f" * 64) == artifact
    assert verify_artifact(store, artifact, contents=True) == []
    assert artifact.bytes == 6004 and artifact.figures == {"frames": 3}
    folder = local_artifact(store, artifact)
    assert (folder / "takes/track").read_bytes() == b"rows"
    assert not (tmp_path / "out").exists()


def test_nothing_is_found_before_the_record_is_written(store):
    store.write(f"artifacts/crop/{'f' * 64}/01TORN/track", b"half")
    assert find_artifact(store, "crop", "f" * 64) is None
    assert adopt_artifact(store, "crop", "f" * 64) is None


def test_a_torn_attempt_does_not_stand_in_the_way_of_the_next(store, tmp_path):
    store.write(f"artifacts/crop/{'f' * 64}/01TORN/takes/track", b"half")
    artifact = commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path))
    assert verify_artifact(store, artifact, contents=True) == []


def test_attempts_that_race_with_different_pixels_never_mix(store, tmp_path):
    start = threading.Barrier(6)

    def attempt(who):
        files = {"a": bytes([who]) * 5000, "b": bytes([who]) * 7000}
        folder = _folder(tmp_path, f"out{who}", **files)
        start.wait()
        return commit_artifact(store, "generate", "1", "e" * 64, folder)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(attempt, range(6)))
    assert len({artifact.attempt for artifact in results}) == 1
    assert verify_artifact(store, results[0], contents=True) == []
    folder = local_artifact(store, results[0]) / "takes"
    assert (folder / "a").read_bytes()[0] == (folder / "b").read_bytes()[0]
    others = [key for key in store.keys("artifacts") if results[0].attempt not in key and "artifact.json" not in key]
    assert others == []


def test_a_damaged_artifact_is_noticed_and_made_again(store, tmp_path):
    artifact = commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path))
    store.write(f"{artifact.address}/takes/track", b"ROWS")
    assert verify_artifact(store, artifact) == [], "the size is the same"
    assert "digest" in verify_artifact(store, artifact, contents=True)[0]
    assert adopt_artifact(store, "crop", "f" * 64, contents=True) is None
    again = commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path))
    assert again.attempt != artifact.attempt and verify_artifact(store, again, contents=True) == []


def test_a_file_that_is_gone_or_cut_is_noticed_by_its_size(store, tmp_path):
    artifact = commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path))
    store.delete(f"{artifact.address}/takes/track")
    store.write(f"{artifact.address}/takes/crops", b"cut")
    wrong = verify_artifact(store, artifact)
    assert any("missing" in line for line in wrong) and any("3 bytes" in line for line in wrong)
    assert adopt_artifact(store, "crop", "f" * 64) is None


def test_a_record_that_cannot_be_read_counts_as_none(store, tmp_path):
    store.write(f"artifacts/crop/{'f' * 64}/artifact.json", b"\xff not json")
    assert adopt_artifact(store, "crop", "f" * 64) is None
    commit_artifact(store, "crop", "1", "f" * 64, _folder(tmp_path))
    assert json.loads(store.read(f"artifacts/crop/{'f' * 64}/artifact.json"))["stage"] == "crop"


def test_a_copy_with_a_wrong_digest_is_refused_on_arrival(remote, tmp_path):
    artifact = commit_artifact(remote, "crop", "1", "f" * 64, _folder(tmp_path))
    shutil.rmtree(remote.cache)
    remote.write(f"{artifact.address}/takes/track", b"ROWS")
    with pytest.raises(TransientError, match="digest"):
        local_artifact(remote, artifact)
    cached = remote.cache / "artifacts"
    assert not [path for path in cached.rglob("*") if path.is_file()]
    assert find_artifact(remote, "crop", "f" * 64) is None, "it is out of the way of the next one"


def test_what_is_made_on_a_machine_is_read_there_without_asking_the_store(remote, tmp_path):
    artifact = commit_artifact(remote, "crop", "1", "f" * 64, _folder(tmp_path))
    for key in remote.keys(artifact.address):
        remote.delete(key)
    assert (local_artifact(remote, artifact) / "takes/track").read_bytes() == b"rows"
    assert read_file(remote, artifact, "takes/track") == b"rows"


def test_a_copy_that_a_power_cut_shortened_is_brought_anew(remote, tmp_path):
    artifact = commit_artifact(remote, "crop", "1", "f" * 64, _folder(tmp_path))
    copy = local_artifact(remote, artifact) / "takes/track"
    copy.write_bytes(b"")
    assert read_file(remote, artifact, "takes/track") == b"rows"
    assert (local_artifact(remote, artifact) / "takes/track").read_bytes() == b"rows"


def test_a_remote_artifact_is_copied_once_and_shared_by_those_who_ask_at_once(remote, tmp_path):
    artifact = commit_artifact(remote, "crop", "1", "f" * 64, _folder(tmp_path))
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: local_artifact(remote, artifact), range(4)))
    assert len(folders) == 1
    shutil.rmtree(tmp_path / "cache")
    assert (local_artifact(remote, artifact) / "takes/track").read_bytes() == b"rows"


def test_the_same_files_have_the_same_digest_on_every_store(local, remote, tmp_path):
    here = commit_artifact(local, "crop", "1", "f" * 64, _folder(tmp_path, "one"))
    there = commit_artifact(remote, "crop", "1", "f" * 64, _folder(tmp_path, "two"))
    assert here.sha256 == there.sha256 and here.files == there.files
