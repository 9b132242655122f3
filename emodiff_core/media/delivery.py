"""The forms in which a deliverable leaves: which encoder, which pixels, which container, which sound."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from av import VideoFormat

from emodiff_core.media.light import UNSAID, Light
from emodiff_core.media.probe import Video

_PQ, _HLG = 16, 18
_STUDIO = {"prores", "dnxhd", "cfhd", "v210", "v410", "rawvideo", "mjpeg", "jpeg2000"}
_ARCHIVE = {"ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv"}
# The chroma grid that an encoder knows and that keeps as much as the one it does not.
_GRIDS = {"440": "444", "411": "422", "410": "420", "420": "420", "422": "422", "444": "444"}


@dataclass(frozen=True)
class Delivery:
    """name: h264, hevc, prores or ffv1; container: ffmpeg's name of it; suffix: of the file; encoder: of the picture;
    sound: ffmpeg's encoder of the dub."""

    name: str
    container: str
    encoder: str
    sound: str

    @property
    def suffix(self) -> str:
        """Of the file, with its dot."""
        return {"matroska": ".mkv"}.get(self.container, f".{self.container}")


DELIVERIES = {
    "h264": Delivery("h264", "mp4", "libx264", "aac"),
    "hevc": Delivery("hevc", "mp4", "libx265", "aac"),
    "prores": Delivery("prores", "mov", "prores_ks", "pcm_s16le"),
    "ffv1": Delivery("ffv1", "matroska", "ffv1", "flac"),
}


@dataclass(frozen=True)
class Coding:
    """How the picture is encoded. options: the encoder's own; threads: part of the bytes, so it does not follow the
    machine."""

    encoder: str
    pixel_format: str
    options: Mapping[str, str] = field(default_factory=dict)
    threads: int = 2


def delivery_of(choice: str, source: Video | None) -> Delivery:
    """The delivery of a name, or for `auto` the one of the source's family: what came from a studio or an archive goes
    back to it, ten bits and HDR are HEVC, all else H.264. source: None for a portrait."""
    if choice != "auto":
        return DELIVERIES[choice]
    if source is None:
        return DELIVERIES["h264"]
    if source.codec in _STUDIO:
        return DELIVERIES["prores"]
    if source.codec in _ARCHIVE:
        return DELIVERIES["ffv1"]
    deep = source.codec == "hevc" or VideoFormat(source.pixel_format).components[0].bits > 8
    return DELIVERIES["hevc" if deep or source.colour[1] in (_PQ, _HLG) else "h264"]


@dataclass(frozen=True)
class Quality:
    """What H.264 and HEVC are to keep; ProRes HQ and FFV1 need no telling.

    crf: constant rate factor, made for the eye; qp: constant quantiser instead, made for the measure: whatever the
    grain, no pixel is far from the source's (8: 50 dB; 0: none differs). threads: part of the bytes, so it does not
    follow the machine.
    """

    preset: str = "veryfast"
    crf: int = 16
    qp: int | None = None
    threads: int = 2


def coding_of(
    delivery: Delivery, pixels: str, size: tuple[int, int], quality: Quality, light: Light = UNSAID
) -> Coding:
    """The encoder's settings for frames of (width, height) that come as `pixels`. light: that their stream tells."""
    odd = size[0] % 2 or size[1] % 2
    stored = stored_as(delivery.name, planar(pixels) if not odd else _whole(pixels))
    options = _lit(delivery.name, _OPTIONS[delivery.name](quality), light) | {"flags": "+bitexact"}
    return Coding(delivery.encoder, stored, options, quality.threads)


def _x264(quality: Quality) -> dict[str, str]:
    if quality.qp is None:
        return {"preset": quality.preset, "crf": str(quality.crf)}
    return {"preset": quality.preset, "qp": str(quality.qp), "tune": "psnr"}


def _x265(quality: Quality) -> dict[str, str]:
    params = f"log-level=error:pools={quality.threads}:frame-threads=1"
    if quality.qp is None:
        return {"preset": quality.preset, "crf": str(quality.crf), "x265-params": params}
    exact = "lossless=1" if quality.qp == 0 else f"qp={quality.qp}"
    return {"preset": quality.preset, "tune": "psnr", "x265-params": f"{params}:{exact}"}


_OPTIONS: Mapping[str, Callable[[Quality], dict[str, str]]] = {
    "h264": _x264,
    "hevc": _x265,
    "prores": lambda _: {"profile": "hq", "vendor": "apl0"},
    "ffv1": lambda _: {"level": "3", "g": "1", "slicecrc": "1", "slices": "4"},
}


def _lit(name: str, options: dict[str, str], light: Light) -> dict[str, str]:
    """The options with the light; ProRes and FFV1 have no place for it in their streams."""
    said = {"hevc": light.x265, "h264": light.x264}.get(name, "")
    key = {"hevc": "x265-params", "h264": "x264-params"}.get(name, "")
    return options | {key: ":".join(filter(None, (options.get(key, ""), said)))} if said else options


def planar(pixels: str) -> str:
    """The pixel format with whole planes, no alpha, that holds what `pixels` holds: `yuv420p` for nv12."""
    given = VideoFormat(pixels)
    bits = max(8, *(part.bits for part in given.components))
    deep = "" if bits == 8 else f"{10 if bits <= 10 else 12}le"
    if re.fullmatch(r"(yuvj?4..p|gbrp|gray)((9|10|12|14|16)le)?", pixels):
        return pixels
    if given.is_rgb or pixels.startswith("pal"):
        return f"gbrp{deep}"
    return f"yuv{_grid(pixels)}p{deep}"


def stored_as(name: str, pixels: str) -> str:
    """The pixel format of a delivery for frames in the planar format `pixels`: nothing is thrown away that the encoder
    can hold."""
    bits = VideoFormat(pixels).components[0].bits
    if name == "ffv1":
        return pixels.replace("yuvj", "yuv")
    if name == "prores":
        return "yuv422p10le"
    grid = _GRIDS[_grid(pixels)]
    if name == "hevc":
        return f"yuv{grid}p{12 if bits > 10 else 10}le"
    return f"yuv{grid}p{'10le' if bits > 8 else ''}"


def _whole(pixels: str) -> str:
    """The format in which every pixel has its own chroma: with shared chroma, encoders take even sides only."""
    return re.sub(r"4[0-4][0-4]p", "444p", pixels).replace("gray", "yuv444p") if "gbr" not in pixels else pixels


def _grid(pixels: str) -> str:
    """420, 422, 444, ...: how many pixels share a sample of chroma."""
    found = VideoFormat(pixels)
    if found.is_rgb:
        return "444"
    if len(found.components) < 3:
        return "420"
    across, down = found.chroma_width(64), found.chroma_height(64)
    return {(64, 64): "444", (64, 32): "440", (32, 64): "422", (32, 32): "420", (16, 64): "411"}.get(
        (across, down), "410"
    )
