"""How bright a picture is meant: its mastering display (SMPTE ST 2086) and its content's light (CTA-861.3).

Players fit HDR to their screens by it. It is read off a decoded frame, whether container or stream said it, and told to
the encoders of HEVC and H.264; what containers say of it is written by `boxes` and `elements`. Metadata that changes
from frame to frame (SMPTE ST 2094, Dolby Vision) is not kept: it describes pixels that a new face replaces.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from av import VideoFrame
from av.sidedata.sidedata import SideData, Type

_UNIT, _LUMINANCE = 50_000, 10_000
"""Steps of a chromaticity coordinate, and of a candela per square metre (ST 2086, as H.265 D.3.28 codes it)."""
_MOVING = {
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DOVI_METADATA": "Dolby Vision",
}


@dataclass(frozen=True)
class Display:
    """The screen on which a film was graded. red, green, blue, white: CIE 1931 (x, y); least, most: cd/m2."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    least: Fraction
    most: Fraction

    @property
    def steps(self) -> tuple[int, ...]:
        """Green, blue, red, white x and y in steps of .00002, then the most and the least light in .0001 cd/m2."""
        places = [*self.green, *self.blue, *self.red, *self.white]
        return (*(round(v * _UNIT) for v in places), round(self.most * _LUMINANCE), round(self.least * _LUMINANCE))

    def __str__(self) -> str:
        gx, gy, bx, by, rx, ry, wx, wy, most, least = self.steps
        return f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})"


@dataclass(frozen=True)
class Light:
    """What is said of a film's brightness. display: None where nothing is; most, mean: the brightest pixel and the
    brightest mean of a frame in cd/m2 (MaxCLL, MaxFALL), None where nothing is said."""

    display: Display | None = None
    levels: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        return self.display is not None or self.levels is not None

    @property
    def x265(self) -> str:
        """Parameters of x265, empty where there is nothing to say."""
        said = [f"master-display={self.display}"] if self.display else []
        return ":".join([*said, *([f"max-cll={self.levels[0]},{self.levels[1]}"] if self.levels else [])])

    @property
    def x264(self) -> str:
        """Parameters of x264, empty where there is nothing to say."""
        said = [f"mastering-display={self.display}"] if self.display else []
        return ":".join([*said, *([f"cll={self.levels[0]},{self.levels[1]}"] if self.levels else [])])


UNSAID = Light()


def light_of(frame: VideoFrame) -> Light:
    """What a decoded frame carries. A display without all its colours and its range of light is not believed."""
    return Light(_display(_bytes(frame, Type.MASTERING_DISPLAY_METADATA)), _levels(frame))


def moving_light(frame: VideoFrame) -> tuple[str, ...]:
    """Names of what changes from frame to frame, and is not kept."""
    kinds = {side.type.name for side in _sides(frame)}
    return tuple(dict.fromkeys(name for kind, name in _MOVING.items() if kind in kinds))


def _display(data: bytes) -> Display | None:
    """Of an AVMasteringDisplayMetadata: red, green, blue, white as rationals, least and most light, what is there."""
    if len(data) < 88:
        return None
    numbers = struct.unpack("20i2i", data[:88])
    ratios = [Fraction(a, b) if b else None for a, b in zip(numbers[0:20:2], numbers[1:20:2], strict=True)]
    known = [ratio for ratio in ratios if ratio is not None]
    if not all(numbers[20:]) or len(known) < 10 or not known[9]:
        return None
    places = list(zip(known[0:8:2], known[1:8:2], strict=True))
    return Display(places[0], places[1], places[2], places[3], known[8], known[9])


def _levels(frame: VideoFrame) -> tuple[int, int] | None:
    data = _bytes(frame, Type.CONTENT_LIGHT_LEVEL)
    most, mean = struct.unpack("2I", data[:8]) if len(data) >= 8 else (0, 0)
    return (most, mean) if most or mean else None


def _bytes(frame: VideoFrame, kind: Type) -> bytes:
    return next((bytes(side) for side in _sides(frame) if side.type == kind), b"")


def _sides(frame: VideoFrame) -> Iterable[SideData]:
    # PyAV types it as the mapping it is not: iterated, it gives its values.
    return cast(Iterable[SideData], frame.side_data)
