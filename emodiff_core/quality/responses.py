"""Whether a rendered face answers what it was asked: which emotion, how much of it, and whose face it is."""

from collections.abc import Iterable
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from emodiff_core.flame import HeadModel
from emodiff_core.generator.span import Renderer
from emodiff_core.quality.held_out import Clip, film, rendered
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.emotions import EMOTIONS, direction
from emodiff_core.synthetic.speech import Speech
from emodiff_core.training.pairs import Eyes

Floats = NDArray[np.float32]
INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def emotion_response(head: HeadModel, eyes: Eyes, renderer: Renderer, people: Iterable[int]) -> dict[str, object]:
    """emotion_spearman {category: rank correlation of intensity with the result's way towards the truth, in pixels};
    emotion_top1: share of results at intensity 1 nearest to the right one of the eight true pictures."""
    ranks: dict[str, list[float]] = {name: [] for name in EMOTIONS[1:]}
    hits: list[bool] = []
    for number in people:
        result, truth = _faces(number, head, eyes, renderer)
        for row, name in enumerate(EMOTIONS[1:]):
            way = truth[row, -1] - truth[row, 0]
            along = ((result[row] - result[row, 0]) * way).sum(1) / float((way**2).sum())
            ranks[name].append(float(spearmanr(INTENSITIES, along).statistic))
        full = np.concatenate([truth[:1, 0], truth[:, -1]])
        asked = np.concatenate([result[:1, 0], result[:, -1]])
        distance = np.square(asked[:, None] - full[None]).sum(-1)
        hits += (distance.argmin(1) == np.arange(8)).tolist()
    return {
        "emotion_spearman": {name: float(np.mean(values)) for name, values in ranks.items()},
        "emotion_top1": float(np.mean(hits)),
    }


def identity_top1(head: HeadModel, eyes: Eyes, renderer: Renderer, people: int) -> float:
    """Share of people whose rendered smile is nearest to their own true picture among all people's.

    A person in whose picture no face is seen is passed over.
    """
    pairs: list[tuple[Floats, Floats]] = []
    for number in range(2 * people):
        with suppress(Refusal):
            pairs.append(_one(number, head, eyes, renderer))
        if len(pairs) == people:
            break
    answers, truths = (np.stack(part) for part in zip(*pairs, strict=True))
    distance = np.square(answers[:, None] - truths[None]).sum(-1)
    return float((distance.argmin(1) == np.arange(len(pairs))).mean())


def _faces(number: int, head: HeadModel, eyes: Eyes, renderer: Renderer) -> tuple[Floats, Floats]:
    """Result and truth (7, 5, P): every emotion at every intensity, the face's pixels; at 0 they are all one frame."""
    names = EMOTIONS[1:]
    felt = [direction(name) * np.float32(level) for name in names for level in INTENSITIES[1:]]
    clip = _still(number, head, eyes, np.stack([0 * felt[0], *felt]))
    rows = np.arange(len(felt)).reshape(len(names), -1) + 1
    rows = np.column_stack([np.zeros(len(names), int), rows])
    return _pixels(clip, rendered(clip, head, renderer))[rows], _pixels(clip, clip.truth)[rows]


def _one(number: int, head: HeadModel, eyes: Eyes, renderer: Renderer) -> tuple[Floats, Floats]:
    clip = _still(number, head, eyes, direction("happy")[None] * np.float32(0.7))
    return _crop(clip, rendered(clip, head, renderer)[0]), _crop(clip, clip.truth[0])


def _still(number: int, head: HeadModel, eyes: Eyes, felt: Floats) -> Clip:
    """A silent person who feels one thing after the other; so early that nothing has moved yet."""
    times = np.arange(len(felt), dtype=np.float64) * 1e-4
    silence = Speech(np.zeros(22050, np.float32), ())
    return film(number, head, head, eyes, silence, times, felt)


def _crop(clip: Clip, frame: NDArray[np.uint8]) -> Floats:
    """(P,) the rectangle around the face at 64 x 64, so that people can be compared, in [0, 1]."""
    inside = clip.face[0] > 0.5
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    cut = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.resize(cut, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / np.float32(255)


def _pixels(clip: Clip, frames: NDArray[np.uint8]) -> Floats:
    """(N, P) colours of the face, halved in size, in [0, 1]."""
    inside = clip.face.max(0)[::2, ::2] > 0.5
    return frames[:, ::2, ::2][:, inside].reshape(len(frames), -1).astype(np.float32) / np.float32(255)
