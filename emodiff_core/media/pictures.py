"""Still pictures: recognised by content, checked before unpacking, made upright 8-bit sRGB."""

import io
import struct
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from emodiff_core.media.files import regular, unreadable
from emodiff_core.media.limits import Limits
from emodiff_core.refusal import Refusal

Picture = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
_BACKDROP = 255
_OPENING = threading.Lock()
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, struct.error)


def is_picture(path: Path) -> bool:
    """Whether the first bytes are those of a still picture that `read_picture` reads; the name does not count."""
    head = regular(path).open("rb").read(12)
    riff = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return riff or head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*"))


def read_picture(path: Path, limits: Limits | None = None) -> Picture:
    """(H, W, 3) uint8 RGB, upright, sRGB.

    Orientation tags are applied, colour profiles converted, 16-bit and gray and palette pictures brought to 8-bit RGB,
    transparency laid over white; of several pages the first counts. Raises FILE_MISSING, NOT_A_FILE, NOT_MEDIA,
    CORRUPT_MEDIA, PICTURE_TOO_SMALL, PICTURE_TOO_LARGE, UNSUPPORTED_PICTURE.
    """
    limits = limits or Limits()
    try:
        with _header(path) as image:
            limits.check_size(image.width, image.height, path.name)
            image.load()
            return np.ascontiguousarray(_rgb(_upright(image), path.name))
    except Refusal:
        raise
    except _BROKEN as error:
        raise unreadable(path) from error


def _header(path: Path) -> Image.Image:
    """The picture with its pixels still packed; Pillow's own limit is set aside, ours is asked next and can be set."""
    with _OPENING:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(regular(path), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def write_picture(path: Path, picture: Picture, quality: int = 90) -> None:
    """Write (H, W, 3) or (H, W) uint8 as PNG or JPEG, by the name's ending; quality is for JPEG."""
    options = {"quality": quality, "subsampling": 0} if path.suffix in (".jpg", ".jpeg") else {"compress_level": 3}
    Image.fromarray(picture).save(path, **options)  # type: ignore[arg-type]


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) or image


def _rgb(image: Image.Image, name: str) -> Picture:
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    if image.mode in ("F", "HSV", "LAB"):
        raise Refusal("UNSUPPORTED_PICTURE", f"{name} holds {image.mode} pixels", "save it as 8 or 16 bit RGB")
    if image.mode == "CMYK":
        return np.asarray(_srgb(image, "CMYK").convert("RGB"))
    if not image.has_transparency_data:
        return np.asarray(_srgb(image.convert("RGB"), "RGB"))
    alpha = image.convert("RGBA")
    backdrop = Image.new("RGB", image.size, (_BACKDROP,) * 3)
    backdrop.paste(_srgb(alpha.convert("RGB"), "RGB"), mask=alpha.getchannel("A"))
    return np.asarray(backdrop)


def _eight_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(np.round(values / 257), 0, 255).astype(np.uint8))


def _srgb(image: Image.Image, space: str) -> Image.Image:
    """The image in sRGB if it carries a profile of its space; one that cannot be used is left out, as viewers do."""
    icc = image.info.get("icc_profile")
    if not icc:
        return image
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != space:
            return image
        return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
