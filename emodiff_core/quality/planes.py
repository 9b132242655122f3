"""Two frames compared sample by sample as they are stored, except where pixels were meant to change."""

from dataclasses import dataclass, replace
from typing import Any, cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Samples = NDArray[Any]

BLOCK = 8
ALTERED = 12.0
"""Codes of 255 by which the mean of a block of 8 x 8 pixels differs where somebody painted: on a test card H.264 at a
constant rate factor of 23 stays under 7, at 16 under 3."""


@dataclass(frozen=True)
class Difference:
    """What one frame has of difference outside the mask. squares: sum over all samples in codes of 255; samples: their
    number; worst: largest mean difference of a block in codes; place: its pixel (x, y) as shown; most: largest
    difference of any sample; inside: largest difference of any sample in the mask."""

    squares: float
    samples: int
    worst: float
    place: tuple[int, int]
    most: float
    inside: float


def difference(source: VideoFrame, delivered: VideoFrame, mask: Mask | None = None) -> Difference:
    """How far delivered is from source. mask: (H, W) of the picture as shown, not 0 where pixels may differ.

    A delivery in another format, matrix or range is brought to the source's first, and then no sample can be expected
    to be the same; one that was turned upright is turned back. Raises ValueError where the sizes differ by more than
    the column or row that makes an odd picture even.
    """
    given = _turned(_samples(_alike(delivered, source)), delivered.rotation - source.rotation)
    own = _samples(source)
    if mask is not None:
        mask = np.ascontiguousarray(np.rot90(mask, -(source.rotation // 90)))
    found = Difference(0.0, 0, 0.0, (0, 0), 0.0, 0.0)
    for k, (one, other) in enumerate(zip(own, given, strict=True)):
        height, width = one.shape[:2]
        if not (0 <= other.shape[0] - height <= 1 and 0 <= other.shape[1] - width <= 1):
            raise ValueError(f"{other.shape[1]}x{other.shape[0]} cannot be laid over {width}x{height}")
        scale = 255 / _top(source)
        found = _with_plane(found, one, other[:height, :width], _fitted(mask, one.shape), scale, luma=k == 0)
    return found


def apart(source: VideoFrame, delivered: VideoFrame) -> Mask:
    """(H, W) of the picture as shown: at each pixel the largest difference of the stored samples that it is made of, in
    codes of 255. Two frames of the same samples are black, which they need not be as RGB, where chroma is spread."""
    given = _turned(_samples(_alike(delivered, source)), delivered.rotation - source.rotation)
    own = _samples(source)
    height, width = own[0].shape[:2]
    most = np.zeros((height, width), np.uint8)
    for one, other in zip(own, given, strict=True):
        differ = cv2.absdiff(one, np.ascontiguousarray(other[: one.shape[0], : one.shape[1]]))
        differ = differ.max(-1) if differ.ndim == 3 else differ
        codes = np.ceil(differ * (255 / _top(source))).astype(np.uint8)
        most = np.maximum(most, cv2.resize(codes, (width, height), interpolation=cv2.INTER_NEAREST))
    return np.ascontiguousarray(np.rot90(most, source.rotation // 90))


def _with_plane(
    found: Difference, one: Samples, other: Samples, mask: Mask | None, scale: float, luma: bool
) -> Difference:
    apart = cv2.absdiff(one, np.ascontiguousarray(other))
    count = apart.size
    inside = found.inside
    if mask is not None:
        channels = apart.size // mask.size
        inside = max(inside, float(apart[mask > 0].max(initial=0)) * scale)
        apart[mask > 0] = 0
        count -= int(np.count_nonzero(mask)) * channels
    squares = float(cv2.norm(apart, cv2.NORM_L2SQR)) * scale**2
    most = max(found.most, float(apart.max(initial=0)) * scale)
    made = replace(found, squares=found.squares + squares, samples=found.samples + count, most=most, inside=inside)
    if not luma or not squares:
        return made
    worst, place = _worst_block(one, other, mask)
    return replace(made, worst=worst * scale, place=place)


def _worst_block(one: Samples, other: Samples, mask: Mask | None) -> tuple[float, tuple[int, int]]:
    """Largest mean difference of a block, and its corner."""
    signed = cv2.subtract(one, other, dtype=cv2.CV_32F)
    signed = signed.mean(-1) if signed.ndim == 3 else signed
    if mask is not None:
        signed[mask > 0] = 0
    height, width = (side // BLOCK * BLOCK for side in signed.shape)
    if not height or not width:
        return 0.0, (0, 0)
    size = (width // BLOCK, height // BLOCK)
    means = np.abs(cv2.resize(signed[:height, :width], size, interpolation=cv2.INTER_AREA))
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    return float(means.max()), (int(column) * BLOCK, int(row) * BLOCK)


def _samples(frame: VideoFrame) -> list[Samples]:
    """Planes (h, w) of a planar frame; one (h, w, 3) of a frame that is not."""
    if not frame.format.is_planar or frame.format.is_big_endian:
        return [np.asarray(frame.to_ndarray(format="rgb48le" if _bits(frame) > 8 else "rgb24"))]
    kind = np.uint16 if _bits(frame) > 8 else np.uint8
    return [
        np.frombuffer(cast(memoryview, plane), kind).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    ]


def _bits(frame: VideoFrame) -> int:
    return max(component.bits for component in frame.format.components)


def _top(frame: VideoFrame) -> int:
    planar = frame.format.is_planar and not frame.format.is_big_endian
    return (1 << _bits(frame)) - 1 if planar else (65535 if _bits(frame) > 8 else 255)


def _alike(frame: VideoFrame, like: VideoFrame) -> VideoFrame:
    """The frame in the format, matrix and range of another, the frame itself where it has them."""
    ours, theirs = _matrix(frame), _matrix(like)
    if frame.format.name == like.format.name and ours == theirs and _full(frame) == _full(like):
        return frame
    return frame.reformat(
        format=like.format.name,
        src_colorspace=ours,
        dst_colorspace=theirs,
        src_color_range=ColorRange.JPEG if _full(frame) else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG if _full(like) else ColorRange.MPEG,
    )


def _matrix(frame: VideoFrame) -> Colorspace:
    number = int(frame.colorspace)
    if number in (2, 3, 0):
        number = 1 if frame.height >= 720 else 5
    known = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}
    return known.get(number, Colorspace.BT2020 if number == 10 else Colorspace.ITU601)


def _full(frame: VideoFrame) -> bool:
    return int(frame.color_range) == 2 or frame.format.name.startswith(("yuvj", "rgb", "bgr", "gbr"))


def _turned(planes: list[Samples], degrees: int) -> list[Samples]:
    turns = degrees // 90 % 4
    return [np.ascontiguousarray(np.rot90(plane, turns)) for plane in planes] if turns else planes


def _fitted(mask: Mask | None, shape: tuple[int, ...]) -> Mask | None:
    """A mask on a plane's own grid: a shared sample may differ where any of its pixels may."""
    if mask is None or mask.shape == shape[:2]:
        return mask
    down, across = -(-mask.shape[0] // shape[0]), -(-mask.shape[1] // shape[1])
    room = ((0, shape[0] * down - mask.shape[0]), (0, shape[1] * across - mask.shape[1]))
    tiles = np.pad(mask, room).reshape(shape[0], down, shape[1], across)
    return cast(Mask, tiles.max((1, 3)))
