"""DECA as a reader of expressions: each frame's crop through its encoder, its codes mapped to ARKit's."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.deca import DecaCodes, crop, load_deca, performance, window
from emodiff_core.flame import load_builtin
from emodiff_core.flame_files import load_flame
from emodiff_core.media import read_lossless
from emodiff_core.spaces import fit_map
from infra.models import model_path
from infra.settings import Settings
from tasks.track_file import TrackFile

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

    def __call__(self, crops: Path, track: TrackFile) -> tuple[Floats, Floats]:
        """`flame` codes (N, 50 + 3) and the person's shape (100,), the median of the frames that are rendered."""
        left, told = _crops(crops, track), []
        while some := list(islice(left, TOGETHER)):
            told.append(self.encoder.codes(torch.cat(some)))
        flame = np.concatenate([performance(codes) for codes in told])
        believed = np.array([reason is None for reason in track.reasons])
        shape = np.median(_shapes(told)[believed if believed.any() else slice(None)], 0)
        return flame, shape.astype(np.float32)


def _shapes(told: list[DecaCodes]) -> Floats:
    return torch.cat([codes.shape for codes in told]).numpy()


def _crops(crops: Path, track: TrackFile) -> Iterator[torch.Tensor]:
    """(1, 3, 224, 224) of every frame of the track."""
    corners = np.pad(track.crops[:, :2], ((0, 0), (0, 1))).astype(np.float32)
    for picture, points, corner in zip(read_lossless(crops), track.landmarks, corners, strict=True):
        yield crop(picture, window(points - corner))
