from fractions import Fraction
from types import SimpleNamespace

import numpy as np

from tasks import places
from tasks.places import parts_of
from tasks.survey import Seen, Survey
from tasks.track_file import read_track, write_parts

COUNT = 40
VIDEO = SimpleNamespace(rate=Fraction(25), time_base=Fraction(1, 25))


def stretch(folder, shot, first, count) -> Seen:
    random = np.random.default_rng(first)
    file = folder / f"{first}.npz"
    np.savez(
        file,
        points=random.normal(90, 9, (count, 468, 3)).astype(np.float32),
        irises=random.normal(90, 9, (count, 2, 5, 3)).astype(np.float32),
    )
    numbers = random.random((4, count)).astype(np.float32)
    return Seen(shot, first, file, np.zeros((count, 4), np.float32), *numbers, (None,) * count, None, None)


def test_a_long_shot_is_written_in_parts_and_read_back_as_one(tmp_path, monkeypatch):
    """One shot of 30 frames in which the face is lost for a while, and a short one."""
    seen = (stretch(tmp_path, 0, 2, 13), stretch(tmp_path, 0, 18, 12), stretch(tmp_path, 1, 30, 10))
    shots = np.repeat([0, 1], [30, 10]).astype(np.int16)
    clock = np.arange(COUNT)
    film = Survey(clock, clock / 25, shots, seen, (0, 0, 0), (200, 300), np.zeros(COUNT, bool))
    given = (film, 0, (None,) * COUNT, np.tile(np.array([1, 2, 30, 40], np.int32), (COUNT, 1)), VIDEO)
    tracks, longest = [], []
    for most in (100, 7):
        monkeypatch.setattr(places, "LONGEST", most)
        folder = tmp_path / str(most)
        folder.mkdir()
        parts = list(parts_of(*given))
        longest.append(max(map(len, parts)))
        write_parts(folder, parts)
        tracks.append(read_track(folder))
    assert longest == [30, 7]
    for name in ("pts", "landmarks", "irises", "presence", "yaw", "crops", "shots", "tracks", "openings"):
        assert np.array_equal(getattr(tracks[0], name), getattr(tracks[1], name), equal_nan=True), name
    assert np.array_equal(tracks[1].landmarks[20:25], np.load(seen[1].points)["points"][2:7])
    assert tracks[1].tracks.tolist() == [-1] * 2 + [0] * 13 + [-1] * 3 + [0] * 22
