"""A short film of two people with its sound: cuts, a two-shot, a shot without a face, a turn, a hand over the mouth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.flame import HeadModel
from emodiff_core.synthetic.motion import head_motion
from emodiff_core.synthetic.people import Person, draw
from emodiff_core.synthetic.render import Size
from emodiff_core.synthetic.scenes import Role, Scene, Shot, play
from emodiff_core.synthetic.speech import NATIVE_RATE, SILENCE, Speech, utterance
from emodiff_core.synthetic.visemes import mouth

Floats = NDArray[np.float32]

PROFILE = 1.35
"""Radians that the turning head turns away."""


@dataclass(frozen=True)
class Scripted:
    """One shot of the film. who: 0 the speaker, 1 the listener, left to right, nobody where it is empty; lasts:
    seconds; act: still, turn or hand, of the first of them; close: width of a head over the picture's height; pan: of
    the camera, widths of the picture a second; side: to which a head turns, 1 or -1; mute: the speaker keeps the mouth
    shut while the film's voice goes on, somebody's who is not in the picture."""

    who: tuple[int, ...]
    lasts: float
    act: str = "still"
    close: float = 0.45
    pan: float = 0.0
    side: float = 1.0
    mute: bool = False


SCRIPT = (
    Scripted((0,), 2.4, pan=0.05),
    Scripted((1,), 1.2),
    Scripted((0, 1), 2.4, close=0.34),
    Scripted((), 1.2, pan=0.08),
    Scripted((0,), 3.2, act="turn"),
    Scripted((0,), 2.6, act="hand", close=0.62),
)
_EMPTY = draw(21)
"""Whose room the shot without a face shows."""
LINES = ("We were going to leave before the storm. They said the bridge", "was closed", "and nobody told us about it.")


@dataclass(frozen=True)
class Film:
    """scene: its frames and points; times: (N,) seconds; who: for every frame whose points they are, in their order;
    speech: of person 0, as long as the picture; turned: (N,) radians of the first head; hidden: (N,) 0 to 1, how far a
    hand is before its mouth."""

    scene: Scene
    times: NDArray[np.float64]
    who: tuple[tuple[int, ...], ...]
    speech: Speech
    turned: Floats
    hidden: Floats


def film(
    people: tuple[Person, Person],
    head: HeadModel,
    size: Size,
    rate: float = 25.0,
    script: tuple[Scripted, ...] = SCRIPT,
) -> Film:
    """The script played by two people in pictures of size (height, width), rate frames a second.

    Person 0 speaks in shots 1 to 3 and 5, person 1 never does; both breathe, blink and look around.
    """
    counts = [round(one.lasts * rate) for one in script]
    times = np.arange(sum(counts)) / rate
    speech = _spoken(float(times[-1] + 1 / rate))
    words = mouth(speech.phonemes, times)
    energy = np.array([_voiced(speech, t / 100) for t in range(int(times[-1] * 100) + 1)], np.float32)
    shots: list[Shot] = []
    turned: list[float] = []
    hidden: list[float] = []
    who: list[tuple[int, ...]] = []
    for k, (one, count) in enumerate(zip(script, counts, strict=True)):
        rows = slice(len(turned), len(turned) + count)
        away, up = _act(one.act, count)
        away = (one.side * away).astype(np.float32)
        said = words[rows] * (not one.mute)
        shots.append(_shot(one, people, size, times[rows], said, energy, away, up, k))
        turned += away.tolist()
        hidden += up.tolist()
        who += [one.who] * count
    scene = play(tuple(shots), head, size)
    return Film(scene, times, tuple(who), speech, np.array(turned, np.float32), np.array(hidden, np.float32))


def _spoken(seconds: float) -> Speech:
    """The lines with a pause between each two, and silence to the end."""
    said = [utterance(text, "en-us", 165, 45, "m7") for text in LINES]
    whole = said[0].padded(0.3, 0.1).then(said[1].padded(0.0, 2.6)).then(said[2].padded(0.0, 0.0))
    return whole.padded(0.0, max(0.05, seconds - whole.seconds)) if whole.seconds < seconds else whole


def _voiced(speech: Speech, at: float) -> float:
    return float(any(p.start <= at < p.end and p.symbol != SILENCE for p in speech.phonemes))


def _act(name: str, count: int) -> tuple[Floats, Floats]:
    """Turn of the first head (N,) in radians, and how far its hand is up (N,)."""
    t = np.linspace(0, 1, count)
    there = np.clip(np.minimum(t - 0.15, 0.85 - t) / 0.22, 0, 1)
    wave = (there * there * (3 - 2 * there)).astype(np.float32)
    none = np.zeros(count, np.float32)
    return {"turn": (PROFILE * wave, none), "hand": (none, wave)}.get(name, (none, none))


def _shot(
    one: Scripted,
    people: tuple[Person, Person],
    size: Size,
    times: NDArray[np.float64],
    words: Floats,
    energy: Floats,
    away: Floats,
    up: Floats,
    number: int,
) -> Shot:
    height, width = size
    clock = np.arange(len(times)) * (times[1] - times[0] if len(times) > 1 else 0)
    scale = one.close * height / 15.0
    roles = []
    for place, index in enumerate(one.who):
        first = place == 0
        motion = head_motion("natural", times, energy if index == 0 else energy[:0], seed=100 * number + index)
        expression = motion.eyes + (words if index == 0 else 0)
        expression[:, [ARKIT.index("mouthSmile_L"), ARKIT.index("mouthSmile_R")]] += 0.1 * index
        toward = (0.35 if first else -0.35) * (len(one.who) > 1)
        rotation = motion.rotation + np.array([0.04, toward, 0], np.float32)
        rotation[:, 1] += away if first else 0
        aside = 0.04 * width * (-1) ** (number + 1) if len(one.who) == 1 else 0.0
        x = width * (place + 1) / (len(one.who) + 1) + aside
        spot = np.column_stack([motion.translation[:, 0], -motion.translation[:, 1]]) * scale + (x, 0.47 * height)
        at = np.column_stack([np.full(len(times), scale), spot]).astype(np.float32)
        roles.append(Role(people[index], np.clip(expression, 0, 1), rotation, at, up if first and up.any() else None))
    random = np.random.default_rng(number)
    shake = np.cumsum(random.normal(0, 0.05, (len(times), 2)), 0)
    pan = shake + np.column_stack([one.pan * width * clock, np.zeros(len(times))])
    return Shot(tuple(roles), pan.astype(np.float32), _EMPTY if not one.who else people[one.who[0]])


def sound(made: Film) -> Floats:
    """(n,) float32 at NATIVE_RATE, exactly as long as the picture."""
    step = made.times[1] - made.times[0]
    samples = np.zeros(round((made.times[-1] + step) * NATIVE_RATE), np.float32)
    count = min(len(samples), len(made.speech.native))
    samples[:count] = made.speech.native[:count]
    return samples
