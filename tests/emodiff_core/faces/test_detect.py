import cv2
import numpy as np
import pytest
import skimage.data

from emodiff_core.faces.choose import FaceModels, find
from emodiff_core.faces.detect import detect
from emodiff_core.refusal import Refusal
from infra.models import model_path


@pytest.fixture(scope="module")
def models():
    return FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))


@pytest.fixture(scope="module")
def crowd():
    """One large face near the middle and one small face at the right of a busy picture."""
    picture = cv2.resize(skimage.data.coffee(), (1280, 720))
    face = skimage.data.astronaut()[20:230, 120:320]
    picture[250:670, 480:880] = cv2.resize(face, (400, 420), interpolation=cv2.INTER_CUBIC)
    picture[60:165, 1100:1200] = cv2.resize(face, (100, 105), interpolation=cv2.INTER_AREA)
    return picture


def test_the_astronaut_is_found_where_mediapipe_finds_her(models):
    faces = detect(models.detector, skimage.data.astronaut())
    assert len(faces) == 1
    # mediapipe 0.10.21 itself on the same picture
    np.testing.assert_allclose(faces[0].box, (178, 83, 95, 95), atol=4)


def test_small_faces_need_the_tiles(models, crowd):
    assert len(detect(models.detector, crowd)) == 1
    centres = [np.add(face.box[:2], np.array(face.box[2:]) / 2) for face in detect(models.detector, crowd, smallest=40)]
    assert min(np.linalg.norm(centre - (1150, 115)) for centre in centres) < 15


def test_auto_and_largest_take_the_large_face_and_a_point_takes_the_one_under_it(models, crowd):
    for face in ("auto", "largest"):
        assert find(models, crowd, face).mesh.box[2] > 150
    small = find(models, crowd, "1150,115", smallest=40)
    assert small.mesh.box[2] < 80
    assert small.count == 2, "patterns of the coffee cup that only one of the two models takes for a face do not count"


def test_a_point_beside_every_face_is_refused_by_name(models, crowd):
    with pytest.raises(Refusal) as refusal:
        find(models, crowd, "50,600", smallest=40)
    assert refusal.value.code == "NO_FACE_AT_POINT"


def test_a_picture_without_a_face_has_none(models):
    assert find(models, cv2.resize(skimage.data.coffee(), (640, 480))) is None
    assert find(models, np.zeros((64, 64, 3), np.uint8)) is None


def test_turned_pictures_keep_their_face_to_a_quarter_right_angle(models):
    picture = skimage.data.astronaut()
    for degrees in (-22, 22):
        turned = cv2.warpAffine(picture, cv2.getRotationMatrix2D((225, 125), degrees, 1), (512, 512))
        points = find(models, turned).mesh.points
        across = points[263] - points[33]
        assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(3 - degrees, abs=3)
