"""Frames in FFV1: bit-exact, each on its own. Frame k is row k of the table beside the file."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from emodiff_core.media.files import opened, refused
from emodiff_core.media.probe import stated_seconds
from emodiff_core.refusal import Refusal

Picture = NDArray[np.uint8]

# At 25 a second every timestamp is a whole millisecond, Matroska's tick, so that seeking to a frame is exact.
_RATE, _TICKS = 25, 40


class LosslessWriter:
    """Writes (H, W, 3) RGB or (H, W) gray uint8 pictures of one size as FFV1 in Matroska; same pictures, same bytes."""

    def __init__(self, path: Path) -> None:
        self._file = av.open(f"file:{path}", "w", format="matroska", options={"fflags": "+bitexact"})
        self._stream: av.VideoStream | None = None
        self._shape: tuple[int, ...] = ()
        self.count = 0

    def write(self, picture: Picture) -> None:
        """Append one picture. The first decides size and colour; another shape later is a ValueError."""
        stream = self._stream or self._start(picture)
        if picture.shape != self._shape:
            raise ValueError(f"picture {self.count} is {picture.shape}, the file holds {self._shape}")
        kind = "rgb24" if picture.ndim == 3 else "gray"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=kind)
        frame = frame.reformat(format=stream.pix_fmt)
        frame.pts = self.count
        self._file.mux(stream.encode(frame))
        self.count += 1

    def _start(self, picture: Picture) -> av.VideoStream:
        slices = "4" if min(picture.shape[:2]) >= 16 else "1"
        options = {"level": "3", "g": "1", "slicecrc": "1", "slices": slices, "flags": "+bitexact"}
        stream = self._file.add_stream("ffv1", rate=_RATE, options=options)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "bgr0" if picture.ndim == 3 else "gray"
        self._stream, self._shape = stream, picture.shape
        return stream

    def close(self) -> None:
        """Finish the file; it is complete only after this."""
        if self._stream is not None:
            self._file.mux(self._stream.encode(None))
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_lossless(path: Path, pictures: Iterator[Picture] | list[Picture]) -> int:
    """Write all pictures, return how many."""
    with LosslessWriter(path) as file:
        for picture in pictures:
            file.write(picture)
        return file.count


def read_lossless(path: Path, start: int = 0, end: int | None = None) -> Iterator[Picture]:
    """Pictures [start, end) of a file that `LosslessWriter` wrote: (H, W, 3) or (H, W) uint8.

    Raises CORRUPT_MEDIA where the file is cut short. The decoder hides flipped bits: artifacts carry digests for that.
    """
    with opened(path) as container:
        stream = container.streams.video[0]
        if start:
            container.seek(start * _TICKS, stream=stream)
        wanted, reached = round((stated_seconds(stream) or 0) * _RATE) if end is None else end, start
        try:
            for frame in container.decode(stream):
                index = (frame.pts or 0) // _TICKS
                if index >= wanted:
                    break
                if index >= start:
                    kind = "gray" if frame.format.name == "gray" else "rgb24"
                    yield np.asarray(frame.to_ndarray(format=kind), np.uint8)
                    reached = index + 1
        except av.error.FFmpegError as error:
            raise refused(path, error) from error
        if reached < wanted:
            message = f"{path.name} ends at picture {reached} of {wanted}"
            raise Refusal("CORRUPT_MEDIA", message, "render it again")
