"""Batches of the emotion model: a step's number decides its batch, so that a resumed run goes on exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from emodiff_core.audio import SILENCE
from emodiff_core.training.emotion.clips import MEL, Clip
from emodiff_core.training.emotion.ear import Ear

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """B windows of R rows: sound (B, R, bins), mouth (B, R, 53), shut (B, R), feeling (B, R / 4, 53), emotion (B,),
    noise (B, R / 4, C)."""

    sound: Tensor
    mouth: Tensor
    shut: Tensor
    feeling: Tensor
    emotion: Tensor
    noise: Tensor


def batch(clips: Sequence[Clip], size: int, rows: int, channels: int, seed: int, step: int, ear: Ear = MEL) -> Batch:
    """The batch of a step: random windows of random clips, heard through random changes."""
    random = np.random.default_rng([seed, step])
    windows = [_window(clips[i], rows, random, ear) for i in random.integers(len(clips), size=size)]
    columns = [torch.from_numpy(np.stack(c)) for c in zip(*windows, strict=True)]
    white = random.normal(size=(size, rows // 4, channels))
    noise = gaussian_filter1d(white, 17.0, axis=1, mode="wrap") * np.sqrt(17.0 * 3.54)
    sound, mouth, shut, feeling, emotion = columns
    return Batch(sound, mouth, shut, feeling, emotion, torch.from_numpy(noise.astype(np.float32)))


def _window(clip: Clip, rows: int, random: np.random.Generator, ear: Ear) -> tuple[NDArray[np.generic], ...]:
    sound = clip.sound if random.random() < 0.5 else clip.other
    room = max(0, len(sound) - rows)
    start = int(random.integers(room // 4 + 1)) * 4
    part = slice(start, start + rows)
    return (
        (worn if ear.digest else changed)(_long(sound[part], rows, ear.silence), random),
        _long(clip.mouth[part], rows, 0),
        _long(clip.shut[part], rows, 0),
        _long(clip.feeling[start // 4 : (start + rows) // 4], rows // 4, None),
        clip.emotion[0],
    )


def changed(rows: Floats, random: np.random.Generator) -> Floats:
    """Rows (R, 80) of log-mel through another throat (bands moved), at another level, in another noise, with holes."""
    mel, bands = rows.astype(np.float32), rows.shape[1]
    if random.random() < 0.7:
        warp = np.clip(np.arange(bands) * np.exp(random.normal(0, 0.07)), 0, bands - 1)
        low = np.floor(warp).astype(int)
        part = warp - low
        mel = mel[:, low] * (1 - part) + mel[:, np.minimum(low + 1, bands - 1)] * part
    tilt = np.linspace(-0.5, 0.5, bands) * random.normal(0, 0.12) + random.uniform(-0.15, 0.10)
    mel = mel + tilt.astype(np.float32)
    if random.random() < 0.5:
        floor = random.uniform(-1, -0.55) + np.linspace(0.5, -0.5, bands) * random.uniform(-0.1, 0.4)
        mel = np.maximum(mel, floor + 0.03 * _grain(mel, random))
    if random.random() < 0.15:
        mel[:, random.integers(50, bands) :] = -1
    if random.random() < 0.3:
        at = random.integers(bands - 8)
        mel[:, at : at + random.integers(2, 8)] = mel.mean()
    if random.random() < 0.5:
        share = random.uniform(0.1, 0.33)
        mel = (1 - 2 * share) * mel + share * (np.roll(mel, 1, 1) + np.roll(mel, -1, 1))
    mel = mel + random.uniform(0, 0.05) * _grain(mel, random)
    return np.maximum(mel, SILENCE).astype(np.float32)


def worn(rows: Floats, random: np.random.Generator) -> Floats:
    """Rows (R, bins) of a speech model with some noise, and some of its channels and moments lost."""
    noisy = rows + random.uniform(0, 0.1) * rows.std() * _grain(rows, random)
    noisy[:, random.random(rows.shape[1]) < 0.1] = 0
    if random.random() < 0.3:
        at = random.integers(len(rows))
        noisy[at : at + random.integers(2, 10)] = 0
    return noisy.astype(np.float32)


def _grain(like: Floats, random: np.random.Generator) -> Floats:
    return random.standard_normal(like.shape, np.float32)


def _long(values: Floats, rows: int, fill: float | None) -> Floats:
    """Values with `rows` rows: filled up at the end, None repeats the last."""
    missing = ((0, rows - len(values)), *((0, 0),) * (values.ndim - 1))
    padded = np.pad(values, missing, mode="edge") if fill is None else np.pad(values, missing, constant_values=fill)
    return padded.astype(np.float32)
