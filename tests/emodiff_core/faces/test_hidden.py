"""A covered mouth is a lower face unlike itself: not a speaking one, not a darker one."""

import numpy as np

from emodiff_core.faces.hidden import GRID, MARGIN, hidden


def lower_face(frames: int, seed: int = 0) -> np.ndarray:
    """(N, GRID, GRID, 5) of a face that speaks: the places of its lips change from frame to frame."""
    random = np.random.default_rng(seed)
    face = random.uniform(0.5, 1.2, (GRID, GRID, 5))
    out = face + random.normal(0, 0.015, (frames, GRID, GRID, 5))
    out[:, 4:7, 3:7] += 0.25 * np.abs(np.sin(np.arange(frames) * 0.8))[:, None, None, None]
    return out.astype(np.float16)


def test_speech_alone_hides_nothing():
    assert not hidden(lower_face(60), np.zeros(60)).any()


def test_a_hand_is_found_with_a_margin_and_nothing_after_it():
    mouths = lower_face(60)
    mouths[20:32, 3:9, 1:8] = np.random.default_rng(5).uniform(0.5, 1.2, (6, 7, 5))
    assert np.flatnonzero(hidden(mouths, np.zeros(60))).tolist() == list(range(20 - MARGIN, 32 + MARGIN))


def test_a_head_that_turns_is_compared_with_itself_at_that_turn():
    ahead, aside = lower_face(40, 0), lower_face(40, 9)
    yaw = np.concatenate([np.zeros(40), np.full(40, 36.0)])
    assert not hidden(np.concatenate([ahead, aside]), yaw).any()


def test_a_head_that_turns_fast_shows_what_its_still_frames_do_not_and_a_hand_before_a_still_one_is_found():
    yaw = np.concatenate([np.zeros(40), np.linspace(6, 30, 5), np.full(40, 36.0)])
    mouths = np.concatenate([lower_face(40, 0), lower_face(5, 3), lower_face(40, 9)])
    still = np.where(np.arange(85) < 45, 0, 36)
    assert not hidden(mouths, yaw).any() and hidden(mouths, still)[40:44].all()
    mouths[10:20, 3:9, 1:8] = np.random.default_rng(5).uniform(0.5, 1.2, (6, 7, 5))
    assert np.flatnonzero(hidden(mouths, yaw)).tolist() == list(range(10 - MARGIN, 20 + MARGIN))


def test_a_glimpse_is_too_short_to_judge():
    assert not hidden(lower_face(3), np.zeros(3)).any()
