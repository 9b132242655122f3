"""`verify` finds everything that is promised and not there, names it, and calls nothing else a fault."""

import pytest

from infra.artifacts import find_artifact
from infra.compaction import compact
from infra.ledger import Reader, plan_keys
from infra.parts import encode, part_sizes
from infra.publish import Video, publish
from infra.rows import Attempt, Key, to_table
from infra.storage import Store, open_store
from infra.verify import verify
from tests.flows.here import Here


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Here:
    """A batch of two shipped jobs and one that check refused; one language of a title is published."""
    folder = tmp_path_factory.mktemp("ended")
    here = Here(open_store(folder / "root"), folder / "sheet")
    here.run(here.job("a"), here.job("b"), here.job("bad", title="check:fail"))
    row = Reader(here.store, "night").refresh().current()[Key("a", "mux")]
    file = find_artifact(here.store, "mux", row.fingerprint).files["video.mp4"]
    video = Video(job="a", file=f"{row.output}/video.mp4", bytes=file.bytes, sha256=file.sha256)
    publish(here.store, "night", "Maria", "de", [video])
    return here


@pytest.fixture
def night(ended: Here, local: Store) -> Here:
    """That batch in a folder of one's own."""
    return ended.copied(local)


def _codes(store: Store, **more) -> set[str]:
    return {fault.code for fault in verify(store, **more).faults}


def _output(store: Store, job: str, stage: str) -> str:
    return Reader(store, "night").refresh().current()[Key(job, stage)].output


def test_a_night_as_it_ended_has_no_fault_and_everything_was_looked_at(ended, store):
    ended.copied(store)
    audit = verify(store)
    assert audit.faults == []
    assert audit.counts["deliveries"] == 2 and audit.counts["versions"] == audit.counts["videos"] == 1
    assert audit.counts["artifacts"] == 1 + 1 + 3 * (1 + 2 + 1 + 1), "picture's stages are shared, the others are not"
    compact(store, "night")
    assert verify(store).faults == []


def test_each_thing_that_is_gone_cut_or_changed_is_named(night, local):
    crop = _output(local, "a", "crop")
    local.write(f"{crop}/track.parquet", b"x" * local.sizes(crop)[f"{crop}/track.parquet"])
    local.delete(f"{_output(local, 'b', 'check')}/check.json")
    local.write("deliveries/night/b.mp4", b"cut")
    faults = {(fault.code, fault.where): fault.message for fault in verify(local).faults}
    assert faults["ARTIFACT", crop].startswith("does not have its digest")
    assert "bytes, not" in faults["ARTIFACT", _output(local, "b", "check")]
    assert faults["DELIVERY", "deliveries/night/b.mp4"].startswith("has 3 bytes") and len(faults) == 3
    assert "does not have its digest" not in str(verify(local, contents=False).faults), "sizes only"


def test_a_published_video_that_is_gone_and_a_missing_version_are_faults(night, local):
    local.delete(_output(local, "a", "mux"))
    assert {"ARTIFACT", "VIDEO"} <= _codes(local)
    local.write("publish/Maria/de/v3.json", local.read("publish/Maria/de/v1.json"))
    assert "VERSION_MISSING" in _codes(local) and "VERSION_MISSING" not in _codes(local, batch="night")
    local.write("publish/Maria/de/v2.json", b"{}")
    assert "PUBLISH_DAMAGED" in _codes(local)
    text = local.read("publish/Maria/de/v1.json").replace(b'"job": "a"', b'"job": "x"')
    local.write("publish/Maria/de/v3.json", text)
    assert "VERSION" in _codes(local)


def test_an_artifact_that_was_damaged_and_made_again_is_no_fault(night, local):
    mux = _output(local, "a", "mux")
    local.delete(f"{mux}/video.mp4")
    assert "ARTIFACT" in _codes(local, batch="night")
    night.run(night.job("a"), night.job("b"), night.job("bad", title="check:fail"))
    assert _codes(local, batch="night") == set() and _output(local, "a", "mux") != mux


def test_an_artifact_that_is_asked_for_anew_keeps_its_old_rows_true(night, local):
    row = Reader(local, "night").refresh().current()[Key("a", "mux")]
    local.delete(f"artifacts/mux/{row.fingerprint}/artifact.json")
    assert _codes(local) == set()


def test_parts_and_plans_that_cannot_be_understood_are_named_and_the_rest_is_looked_at_all_the_same(night, local):
    damaged, newer = (f"batches/night/attempts/crop/01{name}.parquet" for name in "AB")
    local.write(damaged, b"PAR1 and then nothing")
    table = to_table([Attempt("night", "x", "crop", "succeeded")])
    local.write(newer, encode(table.replace_schema_metadata({"emodiff.schema": "7"})))
    local.write(plan_keys(local, "night")[-1], b"nothing")
    local.delete(_output_of_part(local, skip=(damaged, newer)))
    faults = {(fault.code, fault.where) for fault in verify(local).faults}
    assert {("LEDGER_DAMAGED", damaged), ("LEDGER_NEWER", newer)} <= faults
    assert ("LEDGER_DAMAGED", plan_keys(local, "night")[-1]) in faults
    assert any(code == "ARTIFACT" for code, _ in faults)


def _output_of_part(store: Store, skip: tuple[str, ...]) -> str:
    from infra.parts import read_keys

    keys = [key for key in part_sizes(store, "night", "audio") if key not in skip]
    return read_keys(store, keys)["output"].to_pylist()[0]


def test_rows_of_another_batch_are_strange(night, local):
    local.write("batches/other/attempts/crop/01A.parquet", local.read(next(iter(part_sizes(local, "night")))))
    assert {(fault.code, fault.batch) for fault in verify(local).faults} == {("STRANGE_ROWS", "other")}


def test_what_nothing_speaks_of_is_no_fault(night, local):
    local.write(f"artifacts/crop/{'e' * 64}/01TORN/track.parquet", b"half")
    assert _codes(local) == set()


def test_verify_changes_nothing(night, local):
    local.write(f"artifacts/mux/{'f' * 64}/artifact.json", b"not json")
    local.delete(f"{_output(local, 'b', 'check')}/check.json")
    before = local.sizes()
    assert verify(local).faults
    assert local.sizes() == before
