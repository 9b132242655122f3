"""One typed tree, and where each value comes from."""

import pickle
from pathlib import Path

import pytest

from infra.errors import SetupError
from infra.origins import load, load_with_origins
from infra.settings import STAGES, Settings, pixels


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    """No settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMODIFF_SETTINGS", raising=False)


def _origins(loaded):
    return {entry.path: entry.origin for entry in loaded.entries() if entry.origin != "default"}


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(monkeypatch):
    Path("emodiff.toml").write_text("[generate]\nsteps = 3\nbatch = 4\nspan_seconds = 5.0\n[mux]\ncrf = 20\n")
    monkeypatch.setenv("EMODIFF_GENERATE__STEPS", "6")
    monkeypatch.setenv("EMODIFF_GENERATE__BATCH", "7")
    loaded = load_with_origins(["generate.steps=9"])
    generate = loaded.settings.generate
    assert (generate.steps, generate.batch, generate.span_seconds, loaded.settings.mux.crf) == (9, 7, 5.0, 20)
    assert _origins(loaded) == {
        "generate.steps": "flag",
        "generate.batch": "environment",
        "generate.span_seconds": "file emodiff.toml",
        "mux.crf": "file emodiff.toml",
    }


def test_a_named_file_comes_instead_of_the_one_in_the_folder(monkeypatch):
    Path("emodiff.toml").write_text("[mux]\ncrf = 20\n")
    Path("other.toml").write_text("[mux]\ncrf = 21\n")
    assert load(file=Path("other.toml")).mux.crf == 21
    monkeypatch.setenv("EMODIFF_SETTINGS", "other.toml")
    assert load().mux.crf == 21


def test_defaults_alone_read_neither_environment_nor_file(monkeypatch):
    monkeypatch.setenv("EMODIFF_GENERATE__STEPS", "9")
    assert Settings().generate.steps == Settings.model_fields["generate"].default.steps


def test_one_field_of_one_pool_can_be_changed_and_a_stage_moved_to_a_pool_of_its_own(monkeypatch):
    monkeypatch.setenv("EMODIFF_WORKERS__POOLS__MEDIA__COUNT", "5")
    moved = ['workers.pools.model.stages=["expression"]', 'workers.pools.gpu={stages=["generate"], gpus=0.5}']
    pools = load(moved).workers.pools
    assert pools["media"].count == 5 and pools["media"].stages == ("crop", "audio", "mux", "check")
    assert pools["gpu"].gpus == 0.5 and pools["model"].stages == ("expression",)


def test_a_pool_without_stages_is_left_out():
    pools = load(["workers.pools.model.stages=[]", f"workers.pools.media.stages={list(STAGES)}".replace("'", '"')])
    assert list(pools.workers.pools) == ["media"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["generate.steps=99"], r"generate\.steps = '99' \(flag\): .*less than or equal to 50"),
        (["generate.stepps=2"], r"no setting generate\.stepps \(flag\), did you mean generate\.steps\?"),
        (["steps"], "'steps' sets nothing"),
        (["workers.pools.model.stages=[]"], "wrong: expression, generate"),
        (["picture.rate=0"], r"picture\.rate"),
        (["picture.rate=fast"], r"picture\.rate"),
        (["generate.guidance_audio=nan"], r"generate\.guidance_audio"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_what_would(flags, said):
    with pytest.raises(SetupError, match=said):
        load(flags)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(SetupError) as caught:
        load(["generate.steps=99", "mux.crf=-1"])
    assert "generate.steps" in str(caught.value) and "mux.crf" in str(caught.value)


def test_a_misspelt_environment_variable_is_noticed(monkeypatch):
    monkeypatch.setenv("EMODIFF_GENRATE__STEPS", "3")
    with pytest.raises(SetupError) as caught:
        load()
    assert "EMODIFF_GENRATE__STEPS" in caught.value.message and "EMODIFF_GENERATE__" in caught.value.hint


def test_a_file_that_is_no_toml_is_named(tmp_path):
    Path("bad.toml").write_text("steps: 3")
    with pytest.raises(SetupError, match=r"bad\.toml cannot be read"):
        load(file=Path("bad.toml"))
    with pytest.raises(SetupError, match=r"nothing\.toml"):
        load(file=Path("nothing.toml"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("25", "25/1"), ("29.97", "30000/1001"), (23.976, "24000/1001"), ("30000/1001", "30000/1001"), ("12.5", "25/2")],
)
def test_a_frame_rate_is_an_exact_fraction(written, meant):
    assert Settings(picture={"rate": written}).picture.rate == meant


def test_every_setting_has_a_reason_and_a_default_that_passes():
    for entry in load_with_origins().entries():
        assert len(entry.reason) > 10, entry.path


def test_pixels_name_real_stages_and_every_generate_knob_but_none_of_the_workers():
    shares = {stage: pixels(Settings(), stage) for stage in STAGES}
    assert "generate.steps" in shares["generate"] and "mux.crf" in shares["mux"]
    assert not any(path.startswith(("workers", "storage", "log", "models")) for s in shares.values() for path in s)
    assert all(set(entry.pixels) <= set(STAGES) for entry in load_with_origins().entries())


def test_settings_travel_to_workers_as_they_are():
    settings = Settings(generate={"steps": 5})
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("EMODIFF_CACHE", str(tmp_path / "elsewhere"))
    assert Settings().models.cache == str(tmp_path / "elsewhere")
