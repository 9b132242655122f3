"""The pictures of a deliverable: the source's own frames, with takes laid into their planes where there are some."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from av import VideoFrame
from numpy.typing import NDArray

from emodiff_core.media import Limits, read_lossless, read_picture
from emodiff_core.media.ahead import ahead
from emodiff_core.media.colour import is_planar
from emodiff_core.media.decode import coded
from emodiff_core.media.delivery import planar
from emodiff_core.media.lay import lay, painted, plane_of
from infra.errors import Bug
from tasks.stage import Item
from tasks.timeline import Timeline
from tasks.track_file import TrackFile

Picture = NDArray[np.uint8]
Take = tuple[int, Picture, Picture]

_NONE: Take = (-1, np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8))
_BT709, _LIMITED = 1, 1


def composite(item: Item, track: TrackFile, timeline: Timeline) -> Iterator[tuple[int, VideoFrame]]:
    """Every frame of the deliverable with its ticks, in planes. A frame without a take, or whose take changes nothing,
    is the source's own. Raises Bug TAKES_INCOMPLETE where takes and frames do not fit."""
    source, pending = ahead(_source(item, track, timeline)), chain(ahead(_takes(item)), [_NONE])
    index, face, mask = next(pending)
    for k, (pts, frame) in enumerate(zip(timeline.pts, source, strict=True)):
        if k == index:
            if mask.any():
                _lay(frame, face, mask, track.crop_at(k))
            index, face, mask = next(pending)
        elif track.kind == "portrait":
            raise Bug("TAKES_INCOMPLETE", f"frame {k} of {len(timeline.pts)} has no take")
        yield pts, frame
    if index != -1:
        raise Bug("TAKES_INCOMPLETE", f"a take holds frame {index}, which the picture has no place for")


def spans(item: Item) -> list[Path]:
    """Folders of the takes, in order."""
    names = [name for name in item.inputs if name.startswith("generate/")]
    return [item.inputs[name] for name in sorted(names, key=lambda name: int(name.split("/")[1]))]


def even(picture: Picture) -> Picture:
    """The picture with its last column and row repeated where their number is odd."""
    height, width = picture.shape[:2]
    if not (height % 2 or width % 2):
        return picture
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def limits_of(item: Item) -> Limits:
    """What may be opened."""
    return Limits(**item.settings.media.model_dump())


def _takes(item: Item) -> Iterator[Take]:
    """(frame of the track, its crop rectangle with the new face, where it changed), in order."""
    for folder in spans(item):
        frames = pq.read_table(folder / "take.parquet", columns=["frame"])["frame"].to_pylist()
        yield from zip(frames, read_lossless(folder / "take.mkv"), read_lossless(folder / "mask.mkv"), strict=True)


def _source(item: Item, track: TrackFile, timeline: Timeline) -> Iterator[VideoFrame]:
    """The whole pictures to lay into: the portrait again and again, or the footage's frames."""
    if track.kind == "portrait":
        still = _still(read_picture(item.inputs["crop"] / "picture.png", Limits(min_side=1)))
        yield from (_copy(still) for _ in timeline.pts)
    else:
        yield from (_planes(shown.frame) for shown in coded(item.inputs["picture"], limits_of(item)))


def _still(picture: Picture) -> VideoFrame:
    """A portrait as 4:2:0 in BT.709, 8 bit, limited range."""
    picture = even(picture)
    like = VideoFrame(picture.shape[1], picture.shape[0], "yuv420p")
    like.colorspace = like.color_primaries = like.color_trc = _BT709
    like.color_range = _LIMITED
    return painted(picture, like)


def _copy(still: VideoFrame) -> VideoFrame:
    frame = VideoFrame(still.width, still.height, still.format.name)
    for number in range(len(still.planes)):
        plane_of(frame, number)[:] = plane_of(still, number)
    frame.colorspace, frame.color_range = still.colorspace, still.color_range
    frame.color_primaries, frame.color_trc = still.color_primaries, still.color_trc
    return frame


def _planes(frame: VideoFrame) -> VideoFrame:
    """The frame itself; what is packed, semi-planar or carries alpha is brought into planes first."""
    return frame if is_planar(frame) else frame.reformat(format=planar(frame.format.name))


def _lay(frame: VideoFrame, face: Picture, mask: Picture, crop: tuple[int, int, int, int]) -> None:
    x, y, w, h = crop
    if face.shape != (h, w, 3) or mask.shape != (h, w):
        raise Bug("TAKES_INCOMPLETE", f"a take is {face.shape[1]}x{face.shape[0]} where {w}x{h} was cropped")
    # The decoder still reads from this frame to make the next ones.
    frame.make_writable()
    lay(frame, (x, y), face, mask)
