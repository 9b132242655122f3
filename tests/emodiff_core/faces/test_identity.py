"""Tracks of one person find together, those in sight at once never do."""

import itertools

import numpy as np
import skimage.data

from emodiff_core.faces.choose import FaceModels, find
from emodiff_core.faces.identity import Look, apart, grouped, look_of, mean_look
from infra.models import model_path


def look(person: int, view: int) -> Look:
    """A look as people's differ from each other, and one person's from view to view."""
    who, how = np.random.default_rng(person), np.random.default_rng([person, view])
    return Look(
        (who.normal(0, 14, (6, 3)) + how.normal(0, 2, (6, 3))).astype(np.float32),
        (who.normal(0, 25, (3, 3)) + how.normal(0, 5, (3, 3))).astype(np.float32),
        (who.normal(0, 15, (210, 3)) + how.normal(0, 3, (210, 3))).astype(np.float32),
        (who.normal(0, 0.08, 12) + how.normal(0, 0.02, 12)).astype(np.float32),
    )


def test_tracks_are_grouped_by_whom_they_show():
    people = [0, 1, 2, 0, 1, 0, 2, 1, 0]
    found = grouped([look(p, k) for k, p in enumerate(people)], [])
    assert all((found[a] == found[b]) == (people[a] == people[b]) for a, b in itertools.combinations(range(9), 2))


def test_two_who_are_seen_at_once_are_two_however_alike():
    looks = [look(0, k) for k in range(3)]
    assert len(set(grouped(looks, []))) == 1
    found = grouped(looks, [(0, 1)])
    assert found[0] != found[1]


def test_no_tracks_and_one_track_are_fine():
    assert grouped([], []) == [] and grouped([look(0, 0)], []) == [0]


def test_a_photograph_in_other_light_and_size_is_the_same_person():
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    picture = skimage.data.astronaut()[:300, 60:360]
    dimmed = np.ascontiguousarray(np.clip(picture[::2, ::2] * 0.8 + 10, 0, 255).astype(np.uint8))
    both = []
    for one in (np.ascontiguousarray(picture), dimmed):
        found = find(models, one)
        assert found is not None
        both.append(look_of(one, found.mesh.points))
    assert apart(*both) < -1
    assert apart(mean_look(both), look(3, 0)) > 0
