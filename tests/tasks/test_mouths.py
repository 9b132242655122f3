"""The bank of a span comes from its own shot, from frames whose face can be trusted."""

from pathlib import Path

import numpy as np

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.media import write_lossless
from tasks.heads import head_of
from tasks.mouths import mouth_bank
from tasks.needs import Needs
from tasks.tracks import Shot

COUNT = 12


def shot(folder: Path) -> Shot:
    """Frames of a gray level that tells their number, whose mouth opens more and more."""
    opening = np.zeros((COUNT, 53), np.float32)
    opening[:, ARKIT.index("jawOpen")] = np.linspace(0.3, 0.9, COUNT)
    flat = np.zeros((COUNT, 3), np.float32)
    camera = np.tile(np.array([5, 64, 64], np.float32), (COUNT, 1))
    head = head_of("builtin")
    shape = np.zeros(head.shape_basis.shape[0], np.float32)
    codes = Codes("builtin", shape, opening, flat, camera, np.zeros((468, 3), np.float32), opening * 0)
    write_lossless(folder / "crops.mkv", [np.full((128, 128, 3), 10 * k, np.uint8) for k in range(COUNT)])
    times = np.arange(COUNT) / 25
    return Shot(False, folder / "crops.mkv", codes, times, Needs(("speech",) * COUNT, np.ones(COUNT, np.float32)))


def test_views_are_of_the_spans_own_shot_and_of_frames_that_fit(tmp_path):
    shots, fit = np.repeat([0, 1], COUNT // 2).astype(np.int16), np.ones(COUNT, bool)
    fit[8] = False
    bank = mouth_bank(shot(tmp_path), head_of("builtin"), shots, fit, 7)
    frames = [view.frame for view in bank.views]
    assert len(frames) > 1 and set(frames) <= {6, 7, 9, 10, 11} and 11 in frames
    assert all(round(float(view.patch.mean()) * 255) == 10 * view.frame for view in bank.views)
    assert mouth_bank(shot(tmp_path), head_of("builtin"), shots, np.zeros(COUNT, bool), 7).views == ()
