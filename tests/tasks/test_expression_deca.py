"""DECA in the expression stage: real files in the official layouts, random weights, a real photograph."""

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
from PIL import Image

from emodiff_core.codes import ARKIT
from emodiff_core.deca import crop, load_deca, window
from emodiff_core.refusal import Refusal
from infra import models
from infra.errors import RightsError, SetupError
from infra.fingerprint import Digests
from infra.settings import Settings
from tasks.address import ground
from tasks.catalog import STAGES
from tasks.codes_file import read_codes
from tasks.crop import Crop
from tasks.expression import Expression
from tasks.heads import head_of
from tasks.jobs import Job
from tasks.licences import reader_of, settled
from tasks.stage import Item
from tasks.track_file import read_track
from tests.emodiff_core.flame_layout import write
from tests.emodiff_core.test_deca import deca_tar

JOB = Job(job_id="one", picture="x", speech="y", language="en")


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """A user's cache with the face models, DECA and FLAME 2020 in it."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "models").mkdir()
    for path in models.folder().glob("*.tflite"):
        (folder / "models" / path.name).symlink_to(path)
    deca_tar(folder / "models" / "deca_model.tar")
    write(folder / "models" / "generic_model.pkl")
    return folder


def settings_of(cache: Path, use: str = "research", **expression: str) -> Settings:
    return Settings(models={"cache": str(cache)}, run={"use": use}, expression=expression)


@pytest.fixture(scope="module")
def cropped(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crop")
    Image.fromarray(skimage.data.astronaut()).save(folder / "photograph.png")
    (folder / "crop").mkdir()
    stage = Crop()
    stage.setup(Settings())
    stage.run(Item(JOB, {"picture": folder / "photograph.png"}, folder / "crop", Settings()))
    return folder / "crop"


@pytest.fixture(scope="module")
def read(cache, cropped, tmp_path_factory):
    """The stage with DECA, set up and run on the photograph."""
    settings = settled(settings_of(cache))
    stage, out = Expression(), tmp_path_factory.mktemp("expression")
    stage.setup(settings)
    stage.run(Item(JOB, {"crop": cropped}, out, settings))
    return stage, out


def test_where_its_files_are_installed_for_research_deca_reads_the_expressions(cache):
    assert settled(settings_of(cache)).expression.codes == "deca"
    assert settled(settings_of(cache, codes="mesh")).expression.codes == "mesh"
    assert reader_of(settings_of(cache, use="commercial")) == "mesh"
    assert reader_of(Settings(run={"use": "research"}, models={"cache": str(cache / "empty")})) == "mesh"


def test_decas_codes_of_decas_own_crop_of_the_face_become_arkit_codes(read, cropped, cache):
    stage, out = read
    codes, table = read_codes(out), pq.read_table(out / "codes.parquet")
    flame = np.array(table["flame"].to_pylist(), np.float32)
    assert codes.expression.shape == (1, 53) and flame.shape == (1, 53)
    track, picture = read_track(cropped), skimage.data.astronaut()
    # The same face cut out of the whole photograph, without the crop stage's rectangle between.
    told = load_deca(cache / "models" / "deca_model.tar").codes(crop(picture, window(track.landmarks[0])))
    assert flame[0, :50] == pytest.approx(told.expression[0].numpy(), abs=2e-3)
    assert flame[0, 50:] == pytest.approx(told.pose[0, 3:].numpy(), abs=2e-3)
    mapped = stage._deca.between.arkit(flame)
    assert np.abs(codes.expression - mapped).max() < 1e-5
    assert codes.expression.min() >= 0 and codes.expression.max() <= 1 and codes.expression.std() > 0.01
    meta = json.loads(table.schema.metadata[b"emodiff"])
    assert len(meta["flame_shape"]) == 100 and meta["head"] == "builtin"


def test_pose_and_residual_still_lay_the_head_on_the_face(read, cropped):
    stage, out = read
    codes, track = read_codes(out), read_track(cropped)
    head = stage._head
    points = (head.posed(codes)[0][head.points_vertices.numpy()] * head.points_weights.numpy()[..., None]).sum(1)
    away = np.linalg.norm((points - track.landmarks[0])[:, :2], axis=1)
    assert np.median(away) < 1.5, "pixels at a face 100 wide"


def test_a_use_that_the_licence_does_not_cover_is_refused_before_anything_runs(cache):
    for use in ("any", "commercial"):
        with pytest.raises(RightsError, match="non-commercial"):
            settled(settings_of(cache, use=use, codes="deca"))
        with pytest.raises(RightsError, match="non-commercial"):
            settled(settings_of(cache, use=use, head=str(cache / "models" / "generic_model.pkl")))
    with pytest.raises(SetupError, match="MODEL_MISSING"):
        settled(settings_of(cache / "empty", codes="deca"))


def test_a_flame_file_under_another_name_is_taken_for_the_most_restricted(cache, tmp_path):
    (tmp_path / "mine.pkl").symlink_to(cache / "models" / "generic_model.pkl")
    (tmp_path / "flame2023_Open.pkl").symlink_to(cache / "models" / "generic_model.pkl")
    with pytest.raises(RightsError, match="flame2020"):
        settled(settings_of(cache, use="commercial", head=str(tmp_path / "mine.pkl")))
    settled(settings_of(cache, use="commercial", head=str(tmp_path / "flame2023_Open.pkl")))


def test_the_fingerprint_follows_the_choice_and_the_weights(cache, tmp_path):
    def weights(settings):
        return ground("night", settled(settings), STAGES, Digests()).weights["expression"]

    first = weights(settings_of(cache))
    assert first.keys() > weights(settings_of(cache, codes="mesh")).keys()
    (tmp_path / "models").mkdir()
    for path in (cache / "models").iterdir():
        (tmp_path / "models" / path.name).symlink_to(path)
    (tmp_path / "models" / "deca_model.tar").unlink()
    (tmp_path / "models" / "deca_model.tar").write_bytes(b"other weights")
    other = weights(settings_of(tmp_path))
    assert {name for name in first if first[name] != other[name]} == {"deca"}


def test_the_register_shows_which_are_installed(cache):
    states = models.check(settings_of(cache))
    assert (states["deca"], states["flame2020"], states["flame2023_open"]) == ("ok", "ok", "not installed")


def test_weights_that_would_run_something_stop_the_stage(cache, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "generic_model.pkl").symlink_to(cache / "models" / "generic_model.pkl")
    (tmp_path / "models" / "deca_model.tar").write_bytes(pickle.dumps(print))
    with pytest.raises(Refusal):
        Expression().setup(settled(settings_of(tmp_path)))


def test_a_flame_file_serves_as_the_head_that_is_fitted(cache, cropped, tmp_path):
    settings = settled(settings_of(cache, codes="mesh", head=str(cache / "models" / "generic_model.pkl")))
    stage = Expression()
    stage.setup(settings)
    result = stage.run(Item(JOB, {"crop": cropped}, tmp_path, settings))
    codes = read_codes(tmp_path)
    assert codes.head == "flame" and codes.expression.shape == (len(read_track(cropped)), len(ARKIT))
    assert result.figures["residual_cm"] < 0.5


def test_a_head_that_is_not_there_is_named():
    with pytest.raises(SetupError, match="HEAD_MISSING"):
        head_of("/nowhere/head.npz")
