"""Synthetic people: a seed is a person, the truth lies where the picture shows it, codes move what they name."""

from itertools import pairwise

import numpy as np
import pytest

from emodiff_core.codes import ARKIT, Floats
from emodiff_core.flame import HeadModel, Part, load_builtin
from emodiff_core.synthetic.actor import CLOTH_PART, HAIR_PART, NOTHING, Actor, actor
from emodiff_core.synthetic.camera import camera_of, clean
from emodiff_core.synthetic.people import SPLITS, draw, person
from emodiff_core.synthetic.render import Film, shoot
from emodiff_core.synthetic.scenes import Role, Shot, play

SIDE = 96


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_builtin()


@pytest.fixture(scope="module")
def cast(head: HeadModel) -> Actor:
    return actor(draw(5), head, 4 * SIDE)


def expression(**values: float) -> Floats:
    out = np.zeros(len(ARKIT), np.float32)
    for name, value in values.items():
        for code in (name, f"{name}_L", f"{name}_R"):
            if code in ARKIT:
                out[ARKIT.index(code)] = value
    return out


def film(cast: Actor, *expressions: Floats, turn: float = 0.0, side: int = SIDE) -> Film:
    camera = np.array([[side / 24, side / 2, side / 2]], np.float32)
    codes = cast.person.codes(cast.rig.head, np.stack(expressions), np.array([[0, turn, 0]], np.float32), camera)
    return shoot(cast, codes, (side, side), clean(camera_of(cast.person)))


def test_the_same_seed_gives_the_same_pixels(cast: Actor, head: HeadModel) -> None:
    again = actor(draw(5), head, 4 * SIDE)
    assert np.array_equal(film(cast, expression()).frames, film(again, expression()).frames)


def test_a_frame_does_not_depend_on_its_company(cast: Actor) -> None:
    alone = film(cast, expression(jawOpen=0.4)).frames[0]
    among = film(cast, expression(), expression(jawOpen=0.4), expression(mouthSmile=1)).frames[1]
    assert np.abs(alone.astype(int) - among).max() <= 1


def test_splits_share_no_seed_and_refuse_numbers_that_they_do_not_have() -> None:
    ranges = sorted(SPLITS.values())
    assert all(low[1] <= high[0] for low, high in pairwise(ranges))
    assert person(3, "held_out").seed == SPLITS["held_out"][0] + 3
    with pytest.raises(ValueError, match="validation"):
        person(50_000, "validation")


def test_parts_name_skin_at_the_nose_cloth_at_the_bottom_and_nothing_in_a_corner(cast: Actor) -> None:
    shot = film(cast, expression())
    x, y = shot.points[0, 4, :2].astype(int)
    assert shot.parts[0, y, x] == Part.SKIN
    assert shot.parts[0, 2, 2] in (NOTHING, HAIR_PART)
    assert (shot.parts[0, -3] == CLOTH_PART).any()


def test_an_open_mouth_shows_its_inside_and_a_shut_one_does_not(cast: Actor) -> None:
    shot = film(cast, expression(), expression(jawOpen=0.7))
    inside = np.isin(shot.parts, (Part.MOUTH, Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE)).sum((1, 2))
    assert inside[0] < 8 < 40 < inside[1]


def test_a_blink_hides_the_eyeballs(cast: Actor) -> None:
    shot = film(cast, expression(), expression(eyeBlink=1.0), side=160)
    eyes = np.isin(shot.parts, (Part.SCLERA, Part.IRIS)).sum((1, 2))
    assert eyes[1] < 0.1 * eyes[0]


def test_truth_is_the_head_model_s_own_landmarks(cast: Actor) -> None:
    import torch

    turn = 0.3
    shot = film(cast, expression(mouthSmile=0.5), turn=turn)
    shape = torch.from_numpy(cast.shape)[None]
    bare = cast.rig.head.vertices(shape, torch.from_numpy(expression(mouthSmile=0.5))[None])
    points = cast.rig.head.landmarks(bare)[0].numpy()
    x = points[:, 0] * np.cos(turn) + points[:, 2] * np.sin(turn)
    assert np.allclose(shot.points[0, :, 0], x * SIDE / 24 + SIDE / 2, atol=1e-3)


def test_skin_stays_on_its_spot_while_the_head_moves(cast: Actor) -> None:
    still, moved = film(cast, expression()), film(cast, expression(), turn=0.12)
    cheek = [still.points[0, k, :2] for k in (50, 280)], [moved.points[0, k, :2] for k in (50, 280)]
    for (x, y), (u, v) in zip(*cheek, strict=True):
        difference = still.frames[0, int(y), int(x)].astype(int) - moved.frames[0, int(v), int(u)]
        assert np.abs(difference).max() < 25


def test_a_scene_has_its_cuts_two_heads_and_a_shot_without_a_face(head: HeadModel) -> None:
    size, n = (72, 128), 2
    roles = tuple(
        Role(draw(k), np.zeros((n, len(ARKIT)), np.float32), np.zeros((n, 3), np.float32),
             np.tile(np.array([[2.2, x, 34]], np.float32), (n, 1)))
        for k, x in ((1, 38.0), (2, 92.0))
    )  # fmt: skip
    still = np.zeros((n, 2), np.float32)
    shots = (Shot(roles, still, draw(1)), Shot((), still, draw(2)), Shot(roles[:1], still + 3, draw(3)))
    scene = play(shots, head, size)
    assert scene.frames.shape == (6, 72, 128, 3)
    assert scene.cuts == (2, 4)
    assert [len(p) for p in scene.points] == [2, 2, 0, 0, 1, 1]
    assert np.allclose(scene.points[4][0][:, :2] - scene.points[0][0][:, :2], 3, atol=1e-3)
