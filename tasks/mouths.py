"""The mouth bank of a span: the same face's open mouths elsewhere in its shot, where the light is the same."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.faces.warp import head_points
from emodiff_core.flame import HeadModel
from emodiff_core.generator.bank import MouthBank, choose_views, look_of, view_of
from emodiff_core.media import read_lossless
from tasks.tracks import Shot

Picture = NDArray[np.uint8]

CANDIDATES = 160
"""Frames of a shot that are looked at, evenly apart: what a bank costs does not grow with the shot."""


class Pictures(Protocol):
    """Pictures (H, W, 3) uint8 by their rows."""

    def __getitem__(self, row: int) -> Picture: ...


def mouth_bank(shot: Shot, head: HeadModel, shots: NDArray[np.int16], fit: NDArray[np.bool_], frame: int) -> MouthBank:
    """Views for the spans of a footage's shot. shots, fit: (N,) of the track; frame: one of the span's."""
    here = np.flatnonzero((shots == shots[frame]) & fit)
    here = here[np.unique(np.linspace(0, len(here) - 1, min(CANDIDATES, len(here))).astype(np.intp))]
    if not len(here):
        return MouthBank(())
    return bank_of(_Crops(shot.crops, here), shot.codes.frames(here), head, here)


class _Crops:
    """Frames of a film of crops, read when they are asked for."""

    def __init__(self, film: Path, frames: NDArray[np.intp]) -> None:
        self._film, self._frames = film, frames

    def __getitem__(self, row: int) -> Picture:
        (picture,) = read_lossless(self._film, int(self._frames[row]), int(self._frames[row]) + 1)
        return picture


def bank_of(pictures: Pictures, codes: Codes, head: HeadModel, frames: NDArray[np.intp] | None = None) -> MouthBank:
    """A bank of pictures of one face with their codes, one row each. frames: their numbers in the track."""
    points = np.stack([head_points(head, head.posed(codes.frames(slice(k, k + 1)))[0]) for k in range(len(codes))])
    chosen = choose_views(look_of(points, codes.expression), np.ones(len(codes), bool))
    number = np.arange(len(codes)) if frames is None else frames
    return MouthBank(
        tuple(view_of(pictures[row], points[row], codes.expression[row], int(number[row])) for row in chosen)
    )
