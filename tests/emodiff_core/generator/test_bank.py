"""The mouth bank: diverse views are kept, the nearest is laid into the target's lips, and nothing else is touched."""

import numpy as np
import pytest

from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import LIPS_INNER
from emodiff_core.faces.warp import INTERIOR, Warp, pixel_grid
from emodiff_core.generator.bank import MIX, MOST, MouthBank, choose_views, look_of, view_of

SIZE = (120, 120)
CHIN = [152, 148, 377, 176, 400, 149, 378]
REST = np.zeros(53, np.float32)


def face(gap: float, width: float = 30.0, at: tuple[float, float] = (60, 70)) -> np.ndarray:
    """Points (468, 3) of a face whose eyes are 60 pixels apart; its inner lips are an ellipse of which three quarters
    lie under `at`, for the jaw opens more than the upper lip, and the chin goes with the lower one."""
    points = np.zeros((468, 3), np.float32)
    points[33, :2], points[263, :2] = (-30, -40), (30, -40)
    points[[133, 362, 98, 327], :2] = (-10, -40), (10, -40), (-6, -16), (6, -16)
    points[1, :2], points[2, :2], points[CHIN, :2] = (0, -20), (0, -15), (0, gap / 2 + 25)
    angle = np.linspace(np.pi, 3 * np.pi, len(LIPS_INNER), endpoint=False)
    points[LIPS_INNER, 0], points[LIPS_INNER, 1] = width / 2 * np.cos(angle), gap / 4 - gap / 2 * np.sin(angle)
    return (points + np.float32([*at, 0])).astype(np.float32)


def teeth(points: np.ndarray, shade: float) -> np.ndarray:
    """A gray picture whose mouth is a ramp over its width, of a shade."""
    across = (np.arange(SIZE[1]) - points[LIPS_INNER, 0].min()) / np.ptp(points[LIPS_INNER, 0])
    inside = polygon(points[LIPS_INNER, :2], SIZE)[..., None]
    ramp = np.clip(across, 0, 1)[None, :, None] * np.float32([shade, 90, 60])
    return np.round(128 * (1 - inside) + inside * ramp).astype(np.uint8)


def empty(points: np.ndarray) -> Warp:
    """A warp of a gray face whose mouth has nothing to show."""
    masks = np.zeros((*SIZE, 5), np.float32)
    masks[..., INTERIOR] = polygon(points[LIPS_INNER, :2], SIZE)
    image = np.full((*SIZE, 3), 0.5, np.float32) * (1 - masks[..., [INTERIOR]])
    return Warp(image, pixel_grid(SIZE), 1 - masks[..., INTERIOR], np.zeros((*SIZE, 3), np.float32), masks)


def test_open_mouths_are_kept_as_different_as_they_come():
    gaps = np.concatenate([np.zeros(40), np.full(40, 20.0), np.linspace(4, 24, 30), np.zeros(10)])
    looks = look_of(np.stack([face(gap) for gap in gaps]), np.zeros((len(gaps), 53), np.float32))
    chosen = choose_views(looks, np.ones(len(gaps), bool))
    assert 2 < len(chosen) <= MOST and len({float(gaps[k]) for k in chosen}) == len(chosen)
    assert {gaps[k] for k in chosen} >= {24.0, 4.0} and min(gaps[k] for k in chosen) > 3
    assert chosen == choose_views(looks, np.ones(len(gaps), bool))


def test_faces_that_cannot_be_trusted_and_closed_mouths_give_no_view():
    looks = look_of(np.stack([face(0), face(20)]), np.zeros((2, 53), np.float32))
    assert choose_views(looks, np.array([True, False])) == []


def offered(bank: MouthBank, *targets: np.ndarray) -> np.ndarray:
    """Shares (N, V) of a bank for faces in order."""
    return bank.plan(np.stack(targets), np.stack([REST] * len(targets)))


@pytest.mark.parametrize("moved", [(60, 70), (52, 64)])
def test_the_nearest_view_fills_the_mouth_wherever_it_is(moved):
    bank = MouthBank(
        tuple(view_of(teeth(face(gap), 40 * k + 60), face(gap), REST, k) for k, gap in enumerate((8, 17, 24)))
    )
    target = face(16, at=moved)
    warp = empty(target)
    (shares,) = offered(bank, target)
    shown, share = bank.interior(warp, target, shares)
    core = polygon(target[LIPS_INNER, :2], SIZE) > 0.99
    wanted = teeth(target, 100) / 255
    assert shares.argmax() == 1 and np.abs(shown - wanted)[core].mean() < 0.04
    outside = polygon(target[LIPS_INNER, :2], SIZE) == 0
    assert share[core].mean() > 0.9 * MIX and not share[outside].any()


def test_upper_teeth_hang_on_the_skull_and_lower_ones_stand_on_the_jaw():
    """A view with a bright row at either edge, for a mouth that is open by half as much again."""
    view, target = face(20), face(30)
    picture = np.full((*SIZE, 3), 60, np.uint8)
    high, low = (round(float(view[at, 1])) for at in (13, 14))
    picture[high + 3 : high + 5], picture[low - 5 : low - 3] = 220, 220
    shown, share = MouthBank((view_of(picture, view, REST, 0),)).interior(empty(target), target, np.ones(1, np.float32))
    middle = shown[:, 60, 0] * (share[:, 60] > 0.5 * MIX)
    bright = np.flatnonzero(middle > 0.6)
    inside = bright[(bright > target[13, 1]) & (bright < target[14, 1])]
    assert inside[0] == high + 3 and abs(inside[-1] - (low - 4 + target[152, 1] - view[152, 1])) <= 1
    assert len(inside) <= 5


def test_a_view_that_is_too_different_offers_nothing_and_own_pixels_stay():
    bank = MouthBank((view_of(teeth(face(8), 200), face(8), REST, 5),))
    assert not offered(bank, face(44)).any()
    own = empty(face(8))
    shown = Warp(own.image, own.flow, np.ones(SIZE, np.float32), own.normal, own.masks)
    assert not bank.interior(shown, face(8), np.ones(1, np.float32))[1].any()


def test_a_slit_is_left_dark_whatever_teeth_a_view_shows():
    bank = MouthBank((view_of(teeth(face(8), 200), face(8), REST, 5),))
    assert offered(bank, face(8)).any() and not offered(bank, face(1.5)).any()


def test_what_no_view_saw_is_not_made_of_what_lies_beside_it():
    """Upper teeth all over a small mouth: a larger one has them above, and nothing of them where the jaw goes."""
    target = face(16)
    _, share = MouthBank((view_of(teeth(face(8), 200), face(8), REST, 0),)).interior(
        empty(target), target, np.ones(1, np.float32)
    )
    assert share[69:75, 56:64].min() > 0.8 * MIX and share[79:83, 56:64].max() < 0.3 * MIX


def test_a_sliver_of_the_pictures_own_teeth_gives_way_to_a_whole_view():
    target = face(16)
    bank = MouthBank((view_of(teeth(target, 200), target, REST, 0),))
    warp = empty(target)
    sliver = np.zeros(SIZE, np.float32)
    sliver[70:72] = 1
    partly = Warp(warp.image + sliver[..., None], warp.flow, np.maximum(warp.valid, sliver), warp.normal, warp.masks)
    shown, share = bank.interior(partly, target, np.ones(1, np.float32))
    core = polygon(target[LIPS_INNER, :2], SIZE) > 0.99
    assert np.abs(shown - teeth(target, 200) / 255)[core].mean() < 0.03 and share[core].min() > 0.5 * MIX


def test_a_look_that_trembles_between_two_views_keeps_to_one_and_a_change_is_a_passage():
    bank = MouthBank(tuple(view_of(teeth(face(gap), 100), face(gap), REST, k) for k, gap in enumerate((12, 20))))
    trembling = [face(16 + (-1) ** k) for k in range(20)]
    shares = offered(bank, *trembling)
    assert (np.ptp(shares, axis=0) < 0.1).all() and (shares.max(1) > 0.5).all() and (shares > 0.1).sum(1).max() == 1
    opening = [face(12)] * 10 + [face(20)] * 10
    shares = offered(bank, *opening)
    assert shares[0].argmax() == 0 and shares[-1].argmax() == 1
    np.testing.assert_allclose(shares.sum(1), 1, atol=0.05)
    assert np.abs(np.diff(shares, axis=0)).max() < 0.4


def test_a_look_does_not_depend_on_how_large_the_face_is():
    points = np.stack([face(12), face(12)])
    points[1] *= 3
    one, other = look_of(points, np.zeros((2, 53), np.float32))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert one[0] == pytest.approx(12 / 60, abs=0.01)
