"""A new face laid into the planes of a frame as the file stores them: what the mask leaves out keeps its very bits."""

from typing import Any, cast

import numpy as np
from av import VideoFrame
from numba import njit
from numpy.typing import NDArray

from emodiff_core.media.colour import channels

Picture = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Plane = NDArray[np.uint8] | NDArray[np.uint16]


def lay(frame: VideoFrame, corner: tuple[int, int], face: Picture, mask: Mask) -> None:
    """Blend face (h, w, 3) RGB by mask (h, w), 0 to 255, over the frame's upright rectangle at corner (x, y), in place.

    The frame must be planar and writable, see `colour.is_planar`; its rotation is undone, so that face and mask are
    upright. A sample of chroma changes only where all pixels that share it are in the mask: a pixel outside the mask
    keeps all its samples. Raises ValueError where the rectangle leaves the picture.
    """
    x, y = _stored(frame, corner, face.shape[:2])
    turns = -(frame.rotation // 90)
    face, mask = np.ascontiguousarray(np.rot90(face, turns)), np.ascontiguousarray(np.rot90(mask, turns))
    height, width = mask.shape
    if face.shape != (height, width, 3) or min(x, y) < 0 or x + width > frame.width or y + height > frame.height:
        raise ValueError(f"{width}x{height} at {x},{y} does not lie in {frame.width}x{frame.height}")
    for channel in channels(frame):
        plane, weights = plane_of(frame, channel.plane), np.array(channel.weights)
        if channel.across or channel.down:
            # A last column or row of chroma may reach past an odd picture's edge.
            ends = _end(x + width, frame.width, channel.across), _end(y + height, frame.height, channel.down)
            grid = (channel.across, channel.down, *ends)
            _lay_shared(plane, x, y, face, mask, weights, channel.offset, channel.top, grid)
        else:
            _lay_each(plane, x, y, face, mask, weights, channel.offset, channel.top)


def _end(edge: int, side: int, shift: int) -> int:
    return (edge + (1 << shift) - 1 if edge == side else edge) >> shift


def plane_of(frame: VideoFrame, number: int) -> Plane:
    """The samples of one plane, (rows, columns) uint8 or uint16: a view, writing to it writes to the frame."""
    plane = frame.planes[number]
    kind = np.uint16 if frame.format.components[number].bits > 8 else np.uint8
    samples: NDArray[Any] = np.frombuffer(cast(memoryview, plane), kind)
    return samples.reshape(-1, plane.line_size // np.dtype(kind).itemsize)[: plane.height, : plane.width]


def painted(picture: Picture, like: VideoFrame) -> VideoFrame:
    """A frame of the layout and tags of `like`, filled with a whole picture (H, W, 3) RGB."""
    frame = VideoFrame(picture.shape[1], picture.shape[0], like.format.name)
    frame.colorspace, frame.color_range = like.colorspace, like.color_range
    frame.color_primaries, frame.color_trc = like.color_primaries, like.color_trc
    lay(frame, (0, 0), picture, np.full(picture.shape[:2], 255, np.uint8))
    return frame


def _stored(frame: VideoFrame, corner: tuple[int, int], size: tuple[int, ...]) -> tuple[int, int]:
    """The corner of an upright rectangle of size (h, w) in the picture as it is stored."""
    (x, y), (h, w) = corner, size
    turn = frame.rotation % 360
    if turn == 90:
        return frame.width - y - h, x
    if turn == 180:
        return frame.width - x - w, frame.height - y - h
    return (y, frame.height - x - w) if turn == 270 else (x, y)


@njit(cache=True, nogil=True)
def _lay_each(
    plane: Plane, x: int, y: int, face: Picture, mask: Mask, weights: NDArray[np.float64], offset: float, top: int
) -> None:
    """A plane in which every pixel has its own sample."""
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            share = mask[i, j] / 255.0
            if share > 0:
                new = face[i, j, 0] * weights[0] + face[i, j, 1] * weights[1] + face[i, j, 2] * weights[2] + offset
                old = plane[y + i, x + j]
                plane[y + i, x + j] = min(max(int(old + share * (new - old) + 0.5), 0), top)


@njit(cache=True, nogil=True)
def _lay_shared(
    plane: Plane,
    x: int,
    y: int,
    face: Picture,
    mask: Mask,
    weights: NDArray[np.float64],
    offset: float,
    top: int,
    grid: tuple[int, int, int, int],
) -> None:
    """A plane of chroma in which 2^across x 2^down pixels share a sample, placed on their left column, in the middle of
    their rows, as MPEG-2 and its successors have it: columns weigh 1 2 1, rows alike."""
    height, width = mask.shape
    across, down, column_end, row_end = grid
    columns, rows = 1 << across, 1 << down
    for row in range((y + rows - 1) >> down, row_end):
        for column in range((x + columns - 1) >> across, column_end):
            top_row, left = (row << down) - y, (column << across) - x
            least = 255
            bottom = min(top_row + rows, height)
            for i in range(top_row, bottom):
                for j in range(left, min(left + columns, width)):
                    least = min(least, mask[i, j])
            if least == 0:
                continue
            total, weight = 0.0, 0.0
            for i in range(top_row, bottom):
                for j in range(left - columns + 1, left + columns):
                    share = columns - abs(j - left)
                    at = min(max(j, 0), width - 1)
                    total += share * (
                        face[i, at, 0] * weights[0] + face[i, at, 1] * weights[1] + face[i, at, 2] * weights[2]
                    )
                    weight += share
            old = plane[row, column]
            plane[row, column] = min(max(int(old + least / 255.0 * (total / weight + offset - old) + 0.5), 0), top)
