"""How a frame stores its colours: matrix, range, depth, chroma grid, and the weights that bring RGB into its planes."""

from dataclasses import dataclass

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

Weights = NDArray[np.float64]

# (Kr, Kb) by the numbers of ISO/IEC 23091-2, table 4; 10, BT.2020 with constant luminance, is read as the usual one.
_LUMA = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_FULL = 2


@dataclass(frozen=True)
class Channel:
    """One plane. plane: its number in the frame; a sample is weights @ (R, G, B) + offset, RGB from 0 to 255, in code
    values up to top; across, down: log2 of the luma pixels that share a sample."""

    plane: int
    weights: tuple[float, float, float]
    offset: float
    top: int
    across: int
    down: int


def usual_matrix(height: int) -> int:
    """The matrix of video that states none: BT.709 from 720 lines on, else BT.601."""
    return 1 if height >= 720 else 5


def is_full(frame: VideoFrame) -> bool:
    """Whether the planes use all codes, by their tag, or by the name of the pixel format."""
    return int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")


def is_planar(frame: VideoFrame) -> bool:
    """Whether `channels` knows the layout: planes of whole 8 or 16 bit samples, without alpha."""
    name = frame.format.name
    gray = name == "gray" or (name.startswith("gray") and name.endswith("le") and "f" not in name)
    planar = name.startswith(("yuv4", "yuvj4", "gbrp")) and not name.endswith("be") and "f" not in name
    return gray or (planar and len(frame.format.components) == 3)


def channels(frame: VideoFrame) -> tuple[Channel, ...]:
    """The planes of a frame for which `is_planar` holds: Y, Cb, Cr, or Y alone, or G, B, R."""
    name, bits = frame.format.name, frame.format.components[0].bits
    top, steps = (1 << bits) - 1, 1 << (bits - 8)
    if name.startswith("gbrp"):
        unit = np.eye(3) * (top / 255)
        return tuple(_channel(plane, unit[rgb], 0.0, top, 0, 0) for plane, rgb in enumerate((1, 2, 0)))
    kr, kb = _LUMA.get(int(frame.colorspace), _LUMA[usual_matrix(frame.height)])
    full = is_full(frame)
    y, cb, cr = _ycc(kr, kb)
    span, swing, black = (top / 255, top / 255, 0.0) if full else (219 * steps / 255, 224 * steps / 255, 16.0 * steps)
    luma = _channel(0, y * span, black, top, 0, 0)
    if len(frame.format.components) == 1:
        return (luma,)
    grid = _grid(name)
    middle = 128.0 * steps
    return luma, _channel(1, cb * swing, middle, top, *grid), _channel(2, cr * swing, middle, top, *grid)


def _ycc(kr: float, kb: float) -> tuple[Weights, Weights, Weights]:
    """Rows of the matrix from R'G'B' to Y', Cb, Cr, the last two from -1/2 to 1/2 (ISO/IEC 23091-2, section 8.3)."""
    y = np.array([kr, 1 - kr - kb, kb])
    blue, red = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    return y, (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))


def _grid(name: str) -> tuple[int, int]:
    """log2 of (columns, rows) that share a chroma sample, from a format's name such as yuv422p10le."""
    return {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}[
        name.removeprefix("yuvj").removeprefix("yuv")[:3]
    ]


def _channel(plane: int, weights: Weights, offset: float, top: int, across: int, down: int) -> Channel:
    red, green, blue = (float(weight) for weight in weights)
    return Channel(plane, (red, green, blue), offset, top, across, down)
