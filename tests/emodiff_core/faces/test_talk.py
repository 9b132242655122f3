"""Who speaks, from mouths against the sound."""

import numpy as np

from emodiff_core.faces.talk import mouth_motion, mouth_moves, off_screen, openings, talking

N = 200
TIMES = np.arange(N) / 25
SHOTS = np.zeros(N, np.int64)
ALL = np.ones(N, bool)


def mouth(*spoken: tuple[float, float]) -> np.ndarray:
    out = 0.02 + 0.004 * np.random.default_rng(0).standard_normal(N)
    for start, end in spoken:
        inside = (start <= TIMES) & (end > TIMES)
        out[inside] += 0.1 * np.square(np.sin(2 * np.pi * 3.1 * TIMES[inside]))
    return out


def during(start: float, end: float) -> np.ndarray:
    return (start <= TIMES) & (end > TIMES)


def test_an_opening_is_measured_by_the_eyes_whatever_the_pictures_size():
    points = np.zeros((2, 468, 3), np.float32)
    points[:, 263, 0], points[:, 14, 1] = (50, 100), (10, 20)
    np.testing.assert_allclose(openings(points), [0.2, 0.2])


def test_a_mouth_moves_when_it_speaks_and_not_when_the_mesh_trembles():
    moves = mouth_moves(TIMES, SHOTS, ALL, mouth((2, 4)))
    assert moves[during(2.2, 3.8)].mean() > 0.95
    assert not moves[during(0, 1.7) | during(4.4, 8)].any()


def test_the_one_who_moves_with_the_sound_talks_and_the_one_who_chews_in_silence_does_not():
    heard, size = during(2, 4), np.full(N, 0.2)
    speaker, chewer, listener = (
        talking(mouth_motion(TIMES, SHOTS, ALL, mouth(*spoken)), heard, size) for spoken in ([(2, 4)], [(5, 7)], [])
    )
    assert speaker > 20 * max(chewer, listener, 1e-6)


def test_speech_with_this_mouth_at_rest_is_off_screen_and_a_breath_is_not():
    opening = mouth((1, 2))
    moves = mouth_moves(TIMES, SHOTS, ALL, opening)
    heard = during(1, 2) | during(4, 5.5) | during(7, 7.2)
    away = off_screen(TIMES, SHOTS, ALL, moves, heard)
    assert (away == during(4, 5.5)).all()


def test_a_picture_that_never_speaks_may_be_made_to():
    assert not off_screen(TIMES, SHOTS, ALL, np.zeros(N, bool), ALL).any()


def test_frames_without_the_face_say_nothing():
    seen = ~during(3, 4)
    opening = mouth((2, 5))
    opening[~seen] = 1e9
    assert (mouth_motion(TIMES, SHOTS, seen, opening)[~seen] == 0).all()


def test_an_utterance_goes_on_over_a_cut():
    """0.36 s of it after the cut are enough, for it is longer than that; a word of 0.36 s alone is not."""
    shots = (TIMES >= 4.64).astype(np.int64)
    moves = mouth_moves(TIMES, shots, ALL, mouth((1, 2), (3, 4.64)))
    away = off_screen(TIMES, shots, ALL, moves, during(1, 2) | during(3, 5) | during(6, 6.36))
    assert (away == during(4.64, 5)).all()


def test_pauses_in_what_others_say_are_theirs_too():
    """Half a second between two of their utterances and after the last one before a cut; not where this one answers."""
    shots = (TIMES >= 6).astype(np.int64)
    moves = mouth_moves(TIMES, shots, ALL, mouth((1, 2), (7.5, 8)))
    away = off_screen(TIMES, shots, ALL, moves, during(1, 2) | during(3, 4.2) | during(4.6, 5.6) | during(6.2, 7))
    assert (away[during(3, 7)]).all() and not away[during(1, 3)].any() and not away[during(7.04, 8)].any()
