"""Spans: what diffusion answers reaches the full-resolution picture where it should, and nowhere else."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.warp import FACE, INTERIOR, LIPS, TEETH, Warper, guide
from emodiff_core.flame import load_builtin
from emodiff_core.generator.detail import View, gate, transfer
from emodiff_core.generator.span import need, render_span
from emodiff_core.generator.target import MOUTH, portrait, revoiced
from emodiff_core.generator.windows import WINDOWS, inverse, rest_points, window_matrix

SIZE = 320


class Echo:
    """Answers every window with its guide, brightened by a constant: a renderer whose result is known."""

    size = 128

    def __init__(self, change: float = 0.0) -> None:
        self.change, self.seen = change, []

    def __call__(self, requests, seed):
        self.seen += [(r.name, r.frame, seed) for r in requests]
        return [np.clip(r.guide.image + self.change, 0, 1) for r in requests]


@pytest.fixture(scope="module")
def head():
    return load_builtin()


@pytest.fixture(scope="module")
def picture():
    random = np.random.default_rng(3)
    coarse = cv2.resize(random.uniform(60, 180, (7, 7, 3)).astype(np.float32), (SIZE, SIZE))
    return np.clip(coarse + random.normal(0, 8, coarse.shape), 0, 255).astype(np.uint8)


def codes(count: int = 1, jaw: float = 0.0) -> Codes:
    values = np.zeros((count, len(ARKIT)), np.float32)
    values[:, ARKIT.index("jawOpen")] = np.linspace(0, jaw, count) if count > 1 else jaw
    camera = np.repeat(np.array([[10.0, SIZE / 2, SIZE / 2]], np.float32), count, 0)
    return Codes("builtin", np.zeros(2, np.float32), values, np.zeros((count, 3), np.float32), camera,
                 np.zeros((468, 3), np.float32), np.zeros_like(values))  # fmt: skip


def test_an_answer_equal_to_the_guide_leaves_the_warp_with_its_grain(head, picture):
    goal = codes(jaw=0.3)
    warp = Warper(picture, codes(), head)(goal)
    points = rest_points(head, goal)[0]
    views = []
    for name in WINDOWS:
        matrix = window_matrix(points, name)
        seen = guide(warp, matrix)
        views.append(View(name, matrix, seen, seen.image))
    image, _ = transfer(warp, views)
    solid = (warp.valid > 0.999) & (warp.masks[..., FACE] > 0.99)
    assert np.abs(image - warp.image)[solid].max() < 2e-3


def test_diffusion_tells_the_colours_of_a_hole_and_the_mesh_its_edges(head, picture):
    goal = codes(jaw=0.6)
    warp = Warper(picture, codes(), head)(goal)
    matrix = window_matrix(rest_points(head, goal)[0], "mouth")
    seen = guide(warp, matrix)
    redder = seen.image + np.array([0.2, 0, 0], np.float32)
    image, touched = transfer(warp, [View("mouth", matrix, seen, redder)])
    hole = (warp.valid < 0.01) & (warp.masks[..., INTERIOR] > 0.99)
    assert hole.sum() > 50
    assert np.allclose((image - warp.image)[hole].mean(0), [0.2, 0, 0], atol=0.01)
    blurred = View("mouth", matrix, seen, cv2.GaussianBlur(seen.image, (0, 0), 3))
    image, _ = transfer(warp, [blurred])
    crowns = hole & (warp.masks[..., TEETH] > 0.5)
    assert image[crowns].std() > 0.8 * warp.image[crowns].std()
    assert touched[:40].max() == 0


@pytest.mark.parametrize(("shown", "least", "most"), [(1.0, 0.05, 0.15), (0.0, 0.9, 1.0)])
def test_lips_take_diffusions_change_as_far_as_the_mouth_shows_something_new(head, picture, shown, least, most):
    goal = codes(jaw=0.6)
    warp = Warper(picture, codes(), head)(goal)
    warp = replace(warp, valid=np.maximum(warp.valid, np.float32(shown)))
    view = View("mouth", inverse(np.eye(2, 3, dtype=np.float32)), guide(warp, np.eye(2, 3, dtype=np.float32)), picture)
    lips = (warp.masks[..., LIPS] > 0.99) & (cv2.GaussianBlur(warp.masks[..., INTERIOR], (0, 0), 3) < 0.05)
    share = gate(view, warp, (slice(0, SIZE), slice(0, SIZE)))[lips]
    assert least <= np.median(share) <= most


def test_a_portrait_that_does_not_move_and_is_not_repaired_stays_as_it_is(head, picture):
    source = codes()
    done = list(render_span([picture], source, source, np.zeros((1, 11, 320)), head, Echo(), seed=1))
    assert np.abs(done[0].image.astype(int) - picture).mean() < 0.1
    outside = done[0].mask == 0
    assert outside.mean() > 0.4
    assert (done[0].image[outside] == picture[outside]).all()


def test_a_span_asks_for_each_window_of_each_frame_once_with_one_seed(head, picture):
    echo = Echo()
    audio = np.zeros((5, 11, 320), np.float32)
    goal = codes(5, 0.5)
    goal.expression[:, [i for i, n in enumerate(ARKIT) if n.startswith("eyeBlink")]] = 0.5
    done = list(render_span([picture], codes(), goal, audio, head, echo, seed=42, first=100, chunk=2))
    assert len(done) == 5
    assert sorted(echo.seen) == sorted((n, f, 42) for n in WINDOWS for f in range(100, 105))


def test_frames_that_are_not_to_be_rendered_pass_through(head, picture):
    wanted = np.array([True, False, True])
    films = [picture, np.roll(picture, 3, 0), picture]
    source = codes(3)
    done = list(render_span(films, source, codes(3, 0.5), np.zeros((3, 11, 320)), head, Echo(0.1), 1, rendered=wanted))
    assert (done[1].image == films[1]).all()
    assert done[1].mask.max() == 0
    assert done[2].mask.max() == 255


def test_any_chunking_gives_the_same_frames(head, picture):
    def frames(chunk: int) -> list[np.ndarray]:
        goal, audio = codes(4, 0.4), np.zeros((4, 11, 320))
        return [f.image for f in render_span([picture], codes(), goal, audio, head, Echo(0.05), 1, chunk=chunk)]

    assert all((a == b).all() for a, b in zip(frames(1), frames(4), strict=True))


def test_a_tilted_head_turns_about_its_neck(head):
    rotation = np.array([[0, 0, 0], [0, 0, 0.1]], np.float32)
    goal = portrait(codes(), head, np.zeros((2, 53), np.float32), rotation, np.zeros((2, 3), np.float32))
    posed = head.posed(goal)
    points = head.points_vertices.numpy()[:, 0]
    moved = np.linalg.norm(posed[1, :, :2] - posed[0, :, :2], axis=1)[points]
    assert moved[10] > 1.5 * moved[152] > 0


def test_footage_with_source_emotion_changes_the_mouth_codes_only():
    source = codes(3)
    source.expression[:, ARKIT.index("browInnerUp_L")] = 0.7
    speech = np.full((3, 53), 0.2, np.float32)
    told = revoiced(source, speech).expression
    assert (told[:, ~MOUTH] == source.expression[:, ~MOUTH]).all()
    assert (told[:, MOUTH] == speech[:, MOUTH]).all()


def test_eyes_whose_lids_do_not_move_cost_nothing_and_set_in_without_a_step(head, picture):
    echo = Echo()
    list(render_span([picture], codes(), codes(3, 0.5), np.zeros((3, 11, 320)), head, echo, seed=1))
    assert {name for name, *_ in echo.seen} == {"face", "mouth"}
    lids = np.linspace(0, 0.4, 41)
    blink = np.zeros((41, 53), np.float32)
    blink[:, ARKIT.index("eyeBlink_L")] = lids
    weights = [need("eye_l", blink[0], row) for row in blink]
    assert weights[0] == 0 and weights[-1] == 1
    assert np.abs(np.diff(weights)).max() < 0.1
    assert need("eye_r", blink[0], blink[-1]) == 0
