"""The mouth bank of a span: the same face's open mouths elsewhere in its shot, where the light is the same."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.warp import head_points
from emodiff_core.flame import HeadModel
from emodiff_core.generator.bank import MouthBank, choose_views, look_of, view_of
from emodiff_core.media import read_lossless
from tasks.tracks import Shot

CANDIDATES = 160
"""Frames of a shot that are looked at, evenly apart: what a bank costs does not grow with the shot."""


def mouth_bank(shot: Shot, head: HeadModel, shots: NDArray[np.int16], fit: NDArray[np.bool_], frame: int) -> MouthBank:
    """Views for the spans of a footage's shot. shots, fit: (N,) of the track; frame: one of the span's."""
    here = np.flatnonzero((shots == shots[frame]) & fit)
    here = here[np.unique(np.linspace(0, len(here) - 1, min(CANDIDATES, len(here))).astype(np.intp))]
    if not len(here):
        return MouthBank(())
    points = np.stack([head_points(head, head.posed(shot.codes.frames(slice(k, k + 1)))[0]) for k in here])
    chosen = choose_views(look_of(points, shot.codes.expression[here]), np.ones(len(here), bool))
    views = []
    for row in chosen:
        (picture,) = read_lossless(shot.crops, int(here[row]), int(here[row]) + 1)
        views.append(view_of(picture, points[row], shot.codes.expression[here[row]], int(here[row])))
    return MouthBank(tuple(views))
