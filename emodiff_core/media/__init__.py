"""Pictures and videos: probed, decoded and written with exact times and exact pixels."""

from emodiff_core.media.clock import frame_times, frames_for, samples_for
from emodiff_core.media.decode import Frame, decode
from emodiff_core.media.limits import Limits
from emodiff_core.media.lossless import LosslessWriter, read_lossless, write_lossless
from emodiff_core.media.pictures import is_picture, read_picture, write_picture
from emodiff_core.media.probe import Video, probe

__all__ = [
    "Frame",
    "Limits",
    "LosslessWriter",
    "Video",
    "decode",
    "frame_times",
    "frames_for",
    "is_picture",
    "probe",
    "read_lossless",
    "read_picture",
    "samples_for",
    "write_lossless",
    "write_picture",
]
