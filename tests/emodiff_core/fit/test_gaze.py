"""Gaze and lids: pupils that move say where the eyes look, shut eyes say nothing, and cuts are not smoothed over."""

from dataclasses import replace

import numpy as np
import pytest

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.track import Tracker
from emodiff_core.fit import fit_clip
from emodiff_core.fit.gaze import CORNERS, LOOKS, opening
from emodiff_core.flame import HeadModel, Part, load_builtin
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.render import render
from infra.models import model_path
from tests.benchmarks.rendered import points_of

WAYS = {"up": ("Up_L", "Up_R"), "down": ("Down_L", "Down_R"), "left": ("Out_L", "In_R"), "right": ("In_L", "Out_R")}
AHEAD = np.zeros((1, 53), np.float32)


def looking(way: str, much: float = 1.0) -> np.ndarray:
    codes = AHEAD.copy()
    codes[0, [ARKIT.index(f"eyeLook{one}") for one in WAYS[way]]] = much
    return codes


def seen(codes: np.ndarray, way: str) -> np.ndarray:
    """(N,) how far both eyes look one way."""
    return codes[:, [ARKIT.index(f"eyeLook{one}") for one in WAYS[way]]].mean(1)


def posed(head: HeadModel, expression: np.ndarray) -> Codes:
    n = len(expression)
    turn, camera = np.tile([[0.05, 0.2, 0.03]], (n, 1)), np.tile([[12.0, 160, 190]], (n, 1))
    nothing = np.zeros((468, 3), np.float32)
    return Codes(
        head.name, np.zeros(40, np.float32), expression, turn.astype(np.float32), camera.astype(np.float32), nothing,
        expression * 0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_builtin()


def pupils(head: HeadModel, codes: Codes) -> np.ndarray:
    """(N, 2, 5, 3) where the mesh sees the head's own irises, all five points in the middle."""
    iris = np.unique(head.faces[head.parts == Part.IRIS].numpy())
    right = head.template.numpy()[iris, 0] < 0
    vertices = head.posed(codes)
    middle = np.stack([vertices[:, iris[right]].mean(1), vertices[:, iris[~right]].mean(1)], 1)
    return np.repeat(middle[:, :, None], 5, 2)


def test_on_pictures_of_a_person_each_way_of_looking_is_told_from_the_others(head):
    someone = person(1, "held_out")
    shown = np.concatenate([AHEAD, *(looking(way) for way in WAYS)])
    codes = posed(head, shown)
    codes = replace(codes, shape=someone.shape(head))
    film = render(someone, head, codes, (360, 320))
    meshes = [Tracker(FaceModels(model_path("face_detection"), model_path("face_landmark_attention")))(f)
              for f in film.frames]  # fmt: skip
    points = np.stack([mesh.points for mesh in meshes])
    found = fit_clip(points, head, irises=np.stack([mesh.irises for mesh in meshes])).expression
    for row, way in enumerate(WAYS, start=1):
        told = {other: float(seen(found, other)[row]) for other in WAYS}
        assert max(told, key=told.__getitem__) == way and told[way] > 0.35, (way, told)
        assert seen(found, way)[row] > seen(found, way)[0] + 0.3
    blink = found[:, [ARKIT.index("eyeBlink_L"), ARKIT.index("eyeBlink_R")]].mean(1)
    assert blink[2] < blink[0] + 0.35, "eyes that look down are not shut"


def test_without_irises_gaze_is_nought_and_with_them_the_rest_of_the_fit_is_as_before(head):
    codes = posed(head, np.repeat(AHEAD, 12, 0))
    points, irises = points_of(head, codes), pupils(head, codes)
    plain, with_eyes = fit_clip(points, head), fit_clip(points, head, irises=irises)
    assert not plain.expression[:, LOOKS].any()
    assert with_eyes.expression[:, LOOKS].max() < 0.15
    others = np.setdiff1d(np.arange(53), LOOKS)
    assert np.abs(plain.expression - with_eyes.expression)[:, others].mean() < 0.02


def test_shut_eyes_and_missing_irises_take_the_gaze_from_the_frames_around(head):
    shown = np.repeat(looking("left", 0.8), 24, 0)
    codes = posed(head, shown)
    irises = pupils(head, codes)
    shut = slice(10, 14)
    shown[shut, ARKIT.index("eyeBlink_L")] = shown[shut, ARKIT.index("eyeBlink_R")] = 1
    points = points_of(head, codes)
    assert opening(points)[11] < 0.13 < opening(points)[0]
    irises[shut, :, :, 0] -= 30
    irises[4] = np.nan
    left = seen(fit_clip(points, head, irises=irises).expression, "left")
    assert left.min() > 0.5 and np.ptp(left) < 0.15


def test_a_cut_is_not_smoothed_over(head):
    shown = np.concatenate([np.repeat(looking("left", 0.0), 20, 0), np.repeat(looking("left"), 20, 0)])
    codes = posed(head, shown)
    camera = codes.camera.copy()
    camera[20:, 1] += 60
    codes = replace(codes, camera=camera)
    points = points_of(head, codes)
    apart = fit_clip(points, head, shots=np.repeat([0, 1], 20)).camera
    assert np.abs(apart - camera)[[18, 19, 20, 21], 1].max() < 1.0


def test_corners_are_the_corners_of_the_eyes(head):
    points = points_of(head, posed(head, AHEAD))[0]
    assert (np.diff(points[CORNERS, 0], axis=1) > 20).all()
