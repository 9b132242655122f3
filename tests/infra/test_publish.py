"""A title's language is published once and whole, whoever races, and whatever answer is lost."""

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import SetupError, TransientError
from infra.publish import Outcome, Video, folder, publish, versions
from infra.settings import Settings
from infra.storage import open_store
from tests.infra.proxy import Faults, proxied


def _videos(*names: str, take: str = "a") -> list[Video]:
    return [Video(job=name, file=f"artifacts/mux/{name}{take}", bytes=1, sha256=f"{name}{take}") for name in names]


def _publish(store, *names, take="a", **more):
    return publish(store, "night", "Maria", "de", _videos(*names, take=take), **more)


def test_the_first_version_names_every_video_and_who_made_it(store):
    found = _publish(store, "b", "a", now=5.0)
    assert (found.outcome, found.key) == (Outcome.PUBLISHED, "publish/Maria/de/v1.json")
    record = json.loads(store.read("publish/Maria/de/v1.json"))
    assert [video["job"] for video in record["videos"]] == ["a", "b"] and record["time"] == 5.0
    assert (record["title"], record["language"], record["batch"], record["version"]) == ("Maria", "de", "night", 1)


def test_the_same_content_makes_no_version_and_changed_content_the_next(store):
    assert _publish(store, "a", "b").outcome == Outcome.PUBLISHED
    again = _publish(store, "b", "a")
    assert (again.outcome, again.version.version) == (Outcome.SAME, 1)
    changed = publish(store, "night", "Maria", "de", [*_videos("a"), *_videos("b", take="z")])
    assert (changed.outcome, changed.version.version) == (Outcome.PUBLISHED, 2)
    assert publish(store, "night", "Maria", "fr", _videos("a")).version.version == 1, "languages count apart"


def test_an_old_night_that_is_run_once_more_does_not_bring_its_old_version_back_unless_told_to(store):
    _publish(store, "a", take="old")
    _publish(store, "a", take="new")
    assert _publish(store, "a", take="old").outcome == Outcome.SAME
    assert len(versions(store, "Maria", "de")) == 2
    told = _publish(store, "a", take="old", again=True)
    assert (told.outcome, told.version.version) == (Outcome.PUBLISHED, 3)
    assert _publish(store, "a", take="old", again=True).outcome == Outcome.SAME


def test_a_batch_with_some_of_a_titles_jobs_does_not_replace_the_whole_one_unless_told_to(store):
    _publish(store, "a", "b")
    part = _publish(store, "b", take="z")
    assert (part.outcome, part.version.version) == (Outcome.SMALLER, 1)
    assert _publish(store, "b", "a", "c").version.version == 2
    assert _publish(store, "b", take="z", again=True).version.version == 3


def test_of_threads_that_publish_at_once_one_wins_each_version(store):
    for round in range(1, 4):
        start = threading.Barrier(8)

        def race(who, start=start, round=round):
            start.wait()
            return _publish(store, "a", take=f"{round}-{who}")

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(race, range(8)))
        won = [one.version for one in found if one.outcome == Outcome.PUBLISHED]
        assert len(won) >= 1 and len({version.version for version in won}) == len(won)
        assert {one.outcome for one in found} <= {Outcome.PUBLISHED, Outcome.OUTRUN}
        known = versions(store, "Maria", "de")
        assert [version.version for version in known] == list(range(1, len(known) + 1))
        assert all(version in known for version in won)


def test_of_threads_that_publish_the_same_content_one_makes_it_and_all_know_it(store):
    start = threading.Barrier(8)

    def race(_):
        start.wait()
        return _publish(store, "a")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(race, range(8)))
    assert [one.outcome for one in found].count(Outcome.PUBLISHED) == 1
    assert len(versions(store, "Maria", "de")) == 1 and len({one.version.by for one in found}) == 1


def _race(arguments):
    root, settings, who = arguments
    return _publish(open_store(root, settings), "a", take=who).outcome


def test_of_processes_that_publish_at_once_every_version_has_one_maker(store):
    settings = Settings(storage=store.options)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        outcomes = pool.map(_race, [(store.root, settings, f"{who}") for who in range(12)], chunksize=1)
    known = versions(store, "Maria", "de")
    assert outcomes.count(Outcome.PUBLISHED) == len(known) == len({version.by for version in known})


def test_an_answer_that_was_lost_is_resolved_by_reading_back(endpoint, bucket):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address}))
        for take in ("a", "b", "c"):
            faults.lose = 1
            assert _publish(store, "a", take=take).outcome == Outcome.PUBLISHED, "the request was done: it is ours"
        assert [version.version for version in versions(store, "Maria", "de")] == [1, 2, 3]
        assert faults.seen["PUT"] > 3


def test_an_answer_that_was_lost_to_somebody_elses_version_is_not_taken_for_ours(endpoint, bucket, monkeypatch):
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address}))
        other = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": endpoint}))
        create = store.create

        def late(key, data):
            monkeypatch.undo()
            assert _publish(other, "a", take="theirs").outcome == Outcome.PUBLISHED
            faults.lose = 1
            return create(key, data)

        monkeypatch.setattr(store, "create", late)
        found = _publish(store, "a", take="ours")
        assert (found.outcome, found.version.videos[0].sha256) == (Outcome.OUTRUN, "atheirs")


def test_a_storage_that_stays_down_is_an_error_and_no_version(endpoint, bucket):
    faults = Faults(down=1_000)
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/r", Settings(storage={"endpoint": address, "retries": 1}))
        with pytest.raises(TransientError, match="STORAGE"):
            _publish(store, "a")
        faults.down = 0
        assert versions(store, "Maria", "de") == [] and _publish(store, "a").version.version == 1


def test_a_version_that_cannot_be_understood_is_in_the_way_rather_than_written_over(store):
    _publish(store, "a")
    record = json.loads(store.read("publish/Maria/de/v1.json"))
    store.write("publish/Maria/de/v1.json", json.dumps(record | {"schema_version": 2}).encode())
    with pytest.raises(SetupError, match="PUBLISH_NEWER"):
        _publish(store, "a", take="z")
    store.write("publish/Maria/de/v1.json", b"{}")
    with pytest.raises(SetupError, match="PUBLISH_DAMAGED"):
        _publish(store, "a", take="z")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200), st.text("ab/.%", max_size=6))
def test_any_title_is_one_folder_of_its_own(title, other):
    place = folder(title, "de")
    _, name, language = place.split("/")
    assert name and name not in (".", "..") and not name.startswith(".") and len(name.encode()) <= 120
    assert language == "de" and "\\" not in name
    assert folder(title + other, "de") != place or not other


def test_titles_with_slashes_dots_and_any_script_are_published(store):
    for title in ("../../etc", "a/b", "..", "写真 für Élise: 1+1=2?", "x" * 300):
        assert publish(store, "night", title, "de", _videos("a")).version.version == 1
    assert len(store.keys("publish")) == 5
