"""A portrait moves as the face in its driving video moves."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emodiff_core.faces.choose import FaceModels
from emodiff_core.flame import load_builtin
from emodiff_core.media import Limits, write_lossless
from emodiff_core.refusal import Refusal
from infra.models import model_path
from infra.settings import Settings
from tasks.driving import driven

TILT = 12.0


@pytest.fixture(scope="module")
def models() -> FaceModels:
    settings = Settings()
    return FaceModels(model_path("face_detection", settings), model_path("face_landmark_attention", settings))


def film(path: Path, pictures: list[np.ndarray]) -> Path:
    write_lossless(path, pictures)
    return path


def test_a_tilting_head_tilts_the_portrait_by_as_much(tmp_path, models):
    photograph = skimage.data.astronaut()[0:300, 80:380]
    turns = [cv2.getRotationMatrix2D((145, 130), TILT * k / 12, 1) for k in range(13)]
    path = film(tmp_path / "tilt.mkv", [cv2.warpAffine(photograph, m, (300, 300)) for m in turns])
    motion = driven(path, np.arange(25) / 25, models, load_builtin(), Limits())
    roll = np.degrees(motion.rotation[:, 2])
    assert roll[0] == 0
    assert roll[12] == pytest.approx(TILT, abs=2.5)
    assert np.allclose(motion.rotation[13:], motion.rotation[12], atol=1e-6)
    assert np.degrees(np.abs(motion.rotation[:, :2])).max() < 4


def test_a_video_without_a_face_says_so(tmp_path, models):
    path = film(tmp_path / "sky.mkv", [np.full((200, 200, 3), 120, np.uint8)] * 5)
    with pytest.raises(Refusal, match=r"sky\.mkv: no face"):
        driven(path, np.arange(5) / 25, models, load_builtin(), Limits())
