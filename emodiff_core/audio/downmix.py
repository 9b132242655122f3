"""From any layout of loudspeakers to one or two channels (ITU-R BS.775-4, table 2)."""

import av
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_HALF = 2**-0.5
_SHARES = {
    "FL": (1.0, 0.0), "FR": (0.0, 1.0), "FC": (_HALF, _HALF), "LFE": (0.0, 0.0),
    "BL": (_HALF, 0.0), "BR": (0.0, _HALF), "SL": (_HALF, 0.0), "SR": (0.0, _HALF), "BC": (0.5, 0.5),
    "FLC": (1.0, 0.0), "FRC": (0.0, 1.0), "DL": (1.0, 0.0), "DR": (0.0, 1.0),
}  # fmt: skip
_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def downmix(frame: av.AudioFrame, channels: int | None = None) -> Floats:
    """(n, channels) float32 of a planar float frame. Sums may pass full scale: the writer decides what to do then.

    channels: 1, 2, or None to keep mono and bring all else to stereo. Mono of stereo is the mean; the low-frequency
    channel is left out.
    """
    samples = np.asarray(frame.to_ndarray(), np.float32)
    count = len(samples)
    wanted = channels or min(count, 2)
    if count == wanted:
        return np.ascontiguousarray(samples.T)
    if count == 1:
        return np.repeat(samples.T, wanted, axis=1)
    return np.ascontiguousarray((matrix(_names(frame.layout, count), wanted) @ samples).T)


def matrix(names: list[str], channels: int) -> Floats:
    """(channels, len(names)) weights of each loudspeaker by its name, such as FL, FR, FC, LFE, BL, BR."""
    stereo = np.array([_SHARES.get(name, (0.5, 0.5)) for name in names], np.float32).T
    return stereo if channels == 2 else stereo.mean(0, keepdims=True)


def _names(layout: av.AudioLayout, count: int) -> list[str]:
    """Loudspeakers of the file; where it does not name them, the usual order for that many."""
    names = [channel.name for channel in layout.channels]
    known = len(names) == count and any(name in _SHARES for name in names)
    return names if known else [channel.name for channel in av.AudioLayout(_USUAL[count]).channels]
