"""FFV1: every bit back, from any frame on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emodiff_core.media import LosslessWriter, read_lossless, write_lossless
from emodiff_core.refusal import Refusal


def noise(count: int, *shape: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8))


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), colours=st.sampled_from([(3,), ()]), count=st.integers(1, 4)
)
def test_any_size_comes_back_bit_by_bit(height, width, colours, count, tmp_path_factory):
    path, pictures = tmp_path_factory.mktemp("f") / "a.mkv", noise(count, height, width, *colours)
    assert write_lossless(path, pictures) == count
    np.testing.assert_array_equal(list(read_lossless(path)), pictures)


def test_a_span_is_read_from_its_first_frame(tmp_path):
    pictures = noise(300, 24, 32, 3)
    write_lossless(tmp_path / "a.mkv", pictures)
    for start, end in ((0, 3), (1, 2), (137, 205), (299, 300), (100, None)):
        np.testing.assert_array_equal(list(read_lossless(tmp_path / "a.mkv", start, end)), pictures[start:end])


def test_the_same_pictures_give_the_same_bytes(tmp_path):
    for name in "ab":
        write_lossless(tmp_path / name, noise(5, 30, 20, 3))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_shape_is_an_error(tmp_path):
    with LosslessWriter(tmp_path / "a.mkv") as file:
        file.write(np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(ValueError, match="picture 1"):
            file.write(np.zeros((8, 9, 3), np.uint8))


def test_a_file_cut_short_is_noticed(tmp_path):
    write_lossless(tmp_path / "a.mkv", noise(9, 64, 64, 3))
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "a.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(Refusal, match="ends at picture"):
        list(read_lossless(tmp_path / "a.mkv"))
