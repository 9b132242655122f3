"""DECA as a reader of expressions: each frame's crop through its encoder, its codes mapped to ARKit's."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.deca import crop, load_deca, performance, window
from emodiff_core.flame import load_builtin
from emodiff_core.flame_files import load_flame
from emodiff_core.media import read_lossless
from emodiff_core.spaces import fit_map
from infra.models import model_path
from infra.settings import Settings
from tasks.track_file import Landmarks, TrackFile, read_track

Floats = NDArray[np.float32]

TOGETHER = 8


class DecaReader:
    """Reads crops; made once per worker.

    between: the map from FLAME's expressions to the built-in models' own.
    """

    def __init__(self, settings: Settings) -> None:
        """Load the two files. Raises RightsError, SetupError, Refusal HOSTILE_WEIGHTS or WEIGHTS_UNREADABLE."""
        self.encoder = load_deca(model_path("deca", settings))
        # Codes mean the same on every head with ARKit's names, so the map is fitted on ours.
        self.between = fit_map(load_builtin(), load_flame(model_path("flame2020", settings)))

    def __call__(self, crop: Path) -> tuple[Floats, Floats]:
        """`flame` codes (N, 50 + 3) and the person's shape (100,), the median of the frames that are rendered.

        crop: what the crop stage left.
        """
        track = read_track(crop, landmarks=False)
        left, expressions, shapes = _crops(crop, track), [], []
        while some := list(islice(left, TOGETHER)):
            codes = self.encoder.codes(torch.cat(some))
            expressions.append(performance(codes))
            shapes.append(codes.shape.numpy())
        believed = track.fit if track.fit.any() else slice(None)
        shape = np.median(np.concatenate(shapes)[believed], 0)
        return np.concatenate(expressions), shape.astype(np.float32)


def _crops(folder: Path, track: TrackFile) -> Iterator[torch.Tensor]:
    """(1, 3, 224, 224) of every frame of the track."""
    corners = np.pad(track.crops[:, :2], ((0, 0), (0, 1))).astype(np.float32)
    points = Landmarks(folder)
    for row, picture in enumerate(read_lossless(folder / "crops.mkv")):
        yield crop(picture, window(points[row : row + 1][0] - corners[row]))
