"""How well an emotion model speaks: lips against truth, closures, silence, emotion against intensity. No pixels."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from emodiff_core.audio import ROWS
from emodiff_core.emotion.model import EmotionModel, Trajectory
from emodiff_core.synthetic.emotions import EMOTIONS, direction
from emodiff_core.synthetic.visemes import lip_gap
from emodiff_core.training.emotion.clips import Clip

Floats = NDArray[np.float32]

RATE = 25
TOUCHING = 0.05
"""Centimetres of opening up to which lips count as closed; a vowel opens 0.4 to 1.2."""


@dataclass(frozen=True)
class Figures:
    """mouth_corr: of the lip opening with truth, mean over clips; mouth_offset_frames: where that correlation peaks,
    at 25 frames/s; mouth_error: mean absolute, centimetres; silence_closed, bilabial_closed: shares of such frames
    with closed lips, under all emotions at once in `bilabial_closed_felt`; emotion_spearman: least of the categories;
    clip_corr_p10: the correlation that nine of ten clips exceed."""

    mouth_corr: float
    clip_corr_p10: float
    mouth_offset_frames: int
    mouth_error: float
    silence_closed: float
    bilabial_closed: float
    bilabial_closed_felt: float
    emotion_spearman: float

    def line(self) -> str:
        """All figures in one line of text."""
        return "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in asdict(self).items())


def measure(model: EmotionModel, clips: Sequence[Clip]) -> Figures:
    """Figures of a model over clips, at 25 frames a second."""
    corr, error, shifts, silent, sealed, felt, ranks = [], [], [], [], [], [], []
    for index, clip in enumerate(clips):
        rows = np.arange(0, len(clip.sound), ROWS // RATE)
        times, sound = rows / ROWS, clip.sound.astype(np.float32)
        activity = clip.activity.astype(np.float32)
        emotion = 1 + index % (len(EMOTIONS) - 1)
        plain = _run(model, sound, activity, times, emotion, 0.0)
        strong = _run(model, sound, activity, times, emotion, 1.0)
        opening, truth = lip_gap(plain.total), lip_gap(clip.mouth.astype(np.float32)[rows])
        corr.append(float(np.corrcoef(opening, truth)[0, 1]))
        error.append(float(np.abs(opening - truth).mean()))
        shifts.append([np.corrcoef(np.roll(opening, -k), truth)[0, 1] for k in range(-4, 5)])
        silent.append(opening[clip.silent[rows] > 0.5] < TOUCHING)
        sealed.append(opening[clip.sealed[rows] > 0.5] < TOUCHING)
        felt.append(lip_gap(strong.total)[clip.sealed[rows] > 0.5] < TOUCHING)
        if index < len(EMOTIONS) - 1:
            ranks.append(_rank(model, sound, activity, times, emotion, plain))
    return Figures(
        mouth_corr=float(np.mean(corr)),
        clip_corr_p10=float(np.percentile(corr, 10)),
        mouth_offset_frames=int(np.argmax(np.mean(shifts, 0))) - 4,
        mouth_error=float(np.mean(error)),
        silence_closed=float(np.concatenate(silent).mean()),
        bilabial_closed=float(np.concatenate(sealed).mean()),
        bilabial_closed_felt=float(np.concatenate(felt).mean()),
        emotion_spearman=float(np.min(ranks)),
    )


def _run(
    model: EmotionModel, sound: Floats, activity: Floats, times: NDArray[np.float64], emotion: int, intensity: float
) -> Trajectory:
    weights = np.zeros((len(times), len(EMOTIONS)), np.float32)
    weights[:, emotion] = intensity
    return model.trajectory(sound, activity, times, weights)


def _rank(
    model: EmotionModel, sound: Floats, activity: Floats, times: NDArray[np.float64], emotion: int, plain: Trajectory
) -> float:
    """Spearman correlation of intensity with how far the face went along the emotion's direction."""
    steps = (0.0, 0.25, 0.5, 0.75, 1.0)
    away = direction(EMOTIONS[emotion])
    moved = [float(((_run(model, sound, activity, times, emotion, s).total - plain.total) * away).sum()) for s in steps]
    return float(spearmanr(steps, moved).statistic)
