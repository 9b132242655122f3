"""Scenes: who is filmed, saying what, in which pose, with which feelings; drawn from a number, nothing rendered yet."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio.mel import log_mel
from emodiff_core.codes import ARKIT, Codes
from emodiff_core.flame import HeadModel
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.generator.target import portrait
from emodiff_core.synthetic.corpus import line
from emodiff_core.synthetic.emotions import EMOTIONS, compose, direction
from emodiff_core.synthetic.motion import Motion, head_motion
from emodiff_core.synthetic.people import Person, Split, person
from emodiff_core.synthetic.phones import codes_of
from emodiff_core.synthetic.speech import Speech
from emodiff_core.synthetic.visemes import mouth

Floats = NDArray[np.float32]

SIZE = 320
"""Pixels of the square picture; a face is then about as wide as a mouth window wants its mouth."""
_BLINK = codes_of(eyeBlink=1.0)
_GAZE = np.array([name.startswith("eyeLook") for name in ARKIT])


@dataclass(frozen=True)
class Scene:
    """One person before one camera. codes: (1 + K) frames on the head that is rendered, the source picture first;
    motion: offsets of the K targets from the source's pose; tokens: (K, 11, 320) of the sound at their times;
    footage: whether the source is to be fitted together with the targets, as the frames of a video are."""

    person: Person
    codes: Codes
    motion: Motion
    tokens: Floats
    footage: bool


def scene(split: Split, number: int, head: HeadModel, targets: int, before: float = 0.0) -> Scene:
    """Scene `number` of a split with K = targets frames to learn from, or what was seen `before` s before each."""
    random = np.random.default_rng([number, 11, ("train", "validation", "held_out").index(split)])
    feeling, intensity = _feeling(random)
    said = line(split, number, feeling, intensity).spoken().padded(0.25, 0.25)
    drawn = np.sort(random.uniform(0, said.seconds, targets))
    times = np.maximum(drawn - before, 0)
    moves = _moves(times, float(drawn[-1]), random)
    shown = _spoken(said, times, feeling, intensity, random)
    shown = np.clip(np.where(_GAZE, 0, shown) + np.maximum(moves.eyes, _lids(targets, random)), 0, 1)
    someone = person(number, split)
    source = someone.codes(head, _portrait(said, random)[None], _pose(random)[None], _camera(random)[None])
    path = portrait(source, head, shown, moves.rotation, moves.translation)
    tokens = audio_tokens(log_mel(said.samples), times)
    return Scene(someone, _joined(source, path), moves, tokens, bool(random.random() < 0.35))


def take(split: Split, number: int, head: HeadModel, said: Speech, times: NDArray[np.float64], felt: Floats) -> Scene:
    """A person speaking `said` before the camera as a film, frames at `times`, feeling codes (N, 53) or (53,).

    The source picture is quiet and neutral, as an identity photograph is.
    """
    random = np.random.default_rng([number, 13, ("train", "validation", "held_out").index(split)])
    moves = head_motion("natural", times, np.zeros(0, np.float32), number)
    speech = mouth(said.phonemes, times)
    shown = compose(speech, np.broadcast_to(felt, speech.shape).astype(np.float32))
    shown = np.clip(shown * ~_GAZE + moves.eyes, 0, 1).astype(np.float32)
    someone = person(number, split)
    source = someone.codes(head, np.zeros((1, len(ARKIT)), np.float32), _pose(random)[None], _camera(random)[None])
    path = portrait(source, head, shown, moves.rotation, moves.translation)
    return Scene(someone, _joined(source, path), moves, audio_tokens(log_mel(said.samples), times), False)


def _joined(source: Codes, path: Codes) -> Codes:
    return source.moved(
        np.concatenate([source.expression, path.expression]),
        np.concatenate([source.rotation, path.rotation]),
        np.concatenate([source.camera, path.camera]),
    )


def _feeling(random: np.random.Generator) -> tuple[str, float]:
    return str(random.choice(EMOTIONS)), float(random.uniform(0, 1))


def _moves(times: NDArray[np.float64], end: float, random: np.random.Generator) -> Motion:
    """Natural motion until `end`, quieter and stronger than usual too; times are far apart, so poses are many."""
    moves = head_motion("natural", np.append(times, end), np.zeros(0, np.float32), int(random.integers(2**31)))
    factor = float(random.uniform(0.3, 1.8))
    return Motion(moves.rotation[:-1] * factor, moves.translation[:-1] * factor, moves.eyes[:-1])


def _spoken(
    said: Speech, times: NDArray[np.float64], feeling: str, intensity: float, random: np.random.Generator
) -> Floats:
    """(K, 53) speech under a feeling; a third of the frames feel something else, so that audio does not decide it."""
    speech = mouth(said.phonemes, times) * np.float32(random.uniform(0.8, 1.25))
    felt = np.empty_like(speech)
    for row in range(len(times)):
        other = random.random() < 0.35
        name, strength = _feeling(random) if other else (feeling, intensity)
        felt[row] = direction(name, float(random.uniform(-0.4, 0.4))) * strength
    return compose(np.clip(speech, 0, 1), felt)


def _lids(count: int, random: np.random.Generator) -> Floats:
    """Blinks (K, 53) in a third of the frames: at their natural rate there would be too few to learn from."""
    closed = np.where(random.random(count) < 0.33, random.uniform(0.15, 1, count), 0)
    return (closed[:, None] * _BLINK).astype(np.float32)


def _portrait(said: Speech, random: np.random.Generator) -> Floats:
    """(53,) what the identity picture shows: mostly quiet faces, some that smile, some caught speaking."""
    name, strength = _feeling(random)
    felt = direction(name, float(random.uniform(-0.3, 0.3))) * strength * float(random.random() < 0.6)
    speech = mouth(said.phonemes, random.uniform(0, said.seconds, 1))[0] * float(random.random() < 0.35)
    return compose(speech[None], felt[None].astype(np.float32))[0]


def _pose(random: np.random.Generator) -> Floats:
    return np.clip(random.normal(0, (0.08, 0.16, 0.05)), -0.4, 0.4).astype(np.float32)


def _camera(random: np.random.Generator) -> Floats:
    scale = SIZE / random.uniform(22, 28)
    shift = SIZE / 2 + random.normal(0, 0.02 * SIZE, 2)
    return np.array([scale, shift[0], shift[1] + 0.6 * scale], np.float32)
