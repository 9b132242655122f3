"""What the emotion model learns from: synthetic speech with the mouth and the feeling that belong to them."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from emodiff_core.audio import ROWS, speech_activity
from emodiff_core.synthetic.acoustics import RATE, levelled, recorded
from emodiff_core.synthetic.corpus import Line, Split, line, nonsense, sentence
from emodiff_core.synthetic.emotions import EMOTIONS, delivery, performance
from emodiff_core.synthetic.flite import HELD_OUT, VOICES, flite
from emodiff_core.synthetic.phones import phones
from emodiff_core.synthetic.speech import Phoneme, Speech
from emodiff_core.synthetic.visemes import Style, closure, mouth
from emodiff_core.training.emotion.ear import Ear

Floats = NDArray[np.float32]
Microphone = Callable[[Floats, np.random.Generator, Floats], Floats]


@dataclass(frozen=True)
class Clip:
    """One recording of M rows, M a multiple of 4, 100 a second.

    sound (M, bins) as its ear hears it; other (M, bins) the same speech by another microphone; activity (M,) of
    `sound`; mouth (M, 53); shut (M,) how far p, b, m, f, v close the lips; sealed (M,) 1 while a p, b or m holds them;
    silent (M,) 1 well away from any sound; feeling (M / 4, 53) of the emotion at intensity 1; emotion (1,) its index.
    """

    sound: Floats
    other: Floats
    activity: Floats
    mouth: Floats
    shut: Floats
    sealed: Floats
    silent: Floats
    feeling: Floats
    emotion: NDArray[np.int64]


Maker = Callable[..., Clip]
"""Of a split, a number and an `ear`."""
MEL = Ear()


def clip(split: Split, seed: int, ear: Ear = MEL) -> Clip:
    """Clip number `seed` of a split: one or two lines, half of them without emotion, recorded twice."""
    random = np.random.default_rng([seed, 77, ("train", "validation", "held_out").index(split)])
    emotion = "neutral" if random.random() < 0.5 else str(random.choice(EMOTIONS[1:]))
    intensity = float(random.uniform(0.3, 1.0)) if emotion != "neutral" else 0.0
    speech = _spaced(line(split, seed, emotion, intensity), split, seed, random)
    return _clip(speech, emotion, intensity, seed, recorded, random, ear)


def nonsense_clip(split: Split, seed: int, ear: Ear = MEL) -> Clip:
    """Like `clip`, but what is said has no sense: training only, whatever the split."""
    random = np.random.default_rng([seed, 80])
    emotion, intensity = ("neutral", 0.0) if random.random() < 0.5 else (str(random.choice(EMOTIONS[1:])), 0.7)
    said = line("train", seed + 2_000_000, emotion, intensity)
    speech = (
        replace(said, text=nonsense(said.language, random)).spoken().padded(*random.uniform([0.1, 0.15], [0.8, 0.8]))
    )
    return _clip(speech, emotion, intensity, seed, recorded, random, ear)


def studio_clip(split: Split, seed: int, ear: Ear = MEL) -> Clip:
    """Clip number `seed` as a dubbing studio delivers it: one line, near the microphone, no room, no noise."""
    random = np.random.default_rng([seed, 79])
    speech = line(split, seed).spoken().padded(*random.uniform([0.2, 0.2], [0.6, 0.6]))
    return _clip(speech, "neutral", 0.0, seed, _near, random, ear)


def recorded_clip(split: Split, seed: int, ear: Ear = MEL) -> Clip:
    """Clip number `seed` by one of Flite's recorded voices, in English and without emotion; held out is another man."""
    random = np.random.default_rng([seed, 78, ("train", "validation", "held_out").index(split)])
    voice = str(random.choice(VOICES)) if split == "train" else HELD_OUT
    speech = flite(sentence("en", split, random), voice, float(random.uniform(0.85, 1.2)))
    wide = 0.06 if split == "train" else 0.0
    speech = speech.stretched(float(np.exp(random.normal(0, wide)))).padded(*random.uniform([0.1, 0.15], [0.8, 0.8]))
    return _clip(speech, "neutral", 0.0, seed, recorded if split == "train" else _near, random, ear)


def _clip(
    speech: Speech,
    emotion: str,
    intensity: float,
    seed: int,
    microphone: Microphone,
    random: np.random.Generator,
    ear: Ear,
) -> Clip:
    times = np.arange(round(speech.seconds * ROWS) // 4 * 4) / ROWS
    sound, other, activity = _heard(speech, len(times), microphone, random, ear)
    style = Style().louder(delivery(emotion, intensity).amplitude)
    return Clip(
        sound=sound,
        other=other,
        activity=activity,
        mouth=mouth(speech.phonemes, times, style),
        shut=closure(speech.phonemes, times),
        sealed=_marked(speech.phonemes, times, _seals, 0.0),
        silent=1 - _marked(speech.phonemes, times, lambda p: bool(phones(p.symbol)), 0.15),
        feeling=performance(emotion, 1.0, times[::4] + 0.015, speech.phonemes, seed),
        emotion=np.array([EMOTIONS.index(emotion)]),
    )


def clips(
    split: Split, count: int, cache: Path | None = None, processes: int = 1, make: Maker = clip, ear: Ear = MEL
) -> list[Clip]:
    """The first `count` clips of a split, kept in the folder `cache` in half precision where one is given."""
    kind = ("" if make is clip else f"{make.__name__}-") + (f"{ear.digest[:12]}-" if ear.digest else "")
    path = cache / f"{kind}{split}-{count}.safetensors" if cache else None
    if path and path.exists():
        return _unpacked(load_file(path))
    made = _made(make, split, count, processes, ear)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        save_file(_packed(made), part)
        part.replace(path)
        return _unpacked(load_file(path))
    return made


def _made(make: Maker, split: Split, count: int, processes: int, ear: Ear) -> list[Clip]:
    one = partial(make, split, ear=ear)
    if processes == 1:
        return [one(seed) for seed in range(count)]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        return list(pool.map(one, range(count), chunksize=16))


def _spaced(said: Line, split: Split, seed: int, random: np.random.Generator) -> Speech:
    before, pause, after = random.uniform([0.1, 0.25, 0.15], [0.8, 1.2, 0.8])
    speech = said.spoken()
    if random.random() < 0.4:
        more = line(split, seed + 500_000, said.emotion, said.intensity, said.language)
        again = replace(said, text=more.text).spoken()
        speech = speech.padded(0, pause).then(again)
    return speech.padded(before, after)


def _near(samples: Floats, random: np.random.Generator, babble: Floats) -> Floats:
    return levelled(samples.astype(np.float64), -22).astype(np.float32)


def _heard(
    speech: Speech, rows: int, microphone: Microphone, random: np.random.Generator, ear: Ear
) -> tuple[Floats, Floats, Floats]:
    samples = speech.samples[: rows * RATE // ROWS]
    babble = np.roll(samples, len(samples) // 3)[::-1]
    first, second = microphone(samples, random, babble), microphone(samples, random, babble)
    return ear.rows(first)[:rows], ear.rows(second)[:rows], speech_activity(first)


def _seals(phoneme: Phoneme) -> bool:
    return any(p.closure == 1 for p, _ in phones(phoneme.symbol)) and phoneme.end - phoneme.start >= 0.03


def _marked(
    phonemes: tuple[Phoneme, ...], times: NDArray[np.float64], which: Callable[[Phoneme], bool], margin: float
) -> Floats:
    """1 at times within `margin` of a phoneme that is meant, (N,)."""
    out = np.zeros(len(times), np.float32)
    for phoneme in phonemes:
        if which(phoneme):
            out[(times >= phoneme.start - margin) & (times <= phoneme.end + margin)] = 1
    return out


def _packed(made: list[Clip]) -> dict[str, NDArray[np.generic]]:
    """All clips end to end; `length` holds the rows of each."""
    packed: dict[str, NDArray[np.generic]] = {"length": np.array([len(c.sound) for c in made])}
    for f in fields(Clip):
        whole = np.concatenate([getattr(c, f.name) for c in made])
        packed[f.name] = whole if f.name == "emotion" else whole.astype(np.float16)
    return packed


def _unpacked(packed: dict[str, NDArray[np.generic]]) -> list[Clip]:
    lengths = packed["length"].astype(np.int64)
    ends = {"feeling": np.cumsum(lengths // 4), "emotion": np.arange(1, len(lengths) + 1)}
    parts = {f.name: np.split(packed[f.name], ends.get(f.name, np.cumsum(lengths))[:-1]) for f in fields(Clip)}
    return [Clip(**{name: values[i] for name, values in parts.items()}) for i in range(len(lengths))]
