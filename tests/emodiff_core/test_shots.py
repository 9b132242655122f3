"""Cuts, on films made of backgrounds, heads and light that moves: found to the frame, and nothing else with them."""

import cv2
import numpy as np
import pytest

from emodiff_core.shots import AROUND, CutFinder, numbered
from emodiff_core.synthetic.backdrop import backdrop
from emodiff_core.synthetic.people import draw

SIZE = (90, 160)


def shot(seed: int, frames: int, pan: float = 0.0, sway: float = 0.0) -> np.ndarray:
    """(N, 90, 160, 3): a room with a head in it; pan: pixels a frame; sway: amplitude of the head in pixels."""
    random = np.random.default_rng(seed)
    plate = np.sqrt(np.clip(backdrop(draw(seed), (150, 360)), 0, 1)) * 255
    skin, shirt = random.uniform(90, 220) * np.array([1, 0.8, 0.68]), random.uniform(10, 120, 3)
    x, y, r = random.uniform(50, 110), random.uniform(35, 55), random.uniform(12, 26)
    out = []
    for k in range(frames):
        place = np.array([[1, 0, -100 + pan * k], [0, 1, -30]], np.float32)
        picture = cv2.warpAffine(plate, place, SIZE[::-1], borderMode=cv2.BORDER_REFLECT)
        at = int(x + sway * np.sin(k / 5) + pan * k)
        cv2.ellipse(picture, (at, int(y + 2.6 * r)), (int(1.9 * r), int(1.6 * r)), 0, 0, 360, shirt.tolist(), -1)
        cv2.ellipse(picture, (at, int(y)), (int(0.75 * r), int(r)), 0, 0, 360, skin.tolist(), -1)
        out.append(picture)
    return np.stack(out)


def seen(film: np.ndarray, noise: float = 2.0) -> np.ndarray:
    return np.clip(film + np.random.default_rng(1).normal(0, noise, film.shape), 0, 255).astype(np.uint8)


def cuts(film: np.ndarray) -> list[int]:
    """First frames of the shots but the first."""
    number = [shot for _, _, shot in numbered(enumerate(seen(film)))]
    assert len(number) == len(film)
    return (np.flatnonzero(np.diff(number)) + 1).tolist()


def test_hard_cuts_are_found_to_the_frame():
    lengths = [20, 13, 40, 17, 25, 30]
    film = np.concatenate([shot(k, n, pan=k % 3, sway=4 * k) for k, n in enumerate(lengths)])
    assert cuts(film) == np.cumsum(lengths)[:-1].tolist()


@pytest.mark.parametrize(("pan", "sway"), [(0, 0), (2.5, 0), (0, 35), (-2, 20)])
def test_a_pan_and_a_walk_are_no_cuts(pan: float, sway: float):
    assert cuts(shot(7, 60, pan, sway)) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_and_a_frame_of_black_are_no_cuts(length: int):
    film = shot(3, 60, sway=6)
    film[20 : 20 + length] = film[20 : 20 + length] * 2.5 + 150
    film[45 : 45 + length] = 0
    assert cuts(film) == []


def test_light_that_comes_and_goes_is_no_cut():
    film = shot(5, 60)
    assert cuts(film * (1 + 0.5 * np.sin(np.arange(60) / 4))[:, None, None, None]) == []


def test_a_fade_through_black_is_one_cut_and_a_fade_in_at_the_beginning_is_none():
    one, two = shot(1, 40), shot(2, 40)
    ramp = np.concatenate([np.linspace(0, 1, 8), np.ones(24), np.linspace(1, 0, 8)])[:, None, None, None]
    (found,) = cuts(np.concatenate([one * ramp, two * ramp]))
    assert 36 <= found <= 46


@pytest.mark.parametrize("frames", [1, 3, AROUND, AROUND + 1])
def test_the_shortest_films_have_one_shot(frames: int):
    assert cuts(shot(1, frames)) == []


def test_a_cut_to_the_same_picture_only_closer_is_found():
    film = shot(11, 40)
    nearer = np.array([[1.7, 0, -56], [0, 1.7, -31]], np.float32)
    film[18:] = [cv2.warpAffine(picture, nearer, SIZE[::-1]) for picture in film[18:]]
    assert cuts(film) == [18]


def dissolved(one: np.ndarray, other: np.ndarray, length: int) -> np.ndarray:
    """Two shots whose last and first frames are mixed: `length` mixtures."""
    share = (np.arange(1, length + 1) / (length + 1))[:, None, None, None]
    mixed = one[-length:] * (1 - share) + other[:length] * share
    return np.concatenate([one[:-length], mixed, other[length:]])


@pytest.mark.parametrize("length", [8, 15, 30])
def test_after_a_dissolve_begins_a_shot_and_its_mixtures_are_named(length: int):
    film = seen(dissolved(shot(11, 60, sway=3), shot(14, 70, pan=0.2), length))
    finder = CutFinder()
    number = np.array([shot for _, _, shot in numbered(enumerate(film), finder)])
    (cut,) = np.flatnonzero(np.diff(number)) + 1
    ((first, end),) = finder.dissolves
    assert abs(cut - 60) <= 3 and end == cut and abs(first - (60 - length)) <= 4


def test_what_goes_from_one_picture_to_another_otherwise_is_no_dissolve():
    """A wipe, and a pan over the same way."""
    one, other = shot(11, 40), shot(14, 40)
    wipe = one.copy()
    for k in range(20):
        wipe[10 + k, :, : 8 * (k + 1)] = other[10 + k, :, : 8 * (k + 1)]
    pan = shot(11, 60, pan=3)
    for film in (np.concatenate([wipe[:30], other[30:]]), pan):
        finder = CutFinder()
        list(numbered(enumerate(seen(film)), finder))
        assert finder.dissolves == []
