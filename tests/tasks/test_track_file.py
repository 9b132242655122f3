from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tasks.track_file import Landmarks, TrackFile, read_irises, read_track, write_track
from tests.tasks.artifacts import bare_track


def part(first: int, count: int) -> TrackFile:
    """Frames of a face that moves; its irises are not seen in the first of them."""
    random = np.random.default_rng(first)
    bare = bare_track("footage", Fraction(25), Fraction(1, 25), range(first, first + count))
    irises = random.normal(0, 9, (count, 2, 5, 3)).astype(np.float32)
    irises[0] = np.nan
    return replace(bare, landmarks=random.normal(0, 9, (count, 468, 3)).astype(np.float32), irises=irises)


@pytest.fixture
def parts(tmp_path):
    made = [part(0, 7), part(7, 5), part(12, 9)]
    write_track(tmp_path, *made)
    return made


@pytest.mark.parametrize("index", [slice(0, 21), slice(5, 14), np.array([20, 0, 11, 12]), slice(3, 3)])
def test_landmarks_are_read_some_frames_at_a_time_from_whatever_part_they_are_in(index, parts, tmp_path):
    whole = np.concatenate([one.landmarks for one in parts])
    assert np.array_equal(read_track(tmp_path).landmarks, whole)
    assert np.array_equal(Landmarks(tmp_path)[index], whole[index])


def test_some_frames_of_a_track_are_numbered_anew(parts, tmp_path):
    frames = np.array([2, 3, 8, 15, 20])
    some = Landmarks(tmp_path, frames)
    assert len(some) == 5
    assert np.array_equal(some[1:4], read_track(tmp_path).landmarks[[3, 8, 15]])


def test_irises_that_were_not_seen_come_back_as_such(parts, tmp_path):
    found = read_irises(tmp_path)
    assert np.array_equal(found, np.concatenate([one.irises for one in parts]), equal_nan=True)
    assert np.flatnonzero(np.isnan(found).any((1, 2, 3))).tolist() == [0, 7, 12]


def test_a_track_whose_irises_nobody_looked_for_has_none(tmp_path):
    write_track(tmp_path, bare_track("footage", Fraction(25), Fraction(1, 25), range(3)))
    assert read_irises(tmp_path) is None and read_track(tmp_path).irises is None
