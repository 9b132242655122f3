"""What each frame needs, from the dub's speech, the mouth in the picture, cuts, and where the face is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.needs import EASE, EASE_S, REST, SOURCE, SPEECH, needs

N, RATE = 250, 25.0
TIMES = np.arange(N) / RATE


def sound(*spoken: tuple[float, float]) -> np.ndarray:
    """Ten seconds of activity, 1 in the stretches given in seconds."""
    out = np.zeros(1000, np.float32)
    for start, end in spoken:
        out[round(start * 100) : round(end * 100)] = 1
    return out


def mouth(*spoken: tuple[float, float]) -> np.ndarray:
    """An opening that trembles as the mesh does, and moves as a speaker's in the stretches given."""
    out = 0.02 + 0.004 * np.random.default_rng(0).standard_normal(N)
    for start, end in spoken:
        inside = (start <= TIMES) & (end > TIMES)
        out[inside] += 0.1 * np.square(np.sin(2 * np.pi * 3.1 * TIMES[inside]))
    return out


def plan(dub=(), original=(), shots=None, fit=None, everything=False):
    shots = np.zeros(N, np.int64) if shots is None else shots
    return needs(TIMES, shots, np.ones(N, bool) if fit is None else fit, mouth(*original), sound(*dub), everything)


def kinds(found, start: float, end: float) -> set[str]:
    return set(found.kind[round(start * RATE) : round(end * RATE)])


def test_the_dub_is_rendered_a_mouth_that_speaks_without_it_is_put_to_rest_and_two_at_rest_are_left_alone():
    found = plan(dub=[(1, 3)], original=[(2, 6)])
    assert kinds(found, 1, 3) == {SPEECH}
    assert kinds(found, 3.4, 5.8) == {REST}
    assert kinds(found, 6.8, 10) == kinds(found, 0, 0.6) == {SOURCE}
    assert EASE in kinds(found, 0.6, 1) and EASE in kinds(found, 5.8, 6.8)


def test_an_emotion_of_its_own_holds_in_silence_too():
    assert set(plan(everything=True).kind) == {REST}


def test_a_short_pause_between_two_words_is_no_way_back_to_the_sources_lips():
    assert SOURCE not in kinds(plan(dub=[(1, 2), (2.3, 3)]), 1, 3)
    assert SOURCE in kinds(plan(dub=[(1, 2), (4, 5)]), 1, 5)


def test_at_a_cut_the_face_is_ours_to_the_last_frame_and_the_next_shots_is_its_own():
    found = plan(dub=[(1, 3.9)], shots=(np.arange(N) >= 100).astype(int), fit=np.arange(N) < 100)
    assert found.kind[99] == SPEECH and found.weight[99] == 1
    assert found.kind[100] == SOURCE


def test_before_a_face_turns_out_of_reach_it_eases_into_the_sources_own():
    fit = np.ones(N, bool)
    fit[60:80] = False
    found = plan(dub=[(1, 5)], fit=fit)
    assert kinds(found, 60 / RATE, 80 / RATE) == {SOURCE}
    assert (np.diff(found.weight[50:61]) <= 0).all() and 0 < found.weight[59] < 0.3
    assert (np.diff(found.weight[79:90]) >= 0).all() and found.weight[89] == 1


def test_a_trembling_mesh_is_no_speech_and_frames_without_a_face_carry_anything():
    shaken = mouth()
    shaken[100:120] = np.nan
    fit = np.ones(N, bool)
    fit[100:120] = False
    assert set(needs(TIMES, np.zeros(N, int), fit, shaken, sound()).kind) == {SOURCE}


@given(seed=st.integers(0, 2**31), count=st.integers(1, 200))
def test_no_frame_is_rendered_where_it_cannot_be_and_the_weight_never_jumps_but_at_a_cut(seed: int, count: int):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.uniform(0.01, 0.05, count))
    shots, fit = np.cumsum(random.random(count) < 0.03), random.random(count).round(1) > 0.1
    found = needs(times, shots, fit, random.random(count), (random.random(500) > 0.9).astype(np.float32))
    assert not found.rendered[~fit].any()
    same = shots[1:] == shots[:-1]
    steps = np.abs(np.diff(found.weight))[same]
    assert (steps <= 1.5 * np.diff(times)[same] / EASE_S + 1e-6).all()


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_films_have_needs_too(count: int):
    found = needs(np.arange(count) / 25, np.zeros(count, int), np.ones(count, bool), np.zeros(count), sound((0, 1)))
    assert found.kind == (SPEECH,) * count
