"""Faces laid into a frame's own planes: colours come back, and what the mask leaves out keeps its bits."""

import subprocess
from itertools import product

import imageio_ffmpeg
import numpy as np
import pytest
from av import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from emodiff_core.media.colour import is_planar
from emodiff_core.media.decode import rgb
from emodiff_core.media.lay import lay, painted, plane_of

MATRICES = {"bt709": 1, "bt470bg": 5, "smpte240m": 7, "bt2020nc": 9}
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "gbrp", "gbrp10le"]
COLOURS = [(16, 16, 16), (235, 235, 235), (200, 60, 40), (40, 180, 70), (50, 60, 190), (196, 150, 128)]
BANDS = np.repeat(np.array(COLOURS, np.uint8)[None], 16, axis=1).repeat(64, axis=0)
MIDDLES = np.s_[32, 8::16]


def like(pixels: str, matrix: int = 1, full: bool = False, size: tuple[int, int] = (96, 64)) -> VideoFrame:
    frame = VideoFrame(*size, pixels)
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    return frame


@pytest.mark.parametrize(("pixels", "full"), list(product(FORMATS, (False, True))))
def test_flat_colours_come_back_within_one_code_value(pixels, full):
    for matrix in MATRICES.values():
        back = rgb(painted(BANDS, like(pixels, matrix, full)))
        assert np.abs(back[MIDDLES].astype(int) - COLOURS).max() <= 1, matrix


@pytest.mark.parametrize(
    ("pixels", "matrix", "full"),
    [
        ("yuv420p", "bt709", False),
        ("yuv422p", "bt470bg", True),
        ("yuv420p10le", "bt2020nc", False),
        ("yuv444p12le", "smpte240m", True),
        ("yuv422p10le", "bt709", True),
        ("yuv444p", "bt2020nc", False),
    ],
)
def test_the_ffmpeg_program_reads_the_same_colours(pixels, matrix, full):
    frame = painted(BANDS, like(pixels, MATRICES[matrix], full))
    raw = b"".join(np.ascontiguousarray(plane_of(frame, k)).tobytes() for k in range(3))
    given = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", "96x64", "-i", "-"]
    scale = f"scale=in_color_matrix={matrix}:in_range={'pc' if full else 'tv'}:flags=accurate_rnd+full_chroma_int"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *given, "-vf", scale, "-f", "rawvideo"]
    out = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], input=raw, capture_output=True, check=True).stdout
    back = np.frombuffer(out, np.uint8).reshape(64, 96, 3)
    assert np.abs(back[MIDDLES].astype(int) - COLOURS).max() <= 1


def noise(pixels: str, size: tuple[int, int], seed: int) -> VideoFrame:
    frame, random = like(pixels, size=size), np.random.default_rng(seed)
    for number, part in enumerate(frame.format.components):
        plane = plane_of(frame, number)
        plane[:] = random.integers(0, 1 << part.bits, plane.shape)
    return frame


def samples(frame: VideoFrame) -> list[np.ndarray]:
    """Every plane brought to the picture's size: what each pixel is shown with."""
    shape = (frame.height, frame.width)
    found = []
    for number in range(3):
        plane = plane_of(frame, number)
        for axis in (0, 1):
            while plane.shape[axis] < shape[axis]:
                plane = plane.repeat(2, axis)
        found.append(plane[: shape[0], : shape[1]].copy())
    return found


@settings(max_examples=40, deadline=None)
@given(
    pixels=st.sampled_from(["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp"]),
    width=st.integers(9, 40), height=st.integers(9, 40), data=st.data(),
)  # fmt: skip
def test_a_pixel_outside_the_mask_keeps_all_its_samples(pixels, width, height, data):
    w, h = data.draw(st.integers(1, width)), data.draw(st.integers(1, height))
    x, y = data.draw(st.integers(0, width - w)), data.draw(st.integers(0, height - h))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    frame = noise(pixels, (width, height), 1)
    before = samples(frame)
    mask = (random.integers(0, 256, (h, w)) * (random.random((h, w)) < 0.7)).astype(np.uint8)
    lay(frame, (x, y), random.integers(0, 256, (h, w, 3), dtype=np.uint8), mask)
    whole = np.zeros((height, width), bool)
    whole[y : y + h, x : x + w] = mask > 0
    for old, new in zip(before, samples(frame), strict=True):
        np.testing.assert_array_equal(old[~whole], new[~whole])


@pytest.mark.parametrize("size", [(96, 64), (95, 63)])
def test_a_whole_mask_changes_every_sample(size):
    frame = noise("yuv420p10le", size, 2)
    lay(frame, (0, 0), np.full((size[1], size[0], 3), 90, np.uint8), np.full((size[1], size[0]), 255, np.uint8))
    assert [len(np.unique(plane)) for plane in samples(frame)] == [1, 1, 1]


def test_half_a_mask_lies_half_way_in_ten_bits():
    frame = like("yuv420p10le")
    for number, value in enumerate((401, 512, 512)):
        plane_of(frame, number)[:] = value
    lay(frame, (0, 0), np.full((64, 96, 3), 128, np.uint8), np.full((64, 96), 128, np.uint8))
    grey = 64 + 128 / 255 * 876
    assert np.unique(plane_of(frame, 0)).tolist() == [round(401 + (grey - 401) * 128 / 255)]
    assert np.unique(plane_of(frame, 1)).tolist() == [512]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_an_upright_face_is_laid_into_a_picture_that_lies_on_its_side(turn, monkeypatch):
    class Turned:
        """The frame as a phone's file gives it."""

        def __init__(self) -> None:
            self.frame, self.rotation = like("yuv444p"), turn

        def __getattr__(self, name):
            return getattr(self.frame, name)

    frame = Turned()
    for number, value in enumerate((16, 128, 128)):
        plane_of(frame, number)[:] = value
    face = np.zeros((10, 14, 3), np.uint8)
    face[:, :7] = 255
    lay(frame, (21, 33), face, np.full((10, 14), 255, np.uint8))
    upright = np.rot90(plane_of(frame, 0), turn // 90)
    assert (upright[33:43, 21:28] == 235).all() and (upright == 235).sum() == 70


def test_a_rectangle_that_leaves_the_picture_is_an_error():
    with pytest.raises(ValueError, match="does not lie in 96x64"):
        lay(like("yuv420p"), (90, 0), np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))


def test_layouts_that_cannot_be_written_in_place_are_told():
    known = {name: is_planar(like(name)) for name in ("yuv420p", "yuvj422p", "gray", "nv12", "rgb24", "yuva444p10le")}
    assert known == dict(zip(known, (True, True, True, False, False, False), strict=True))
