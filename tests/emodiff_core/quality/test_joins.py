"""The sheet of joins: the right frames, source beside dub, and a difference that is black outside what was changed."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from emodiff_core.quality.edit_map import Edit
from emodiff_core.quality.joins import MOST, ZOOM, frames_at, join_sheet
from emodiff_core.quality.timecode import clock_of

BOX = (40, 24, 32, 24)
LEFT, TOP, RIGHT, BOTTOM = 32, 16, 80, 56  # a quarter of the rectangle's width around it


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> list[Path]:
    """Noise, and the same with another rectangle in frames 3 to 6, without loss."""
    folder, random = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    own = random.integers(0, 255, (10, 96, 128, 3), dtype=np.uint8)
    made, (x, y, w, h) = own.copy(), BOX
    made[3:7, y : y + h, x : x + w] = 200
    for name, frames in (("own", own), ("made", made)):
        with av.open(str(folder / f"{name}.mkv"), "w") as file:
            stream = file.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "bgr0"
            for frame in frames:
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode(None))
    return [folder / "own.mkv", folder / "made.mkv"]


def test_each_row_shows_source_and_dub_twice_as_large_and_black_where_nothing_changed(films):
    edits = [Edit(3, 7, BOX)]
    sheet = join_sheet(*films, edits, clock_of(Fraction(25)))
    height, width = ZOOM * (BOTTOM - TOP), ZOOM * (RIGHT - LEFT)
    rows = sheet.reshape(5, -1, *sheet.shape[1:])
    assert rows.shape[1] == height + 22 and rows.shape[2] == 3 * width + 12
    inside = np.zeros((height, width), bool)
    x, y, w, h = BOX
    inside[ZOOM * (y - TOP) : ZOOM * (y + h - TOP), ZOOM * (x - LEFT) : ZOOM * (x + w - LEFT)] = True
    outline = np.zeros_like(inside)
    outline[ZOOM * (y - TOP) - 1 : ZOOM * (y + h - TOP) + 1, ZOOM * (x - LEFT) - 1 : ZOOM * (x + w - LEFT) + 1] = True
    for row, changed in zip(rows, (0, 1, 1, 1, 0), strict=True):
        own, made, apart = (row[22:, k * (width + 6) : k * (width + 6) + width] for k in range(3))
        assert (own != made).any(-1)[inside].mean() == pytest.approx(changed, abs=0.02)
        np.testing.assert_array_equal(own[~inside], made[~inside])
        assert apart[~outline].max() == 0 and (apart[inside].mean() > 50) == changed


def test_the_difference_is_that_of_stored_samples_though_chroma_is_shared(tmp_path):
    random, (x, y, w, h) = np.random.default_rng(1), BOX
    luma, chroma = random.integers(16, 235, (96, 128), np.uint8), random.integers(16, 240, (2, 48, 64), np.uint8)
    changed = chroma.copy()
    changed[:, y // 2 : (y + h) // 2, x // 2 : (x + w) // 2] ^= 128
    for name, planes in (("own", chroma), ("made", changed)):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as file:
            stream = file.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            packed = np.concatenate([luma, planes.reshape(48, 128)])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(packed, format="yuv420p")))
            file.mux(stream.encode(None))
    sheet = join_sheet(tmp_path / "own.mkv", tmp_path / "made.mkv", [Edit(0, 1, BOX)], clock_of(Fraction(25)))
    width = ZOOM * (RIGHT - LEFT)
    own, made, apart = (sheet[22:, k * (width + 6) : k * (width + 6) + width] for k in range(3))
    left, top = ZOOM * (x - LEFT), ZOOM * (y - TOP)
    inside = np.zeros(apart.shape[:2], bool)
    inside[top - 1 : top + ZOOM * h + 1, left - 1 : left + ZOOM * w + 1] = True
    assert apart[~inside].max() == 0 and apart[top : top + ZOOM * h, left : left + ZOOM * w].min() > 0
    assert (own != made).any(-1)[~inside].any()  # as RGB they differ around it


def test_what_an_encoder_changes_everywhere_is_not_shown_as_a_change(tmp_path):
    """The dub is a code or two off all over; a diamond in it was changed."""
    random, corners = np.random.default_rng(2), ((56, 24), (71, 36), (56, 47), (41, 36))
    own = random.integers(40, 200, (96, 128, 3), dtype=np.uint8)
    made = own + random.integers(0, 3, own.shape, dtype=np.uint8)
    diamond = cv2.fillPoly(np.zeros((96, 128), np.uint8), [np.array(corners)], 1) > 0
    made[diamond] = own[diamond] + 40
    for name, picture in (("own", own), ("made", made)):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as file:
            stream = file.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "bgr0"
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            file.mux(stream.encode(None))
    edits = [Edit(0, 1, BOX, outlines={0: (corners,)})]
    sheet = join_sheet(tmp_path / "own.mkv", tmp_path / "made.mkv", edits, clock_of(Fraction(25)))
    apart = sheet[22:, 2 * (ZOOM * (RIGHT - LEFT) + 6) :]
    inside = np.repeat(np.repeat(diamond[TOP:BOTTOM, LEFT:RIGHT], ZOOM, 0), ZOOM, 1)
    around = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))) > inside
    assert apart[inside].min() == 255
    assert apart[~inside & ~around].max() == 0 and set(map(tuple, apart[around])) == {(255, 210, 0)}


def test_a_film_of_many_edits_is_shown_by_some_frames_of_all_its_length():
    edits = [Edit(10 * k, 10 * k + 5, BOX) for k in range(50)]
    frames = [frame for frame, _ in frames_at(edits)]
    assert len(frames) == MOST and frames[0] == 0 and frames[-1] == 495
    assert frames_at([]) == []


def test_where_one_edit_follows_another_each_frame_is_shown_with_its_own():
    ease, speech = Edit(4, 8, BOX, "ease"), Edit(8, 20, BOX, "speech")
    shown = {frame: edit.why for frame, edit in frames_at([ease, speech])}
    assert shown == {3: "ease", 4: "ease", 6: "ease", 7: "ease", 8: "speech", 14: "speech", 19: "speech", 20: "speech"}


def test_without_edits_there_is_nothing_to_show(films):
    assert join_sheet(*films, [], clock_of(Fraction(25))) is None
