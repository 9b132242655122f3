"""What a listing says of artifacts is what each of them would say, for fewer requests."""

import hashlib
from pathlib import Path

import pytest

from infra import presence
from infra.artifacts import Artifact, commit_artifact, find_artifact
from infra.presence import finder
from infra.settings import Settings
from infra.storage import Store, open_store
from tests.infra.proxy import Faults, proxied


def _print(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def _commit(store: Store, folder: Path, number: int) -> Artifact:
    folder.mkdir()
    (folder / "take").write_bytes(b"t" * number)
    return commit_artifact(store, "crop", "1", _print(number), folder)


@pytest.mark.parametrize("wanted", [1, 1000])
def test_a_listing_finds_what_asking_for_each_finds(store: Store, tmp_path: Path, wanted: int) -> None:
    made = [_commit(store, tmp_path / str(number), number) for number in range(4)]
    store.write(f"artifacts/crop/{_print(4)}/01TORN/take", b"an attempt that died")
    store.write(f"artifacts/crop/{_print(0)}/01TORN/take", b"an attempt that came second")
    find = finder(store, ("crop", "mux"), wanted)
    found = [find(store, "crop", _print(number)) for number in range(6)]
    assert [one and one.address for one in found] == [*(one.address for one in made), None, None]
    assert [one and one.bytes for one in found] == [0, 1, 2, 3, None, None]
    assert find(store, "mux", _print(0)) is None


def test_a_thousand_lookups_are_one_page_and_more_pages_than_lookups_are_not_read(
    endpoint: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/root", Settings(storage={"endpoint": address, "cache": str(tmp_path / "c")}))
        one = _commit(store, tmp_path / "one", 1)
        faults.seen.clear()
        find = finder(store, ("crop",), 1000)
        assert [find(store, "crop", _print(number)) is not None for number in range(1000)].count(True) == 1
        assert faults.seen.total() == 2
        monkeypatch.setattr(Store, "page", lambda *_: ([f"artifacts/crop/{'0' * 6}ff/x"], True))
        assert (
            finder(store, ("crop",), 1000)(store, "crop", _print(1)) == one == find_artifact(store, "crop", _print(1))
        )


def test_fingerprints_lie_evenly_so_a_first_page_tells_how_many_there_are() -> None:
    keys = sorted(f"artifacts/crop/{_print(number)}/artifact.json" for number in range(50_000))
    assert presence._pages(keys[999]) == pytest.approx(50, rel=0.15)
