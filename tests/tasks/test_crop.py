"""Crop and expression on real files: a photograph, a video made of it, and pictures that must be refused."""

import av
import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from emodiff_core.media import read_lossless
from emodiff_core.refusal import Refusal
from infra.settings import Settings
from tasks.codes_file import read_codes
from tasks.crop import Crop
from tasks.expression import POOR_FIT, Expression
from tasks.jobs import Job
from tasks.stage import Item
from tasks.track_file import read_track
from tests.emodiff_core.faces.test_track import moved

SETTINGS = Settings()


@pytest.fixture(scope="module")
def crop():
    stage = Crop()
    stage.setup(SETTINGS)
    return stage


@pytest.fixture(scope="module")
def expression():
    stage = Expression()
    stage.setup(SETTINGS)
    return stage


def run(stage, tmp_path, face="auto", **inputs):
    job = Job(job_id="one", picture="x", speech="y", language="en", face=face)
    out = tmp_path / stage.name
    out.mkdir()
    return stage.run(Item(job, inputs, out, SETTINGS)), out


def photograph(tmp_path, picture=None):
    path = tmp_path / "photograph.png"
    Image.fromarray(skimage.data.astronaut() if picture is None else picture).save(path)
    return path


def film(tmp_path, frames=30, gap=()):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width, stream.pix_fmt = 360, 400, "yuv420p"
        for k in range(frames):
            picture = np.full((360, 400, 3), 60, np.uint8) if k in gap else moved(k)[0]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def test_a_portrait_becomes_one_row_its_pixels_and_the_whole_picture(crop, expression, tmp_path):
    result, out = run(crop, tmp_path, picture=photograph(tmp_path))
    track = read_track(out)
    assert (track.kind, len(track), track.width, track.height, track.reasons) == ("portrait", 1, 512, 512, (None,))
    x, y, w, h = track.around
    np.testing.assert_array_equal(
        next(iter(read_lossless(out / "crops.mkv"))), skimage.data.astronaut()[y : y + h, x : x + w]
    )
    np.testing.assert_array_equal(np.asarray(Image.open(out / "picture.png")), skimage.data.astronaut())
    assert not result.findings

    result, out = run(expression, tmp_path, crop=out)
    codes = read_codes(out)
    smile = [codes.expression[0, k] for k, name in enumerate(expression._head.expression_names) if "mouthSmile" in name]
    assert codes.expression.shape == (1, 53) and min(smile) > 0.4, "she smiles"
    assert result.figures["residual_cm"] < POOR_FIT


def test_footage_keeps_its_frames_and_times_and_says_why_some_are_left_out(crop, expression, tmp_path):
    result, out = run(crop, tmp_path, picture=film(tmp_path, gap=range(20, 28)))
    track = read_track(out)
    assert (track.kind, len(track)) == ("footage", 30)
    assert [float(time) for time in track.times] == pytest.approx(np.arange(30) / 25)
    assert {k for k, reason in enumerate(track.reasons) if reason} == set(range(20, 28))
    assert [finding.code for finding in result.findings] == ["FRAMES_LEFT_OUT"]
    frames = list(read_lossless(out / "crops.mkv"))
    assert len(frames) == 30 and frames[0].shape == (*track.crops[0, :1:-1], 3)

    _, out = run(expression, tmp_path, crop=out)
    codes = read_codes(out)
    assert len(codes) == 30 and codes.residual.shape == (468, 3)
    roll = np.degrees(codes.rotation[:20, 2])
    assert np.corrcoef(roll, np.sin(np.arange(20) / 9))[0, 1] > 0.95


def test_the_same_input_gives_the_same_codes(crop, tmp_path):
    path = photograph(tmp_path)
    tracks = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tracks.append(read_track(run(crop, tmp_path / name, picture=path)[1]))
    np.testing.assert_array_equal(tracks[0].landmarks, tracks[1].landmarks)


@pytest.mark.parametrize(
    ("code", "picture", "face"),
    [
        ("NO_FACE", cv2.resize(skimage.data.coffee(), (600, 400)), "auto"),
        ("FACE_TOO_SMALL", cv2.resize(skimage.data.astronaut(), (220, 220), interpolation=cv2.INTER_AREA), "auto"),
        ("FACE_CUT_OFF", skimage.data.astronaut()[:150], "auto"),
        ("NO_FACE_AT_POINT", skimage.data.astronaut(), "400,400"),
    ],
)
def test_pictures_that_cannot_be_worked_on_are_refused_by_name(crop, tmp_path, code, picture, face):
    with pytest.raises(Refusal) as refusal:
        run(crop, tmp_path, face, picture=photograph(tmp_path, np.ascontiguousarray(picture)))
    assert refusal.value.code == code
    assert refusal.value.hint


def test_of_two_people_the_prominent_one_is_taken_and_that_is_said(crop, tmp_path):
    astronaut = skimage.data.astronaut()[:300, 60:360]
    pair = np.concatenate([cv2.resize(astronaut, (210, 210)), astronaut[:210, :300]], 1)
    result, out = run(crop, tmp_path, picture=photograph(tmp_path, np.ascontiguousarray(pair)))
    assert [finding.code for finding in result.findings] == ["SEVERAL_FACES"]
    assert read_track(out).landmarks[0, :, 0].mean() > 210
