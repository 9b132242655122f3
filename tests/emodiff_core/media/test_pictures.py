"""Pictures: recognised by content, upright, 8-bit sRGB whatever they were, refused with a code when they are not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from emodiff_core.media import Limits, is_picture, read_picture, write_picture
from emodiff_core.refusal import Refusal
from tests.poison import MORE, TEN

PICTURE = (np.mgrid[:80, :120].transpose(1, 2, 0).sum(-1, keepdims=True) + np.array([0, 30, 60])).astype(np.uint8)


def saved(path: Path, image: Image.Image, **how: object) -> Path:
    image.save(path, **how)
    return path


@pytest.mark.parametrize(
    ("kind", "loss"), [("PNG", 0), ("TIFF", 0), ("WEBP", 4), ("JPEG", 4)], ids=lambda value: str(value)
)
def test_the_content_decides_not_the_name(kind, loss, tmp_path):
    path = saved(tmp_path / "portrait.txt", Image.fromarray(PICTURE), format=kind)
    assert is_picture(path)
    assert np.abs(read_picture(path).astype(int) - PICTURE).mean() <= loss


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways_gives_an_upright_picture(orientation, tmp_path):
    turns = {
        1: PICTURE,
        2: PICTURE[:, ::-1],
        3: PICTURE[::-1, ::-1],
        4: PICTURE[::-1],
        5: PICTURE.transpose(1, 0, 2),
        6: np.rot90(PICTURE),
        7: PICTURE[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(PICTURE, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation]))
    path = saved(tmp_path / "p.png", stored, exif=exif)
    np.testing.assert_array_equal(read_picture(path), PICTURE)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_become_eight(kind, tmp_path):
    gray = PICTURE[..., 0].astype(np.uint16) * 257
    path = saved(tmp_path / f"p.{kind}", Image.fromarray(gray))
    np.testing.assert_array_equal(read_picture(path), np.repeat(PICTURE[..., :1], 3, axis=2))


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA", "LA"])
def test_every_mode_becomes_rgb(mode, tmp_path):
    path = saved(tmp_path / "p.tiff", Image.fromarray(PICTURE).convert(mode))
    picture = read_picture(path)
    assert picture.shape == PICTURE.shape and picture.dtype == np.uint8 and picture.flags.c_contiguous


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_becomes_white(mode, tmp_path):
    image = Image.fromarray(np.zeros((80, 80, 3), np.uint8)).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 80))
    path = saved(tmp_path / "p.png", image.convert(mode) if mode != "PA" else image.quantize())
    picture = read_picture(path)
    assert picture[40, 10].tolist() == [255] * 3 and picture[40, 70].tolist() == [0] * 3


def test_a_colour_profile_is_brought_to_srgb(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    same = saved(tmp_path / "s.png", Image.fromarray(PICTURE), icc_profile=profile.tobytes())
    assert np.abs(read_picture(same).astype(int) - PICTURE).max() <= 1
    gray = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    odd = saved(tmp_path / "o.png", Image.fromarray(PICTURE), icc_profile=gray.tobytes())
    np.testing.assert_array_equal(read_picture(odd), PICTURE)
    broken = saved(tmp_path / "b.png", Image.fromarray(PICTURE), icc_profile=b"no profile")
    np.testing.assert_array_equal(read_picture(broken), PICTURE)


@pytest.mark.parametrize("poison", [p for p in (*TEN, *MORE) if p.column == "picture"], ids=lambda p: p.name)
def test_what_is_no_picture_is_refused(poison, tmp_path):
    path = poison.make(tmp_path)
    if poison.code == "NO_FACE":
        assert read_picture(path).shape == (480, 640, 3)
        return
    with pytest.raises(Refusal) as refusal:
        read_picture(path)
    expected = poison.code if poison.code != "MISSING_CODEC" else "CORRUPT_MEDIA"
    assert refusal.value.code == expected
    assert path.name in refusal.value.message and refusal.value.hint


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(Refusal) as refusal:
        read_picture(tmp_path / "nobody.png")
    assert refusal.value.code == "FILE_MISSING"


def test_limits_are_those_given(tmp_path):
    path = saved(tmp_path / "p.png", Image.fromarray(PICTURE))
    with pytest.raises(Refusal, match="120x80"):
        read_picture(path, Limits(max_pixels=9000))
    with pytest.raises(Refusal, match="120x80"):
        read_picture(path, Limits(min_side=100))


def test_a_long_thin_picture_is_too_large(tmp_path):
    path = saved(tmp_path / "p.png", Image.new("1", (20000, 100)))
    with pytest.raises(Refusal) as refusal:
        read_picture(path)
    assert refusal.value.code == "PICTURE_TOO_LARGE"


def test_a_png_with_a_broken_middle_is_corrupt(tmp_path):
    data = bytearray()
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)).save(buffer, "PNG")
    data[:] = buffer.getvalue()
    data[500:600] = bytes(100)
    (tmp_path / "p.png").write_bytes(data)
    with pytest.raises(Refusal, match="no readable picture"):
        read_picture(tmp_path / "p.png")


def test_png_there_and_back_is_exact(tmp_path):
    write_picture(tmp_path / "p.png", PICTURE)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png"), PICTURE)
