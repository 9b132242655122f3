"""Titles ship whole: when all their jobs have passed check, once, and by the run itself; and the commands that look."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.commands.auditing import collect_garbage, compact_ledger, publish_batch, verify_ledger
from flows.keeping import keeping
from flows.titles import Titled, publish_titles, publishing
from infra.errors import SetupError
from infra.lease import LeaseLost, take
from infra.ledger import Reader
from infra.publish import versions
from infra.rows import Key
from infra.settings import Settings
from infra.storage import Store
from tests.flows.here import Here


@pytest.fixture
def here(local: Store, tmp_path: Path) -> Here:
    return Here(local, tmp_path / "sheet")


def _outcomes(done: list[Titled]) -> dict[tuple[str, str], str]:
    return {(one.title, one.language): one.outcome for one in done}


def test_a_title_is_published_when_the_last_of_its_jobs_has_passed_check(here: Here) -> None:
    jobs = [here.job("a", title="Maria"), here.job("b", title="Maria"), here.job("c", title="Maria", language="fr")]
    here.run(*jobs, here.job("d", title="check:fail"))
    done = publish_titles(here.store, "night")
    assert _outcomes(done) == {
        ("Maria", "de"): "published",
        ("Maria", "fr"): "published",
        ("check:fail", "de"): "incomplete",
    }
    assert "1 of 1 jobs have not passed check: d" in [one.message for one in done][-1]
    (version,) = versions(here.store, "Maria", "de")
    assert [video.job for video in version.videos] == ["a", "b"] and version.batch == "night"
    for video in version.videos:
        assert here.store.digest(video.file) == video.sha256
        assert here.store.read(video.file) == here.store.read(f"deliveries/night/{video.job}.mp4")


def test_a_job_that_has_not_run_yet_holds_its_title_back(here: Here) -> None:
    here.run(here.job("a", title="Maria"))
    here.run(here.job("a", title="Maria"), here.job("b", title="Maria", picture="none.png"))
    assert _outcomes(publish_titles(here.store, "night")) == {("Maria", "de"): "incomplete"}
    assert versions(here.store, "Maria", "de") == []


def test_changed_videos_make_the_next_version_and_an_unchanged_night_none(here: Here) -> None:
    jobs = here.job("a", title="Maria"), here.job("b", title="Maria")
    here.run(*jobs)
    assert _outcomes(publish_titles(here.store, "night")) == {("Maria", "de"): "published"}
    here.run(*jobs)
    assert _outcomes(publish_titles(here.store, "night")) == {("Maria", "de"): "same"}
    here.settings = Settings(generate={"span_seconds": 2})
    here.run(*jobs)
    (second,) = publish_titles(here.store, "night")
    assert (second.outcome, second.version) == ("published", 2)
    first, latest = versions(here.store, "Maria", "de")
    assert all(here.store.digest(video.file) == video.sha256 for video in (*first.videos, *latest.videos))
    assert first.content != latest.content


def test_languages_that_are_written_in_two_ways_are_one(here: Here) -> None:
    here.run(here.job("a", title="Maria", language="pt-BR"), here.job("b", title="Maria", language="pt-br"))
    assert _outcomes(publish_titles(here.store, "night")) == {("Maria", "pt-BR"): "published"}


def test_a_video_that_is_not_what_was_shipped_is_not_published(here: Here) -> None:
    here.run(here.job("a", title="Maria"))
    output = Reader(here.store, "night").refresh().current()[Key("a", "mux")].output
    here.store.delete(f"{output}/video.mp4")
    (one,) = publish_titles(here.store, "night")
    assert one.outcome == "failed" and "The video of a is not what was shipped" in one.message
    here.run(here.job("a", title="Maria"))
    assert _outcomes(publish_titles(here.store, "night")) == {("Maria", "de"): "published"}


def test_a_run_that_lost_its_batch_publishes_nothing(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.run(here.job("a", title="Maria"))
    lease = take(here.store, "night", 0.01, clock=lambda: time.time() - 1000)
    with pytest.raises(LeaseLost), publishing(lease):
        monkeypatch.setattr("infra.lease._machine", lambda: "elsewhere")
        take(here.store, "night")
    assert versions(here.store, "Maria", "de") == []


def test_a_run_that_failed_publishes_nothing(here: Here) -> None:
    here.run(here.job("a", title="Maria"))
    with pytest.raises(SetupError), keeping(here.store, "night") as lease, publishing(lease):
        raise SetupError("X", "it broke")
    assert versions(here.store, "Maria", "de") == []


def test_who_lost_the_lease_is_told_while_it_runs(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    with keeping(local, "night", 0.3) as lease:
        lease.lost = told.set
        local.write("batches/night/lease/00000002.json", local.read("batches/night/lease/00000001.json"))
        assert told.wait(10)


def test_commands_say_what_they_did_and_exit_codes_say_whether_it_is_well(
    here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    here.run(here.job("a", title="Maria"), here.job("b"))
    root = str(here.store.root)

    def said(command: Callable[..., int], *arguments: Any) -> tuple[int, Any]:
        code = command(root, *arguments, True)
        return code, json.loads(capsys.readouterr().out)

    code, document = said(publish_batch, "night", False)
    assert code == 0 and document["titles"][0] == {
        "title": "Maria",
        "language": "de",
        "outcome": "published",
        "version": 1,
        "message": "publish/Maria/de/v1.json",
    }
    here.run(here.job("a", title="Maria"), here.job("b"), here.job("c", title="Maria", picture="none.png"))
    assert said(publish_batch, "night", False)[0] == 1

    code, document = said(compact_ledger, "night")
    assert code == 0 and "job" in {one["stage"] for one in document["folded"]}
    here.store.write(f"artifacts/crop/{'d' * 64}/01DEAD/x", b"half")
    code, document = said(verify_ledger, None, False)
    assert (code, document["ok"], document["faults"]) == (0, True, [])
    assert [one["folder"] for one in document["orphans"]] == [f"artifacts/crop/{'d' * 64}"]

    code, document = said(collect_garbage, 0.0, False)
    assert (code, document["deleted"], len(document["folders"])) == (0, False, 1)
    assert here.store.exists(f"artifacts/crop/{'d' * 64}/01DEAD/x")
    code, document = said(collect_garbage, 0.0, True)
    assert (code, document["deleted"], document["bytes"]) == (0, True, 4)
    assert not here.store.exists(f"artifacts/crop/{'d' * 64}/01DEAD/x")

    here.store.delete("deliveries/night/b.mp4")
    code, document = said(verify_ledger, "night", False)
    assert code == 1 and document["faults"][0]["code"] == "DELIVERY"
    assert verify_ledger(root, None, True, False) == 1 and "DELIVERY" in capsys.readouterr().out
    with pytest.raises(SetupError, match="NO_SUCH_BATCH"):
        publish_batch(root, "tuesday", False, True)
