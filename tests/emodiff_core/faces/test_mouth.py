"""The inside of a mouth that a picture does not show: the mesh's teeth and flesh in the picture's own light."""

import cv2
import numpy as np
import pytest

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.mouth import LUMA, light, reach
from emodiff_core.faces.warp import INTERIOR, TEETH, Warp, Warper
from emodiff_core.flame import load_builtin

SIZE = 256
SKIN = np.array([0.7, 0.5, 0.42], np.float32)


@pytest.fixture(scope="module")
def head():
    return load_builtin()


def codes(jaw: float = 0.0, yaw: float = 0.0) -> Codes:
    values = np.zeros((1, len(ARKIT)), np.float32)
    values[0, ARKIT.index("jawOpen")] = jaw
    rotation, camera = np.array([[0, yaw, 0]], np.float32), np.array([[14.0, SIZE / 2, SIZE / 2]], np.float32)
    blank = np.zeros((468, 3), np.float32)
    return Codes("builtin", np.zeros(2, np.float32), values, rotation, camera, blank, np.zeros_like(values))


def opened(head, bright: float, jaw: float = 0.6, yaw: float = 0.0) -> Warp:
    """A face of one colour, with its lips shut, made to open them."""
    picture = np.broadcast_to(SKIN * bright * 255, (SIZE, SIZE, 3)).astype(np.uint8)
    return Warper(picture, codes(yaw=yaw), head)(codes(jaw, yaw))


@pytest.mark.parametrize("yaw", [0.0, 0.35])
def test_teeth_are_ivory_and_what_lies_behind_is_dark_and_red(head, yaw):
    warp = opened(head, 1.0, yaw=yaw)
    inside = (warp.masks[..., INTERIOR] > 0.99) & (warp.valid < 0.01)
    teeth = warp.masks[..., TEETH]
    crowns, flesh = warp.image[inside & (teeth > 0.5)], warp.image[inside & (teeth < 0.05)]
    assert len(crowns) > 10 and len(flesh) > 50
    red, green, blue = np.quantile(crowns, 0.8, axis=0)
    assert red > green > blue > 0.6 * red
    red, green, blue = flesh.mean(0)
    assert red > 1.5 * max(green, blue)
    assert (flesh @ LUMA).mean() < 0.5 * np.quantile(crowns @ LUMA, 0.8)


def test_a_mouth_is_as_bright_as_its_picture(head):
    dim, bright = (opened(head, light) for light in (0.4, 0.8))
    crowns = (bright.masks[..., TEETH] > 0.5) & (bright.valid < 0.01)
    assert bright.image[crowns].mean() == pytest.approx(2 * dim.image[crowns].mean(), rel=0.15)


def test_the_corners_and_the_depth_of_a_mouth_lie_in_shadow():
    points = np.zeros((468, 3), np.float32)
    points[78], points[308], points[13], points[14] = (-2.5, 0, 0), (2.5, 0, 0), (0, 0.8, 0), (0, -0.8, 0)
    front, deep, corner, above = reach(np.array([[0, 0, -0.5], [0, 0, -4], [2.4, 0, -0.5], [0, 1.4, -0.5]]), points)
    assert front > 0.85
    assert max(deep, above) < 0.5 * front and corner < 0.9 * front


def test_the_white_of_the_eyes_tells_the_light_and_shut_eyes_leave_it_to_the_skin():
    picture = np.full((60, 60, 3), 0.3, np.float32)
    eyes, lips, face = (np.zeros((60, 60), np.float32) for _ in range(3))
    face[5:55, 5:55], eyes[15:22, 15:45], lips[40:45, 22:38] = 1, 1, 1
    picture[15:22, 15:45] = 0.6
    seen = light(picture, eyes, face, lips)
    assert np.allclose(seen, (1.1 * 0.6) ** 2.2, rtol=0.02)
    dark = light(np.full_like(picture, 0.3), 0 * eyes, face, lips)
    assert np.allclose(dark, (0.9 * 0.3) ** 2.2, rtol=0.02)


def test_what_the_picture_shows_between_its_lips_stays(head):
    random = np.random.default_rng(1)
    picture = cv2.GaussianBlur(random.integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8), (0, 0), 2)
    warper = Warper(picture, codes(0.5), head)
    warp = warper(codes(0.5))
    seen = (warp.valid > 0.99) & (warp.masks[..., INTERIOR] > 0.99)
    assert seen.sum() > 100
    assert np.abs(warp.image * 255 - picture)[seen].max() < 3
