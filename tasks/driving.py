"""A driving video: the head motion and gaze of lids that a portrait takes from somebody else's film."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.track import Tracker, track_of
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from emodiff_core.media import Limits, decode, probe
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.motion import Motion

Doubles = NDArray[np.float64]

LIDS = np.array([name.startswith("eyeBlink") for name in ARKIT])


def driven(path: Path, times: Doubles, models: FaceModels, head: HeadModel, limits: Limits) -> Motion:
    """Motion at times (N,) in seconds as the face in a video moves, from its first pose on; after its end it is still.

    Raises Refusal NO_FACE, and what reading the file raises.
    """
    rate = float(probe(path, limits).rate)
    tracker = Tracker(models)
    frames = [(float(frame.time), tracker(frame.picture)) for frame in decode(path, limits)]
    track = track_of([mesh for _, mesh in frames], rate)
    if track is None:
        raise Refusal("NO_FACE", f"{path.name}: no face to take the motion from", "name another driving video")
    clock = np.array([time for time, _ in frames])
    return motion_of(fit_clip(track.points, head, rate=rate), clock - clock[0], times)


def motion_of(codes: Codes, clock: Doubles, times: Doubles) -> Motion:
    """Offsets of codes from their first frame, read at times; clock: (K,) seconds of the codes' frames."""
    start = Rotation.from_rotvec(codes.rotation[0])
    turns = (Rotation.from_rotvec(codes.rotation) * start.inv()).as_rotvec()
    scale = codes.camera[0, 0]
    moved = (codes.camera[:, 1:] - codes.camera[0, 1:]) / scale * (1, -1)
    path = np.concatenate([turns, moved, np.zeros((len(codes), 1)), codes.expression * LIDS], 1)
    read = np.stack([np.interp(times, clock, column) for column in path.T], 1).astype(np.float32)
    return Motion(read[:, :3], read[:, 3:6], read[:, 6:])
