import cv2
import numpy as np
import pytest
import skimage.data

from emodiff_core.faces.attention import LEFT_EYE, LIPS, RIGHT_EYE
from emodiff_core.faces.choose import FaceModels, find
from emodiff_core.faces.mesh import mesh_of, window_of_points
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, LIPS_INNER, MIRROR
from infra.models import model_path


@pytest.fixture(scope="module")
def plain():
    return FaceModels(model_path("face_detection"), model_path("face_landmark"))


@pytest.fixture(scope="module")
def closer():
    return FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))


@pytest.fixture(scope="module")
def picture():
    return skimage.data.astronaut()


def test_the_mirror_is_its_own_inverse_and_swaps_the_eyes():
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(468))
    assert set(MIRROR[EYE_LEFT]) == set(EYE_RIGHT)
    assert set(MIRROR[LIPS_INNER]) == set(LIPS_INNER)


def test_a_mirrored_picture_has_the_mirrored_mesh(closer, picture):
    mesh = find(closer, picture).mesh
    other = find(closer, np.ascontiguousarray(picture[:, ::-1])).mesh
    expected = other.points[MIRROR]
    expected[:, 0] = picture.shape[1] - expected[:, 0]
    assert np.abs(expected - mesh.points)[:, :2].mean() < 0.4
    assert np.abs(other.irises[::-1, 0, 0] - (picture.shape[1] - mesh.irises[:, 0, 0])).max() < 0.6


def test_the_two_models_agree_on_the_face_and_lie_apart_by_less_than_a_lip(plain, closer, picture):
    first, second = find(plain, picture).mesh, find(closer, picture).mesh
    apart = np.linalg.norm((first.points - second.points)[:, :2], axis=1)
    assert apart.mean() < 1.0
    assert apart[np.concatenate([LIPS, LEFT_EYE, RIGHT_EYE])].max() < 5.0


def test_irises_lie_on_the_dark_of_the_eyes(closer, picture):
    mesh = find(closer, picture).mesh
    gray = picture.mean(2)
    for iris, eye in zip(mesh.irises, (EYE_RIGHT, EYE_LEFT), strict=True):
        inside, disc = np.zeros(gray.shape, np.uint8), np.zeros(gray.shape, np.uint8)
        cv2.fillPoly(inside, [mesh.points[eye, :2].astype(np.int32)], 1)
        cv2.circle(disc, tuple(int(v) for v in iris[0, :2]), 3, 1, -1)
        assert gray[(inside & disc) > 0].mean() < 0.8 * gray[(inside > disc)].mean()


def test_nearer_points_have_larger_depth(closer, picture):
    mesh = find(closer, picture).mesh
    nose, ears = mesh.points[1, 2], mesh.points[[234, 454], 2]
    assert nose > ears.max() + 0.3 * mesh.box[2]
    assert abs(mesh.yaw) < 6


def test_a_hand_over_the_mouth_raises_the_doubt(closer, picture):
    mesh = find(closer, picture).mesh
    hidden = picture.copy()
    cv2.ellipse(hidden, (205, 150), (34, 24), 25, 0, 360, (186, 140, 120), -1)
    covered = mesh_of(closer.mesh, hidden, window_of_points(mesh.points))
    assert covered.doubt > 1.15 * mesh_of(closer.mesh, picture, window_of_points(mesh.points)).doubt


def test_presence_is_low_where_there_is_no_face(closer, picture):
    mesh = find(closer, picture).mesh
    assert mesh.presence > 0.99
    away = window_of_points(mesh.points + np.array([200, 250, 0], np.float32))
    assert mesh_of(closer.mesh, picture, away).presence < 0.1
