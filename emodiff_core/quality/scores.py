"""A row of the evaluation's table: rendered clips against their truth, by pixels and by the lips that the mesh sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emodiff_core.quality.closings import REACH, closings
from emodiff_core.quality.held_out import Clip
from emodiff_core.quality.lips import LipReader
from emodiff_core.quality.pixels import detail_share, flicker_ratio, psnr, ssim
from emodiff_core.synthetic.visemes import closure, lip_gap, mouth

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
LAGS = range(-5, 6)
COLUMNS = (
    "psnr", "ssim", "mouth_psnr", "mouth_detail", "flicker_ratio", "mouth_corr", "silence_closed", "bilabial_closed",
)  # fmt: skip
"""Of the table, in this order."""


def row(clips: Sequence[Clip], answers: Sequence[Bytes], reader: LipReader) -> dict[str, float]:
    """Means over clips of the pixels' measures, and what lips do; answers: (N, H, W, 3) uint8 of each clip."""
    each = [pixel_scores(clip, answer) for clip, answer in zip(clips, answers, strict=True)]
    out = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return out | lip_scores(clips, answers, reader)


def pixel_scores(clip: Clip, answer: Bytes, moving: bool = True) -> dict[str, float]:
    """psnr of the face, ssim of its rectangle, mouth_psnr, mouth_detail (`detail_share`), and where `moving`
    flicker_ratio, of one clip's frames."""
    result, truth = answer.astype(np.float32) / np.float32(255), clip.truth.astype(np.float32) / np.float32(255)
    box = clip.face.max(0) > 0.5
    rows, columns = np.flatnonzero(box.any(1)), np.flatnonzero(box.any(0))
    cut = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return {
        "psnr": psnr(result, truth, clip.face),
        "ssim": ssim(result[cut][::5], truth[cut][::5]),
        "mouth_psnr": psnr(result, truth, clip.mouth),
        "mouth_detail": detail_share(result, truth, clip.mouth),
        **({"flicker_ratio": flicker_ratio(result, truth, clip.face.min(0))} if moving else {}),
    }


def lip_scores(clips: Sequence[Clip], answers: Sequence[Bytes], reader: LipReader) -> dict[str, float]:
    """Correlation of the lips' opening with the truth's, both by the face mesh; the lag where it is largest; and the
    shares of frames in silence, and on p, b and m, in which lips close, see `closings`, with how many were judged."""
    found = [(openings(a, reader), openings(c.truth, reader)) for c, a in zip(clips, answers, strict=True)]
    lags = {lag: float(np.mean([correlation(a, b, lag) for a, b in found])) for lag in LAGS}
    silent, shut = [], []
    for clip, (result, truth) in zip(clips, found, strict=True):
        closed = lip_gap(clip.plan.codes.expression[1:]) < 0.02
        quiet = mouth(clip.said.phonemes, clip.times).max(1) < 0.02
        silent.append(closings(result, truth, closed & quiet, 2 * REACH))
        shut.append(closings(result, truth, closed & (closure(clip.said.phonemes, clip.times) > 0.98)))
    return {
        "mouth_corr": lags[0],
        "mouth_offset_frames": float(max(lags, key=lambda lag: lags[lag])),
        "silence_closed": _share(silent),
        "bilabial_closed": _share(shut),
        "silence_frames": sum(map(len, silent)),
        "bilabial_frames": sum(map(len, shut)),
    }


def openings(frames: Bytes, reader: LipReader) -> Floats:
    """(N,) openings of the mouth in frames (N, H, W, 3); 0 where no face is found."""
    return np.array([reader(frame) or 0.0 for frame in frames], np.float32)


def correlation(result: Floats, truth: Floats, lag: int = 0) -> float:
    """Of result, moved earlier by lag frames, with truth; 0 where one of them stands still."""
    pair = (result[lag:], truth[: len(truth) - lag]) if lag >= 0 else (result[:lag], truth[-lag:])
    return float(np.corrcoef(*pair)[0, 1]) if min(one.std() for one in pair) > 1e-6 else 0.0


def _share(hits: Sequence[NDArray[np.bool_]]) -> float:
    together = np.concatenate(hits)
    return float(together.mean()) if len(together) else float("nan")
