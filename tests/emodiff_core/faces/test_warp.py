"""The warp moves what the mesh moves, and knows what it cannot show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.points import LIP_BOTTOM, LIP_TOP, LIPS_INNER
from emodiff_core.faces.warp import EYES, FACE, INTERIOR, LIPS, Warper, guide, head_points, pixel_grid, window_view
from emodiff_core.flame import HeadModel, Part, load_builtin
from emodiff_core.generator.windows import WINDOWS, inverse, rest_points, window_matrix

SIZE = 256


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_builtin()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Smooth colours with fine grain: every place looks different."""
    random = np.random.default_rng(7)
    coarse = cv2.resize(
        random.uniform(40, 215, (9, 9, 3)).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(coarse + random.normal(0, 6, coarse.shape), 0, 255).astype(np.uint8)


def codes(**expression: float) -> Codes:
    values = np.zeros((1, len(ARKIT)), np.float32)
    for name, value in expression.items():
        values[0, [i for i, n in enumerate(ARKIT) if n == name or n[:-2] == name]] = value
    return Codes(
        "builtin",
        np.zeros(4, np.float32),
        values,
        np.array([[0.05, 0.1, 0.02]], np.float32),
        np.array([[9.0, SIZE / 2, SIZE / 2 - 10]], np.float32),
        np.zeros((468, 3), np.float32),
        np.zeros_like(values),
    )


def test_the_same_codes_give_back_the_picture(head, picture):
    warp = Warper(picture, codes(), head)(codes())
    assert np.abs(warp.flow - pixel_grid((SIZE, SIZE))).max() < 0.02
    assert np.abs(warp.image * 255 - picture).mean() < 0.2
    face = warp.masks[..., FACE] * (1 - warp.masks[..., INTERIOR]) > 0.99
    assert warp.valid[face].mean() > 0.97


def test_a_moved_camera_carries_the_face_and_leaves_the_border(head, picture):
    goal = codes().moved(codes().expression, None, codes().camera + np.array([[0, 6.0, -4.0]], np.float32))
    warp = Warper(picture, codes(), head)(goal)
    shift = pixel_grid((SIZE, SIZE)) - warp.flow
    inner = warp.masks[..., FACE] > 0.99
    assert np.allclose(np.median(shift[inner], 0), [6, -4], atol=0.1)
    border = np.concatenate([shift[[0, -1]].reshape(-1, 2), shift[:, [0, -1]].reshape(-1, 2)])
    assert np.abs(border).max() < 1e-4


def test_an_opening_mouth_shows_a_hole_where_the_closed_one_had_nothing(head, picture):
    warp = Warper(picture, codes(), head)(codes(jawOpen=0.6))
    inside = warp.masks[..., INTERIOR] > 0.9
    assert inside.sum() > 100
    assert warp.valid[inside].mean() < 0.15
    skin = (warp.masks[..., FACE] > 0.99) & (warp.masks[..., INTERIOR] < 0.01)
    assert warp.valid[skin].mean() > 0.9


def test_teeth_that_are_seen_stay_where_the_skull_has_them(head, picture):
    opened = codes(jawOpen=0.5)
    warper = Warper(picture, opened, head)
    warp = warper(codes(jawOpen=0.5, mouthSmile=0.8))
    both = (warp.masks[..., INTERIOR] > 0.95) & (warper(opened).masks[..., INTERIOR] > 0.95)
    assert both.sum() > 50
    assert np.abs(warp.flow - pixel_grid((SIZE, SIZE)))[both].max() < 0.05
    assert warp.valid[both].mean() > 0.8


def test_the_lip_contours_of_the_target_bound_the_hole(head, picture):
    warper = Warper(picture, codes(), head)
    goal = codes(jawOpen=0.5)
    warp = warper(goal)
    ring = (head.posed(goal)[0][head.points_vertices.numpy()] * head.points_weights.numpy()[..., None]).sum(1)
    ring = ring[LIPS_INNER, :2]
    area = 0.5 * abs(np.dot(ring[:, 0], np.roll(ring[:, 1], 1)) - np.dot(ring[:, 1], np.roll(ring[:, 0], 1)))
    assert warp.masks[..., INTERIOR].sum() == pytest.approx(area, rel=0.12)


def test_lips_pressed_past_each_other_open_no_hole(head, picture):
    warper = Warper(picture, codes(), head)
    pressed = dict.fromkeys(("mouthFrown_L", "mouthFrown_R"), 0.65) | {"mouthShrugLower": 0.4, "mouthClose": 0.1}
    points = head_points(head, head.posed(codes(**pressed))[0])
    assert points[LIP_BOTTOM, 1] < points[LIP_TOP, 1] - 1
    warp = warper(codes(**pressed))
    assert warp.masks[..., INTERIOR].max() < 0.3
    assert warp.masks[..., LIPS].max() > 0.95


def test_closed_lids_cover_the_eyes(head, picture):
    warper = Warper(picture, codes(), head)
    shut = warper(codes(eyeBlink=1.0)).masks[..., EYES].sum()
    assert shut < 0.35 * warper(codes()).masks[..., EYES].sum()


def test_windows_move_with_the_head_and_not_with_the_mouth(head):
    still, talking = codes(), codes(jawOpen=0.7, mouthSmile=0.5)
    for name in WINDOWS:
        assert np.allclose(
            window_matrix(rest_points(head, still)[0], name), window_matrix(rest_points(head, talking)[0], name)
        )
    moved = codes().moved(codes().expression, None, codes().camera + np.array([[0, 5, 3]], np.float32))
    a, b = (inverse(window_matrix(rest_points(head, c)[0], "mouth")) for c in (codes(), moved))
    assert np.allclose(b[:, 2] - a[:, 2], [5, 3], atol=1e-3)


def test_a_mouth_is_wide_in_its_window(head):
    matrix = window_matrix(rest_points(head, codes())[0], "mouth", 128)
    points = rest_points(head, codes())[0][[61, 291], :2] @ matrix[:, :2].T + matrix[:, 2]
    assert 70 < points[1, 0] - points[0, 0] < 100


def test_a_window_at_the_pictures_own_scale_changes_no_pixel(picture):
    matrix = np.array([[1, 0, -40], [0, 1, -60]], np.float32)
    view = window_view(picture.astype(np.float32), matrix, 64)
    assert np.abs(view - picture[60:124, 40:104]).max() < 1e-3


def test_guides_have_unit_normals_where_the_head_is(head, picture):
    warp = Warper(picture, codes(), head)(codes())
    seen = guide(warp, window_matrix(rest_points(head, codes())[0], "face", 128))
    lengths = np.linalg.norm(seen.normal, axis=-1)
    assert np.allclose(lengths[seen.masks[..., FACE] > 0.99], 1, atol=1e-3)
    assert seen.normal[64, 64, 2] > 0.5


def test_an_eyeball_that_cuts_through_its_lids_is_not_drawn_beyond_their_contours(head, picture):
    bulging = head.template.clone()
    bulging[np.unique(head.faces[np.isin(head.parts, (Part.SCLERA, Part.IRIS))]), 2] += 0.25
    unsound = replace(head, template=bulging)
    marked = picture.copy()
    marked[Warper(picture, codes(), head)(codes()).masks[..., EYES] > 0.5] = (255, 0, 255)
    shut = Warper(marked, codes(), unsound)(codes(eyeBlink=0.6))
    lurid = (shut.image[..., 0] > 0.8) & (shut.image[..., 1] < 0.2) & (shut.image[..., 2] > 0.8)
    lids = cv2.dilate(shut.masks[..., EYES], np.ones((5, 5))) < 0.05
    assert (lurid & lids).sum() < 10
