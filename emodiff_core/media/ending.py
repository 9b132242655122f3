"""How long the last frame of a film is shown: frames say when they begin, and only the container when it all ends."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.media.boxes import picture_end
from emodiff_core.media.probe import Video

_MATROSKA = Fraction(1, 1000)


def last_duration(path: Path, video: Video, pts: NDArray[np.int64]) -> Fraction | None:
    """Seconds that the last frame lasts, None where it is a frame like the others or nothing is known.

    pts: (N,) ticks of all frames on the file's own clock. At an even rate, less than half a frame more or less is how
    muxers round, and how an edit list made for the sound ends. A transport stream says nothing.
    """
    end = _end(path, video)
    if end is None:
        return None
    ends, unit = end
    lasts, step = ends - int(pts[-1]) * video.time_base, 1 / video.rate
    steps = np.diff(pts) * float(video.time_base)
    tick = max(unit, video.time_base)
    even = not len(steps) or float(np.abs(steps - float(step)).max()) < 1.5 * float(tick)
    near = step / 2 if even else 3 * tick / 2
    return None if lasts <= 0 or abs(lasts - step) <= near else lasts


def _end(path: Path, video: Video) -> tuple[Fraction, Fraction] | None:
    """Seconds at which the picture ends, and the unit in which that is told."""
    if "mp4" in video.container:
        return picture_end(path)
    if "matroska" in video.container and video.seconds is not None:
        return video.seconds, _MATROSKA
    return None
