"""Who says what: sentences in eight languages and voices, split so that no clause and no timbre is in two splits."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from emodiff_core.synthetic.emotions import delivery
from emodiff_core.synthetic.speech import Speech, utterance

Split = Literal["train", "validation", "held_out"]
LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "hi", "nl")

VARIANTS: dict[Split, tuple[str, ...]] = {
    "train": (
        "m1", "m2", "m3", "m5", "m6", "m8", "f1", "f2", "f4", "Alex", "Andrea", "Andy", "Denis", "Gene", "Hugo", "Lee",
        "Marco", "Mario", "Michael", "Mike", "Nguyen", "adam", "anika", "antonio", "belinda", "benjamin", "boris",
        "caleb", "edward", "grandma", "grandpa", "ian", "iven2", "john", "kaukovalta", "linda", "marcelo", "max",
        "norbert", "pablo", "paul", "quincy", "rob", "shelby", "steph", "travis", "whisperf", "zac", "klatt2", "klatt4",
    ),
    "validation": ("m4", "f3", "Annie", "david", "miguel", "steph2"),
    "held_out": ("m7", "f5", "Alicia", "Jacky", "pedro", "robert", "iven3", "klatt3"),
}  # fmt: skip
"""Timbres of espeak-ng by split. Robots, demons and croakers are left out."""

_CLAUSES: dict[Split, slice] = {"train": slice(0, -4), "validation": slice(-4, -2), "held_out": slice(-2, None)}


@dataclass(frozen=True)
class Line:
    """One thing to say and how. emotion and intensity shape the delivery; rate in words a minute, pitch 0 to 99."""

    text: str
    language: str
    voice: str
    variant: str
    rate: int
    pitch: int
    lilt: int
    emotion: str
    intensity: float
    stretch: float

    def spoken(self) -> Speech:
        """The line said, louder or quieter as its emotion is."""
        how = delivery(self.emotion, self.intensity)
        rate, pitch = round(self.rate * how.rate), int(np.clip(self.pitch + how.pitch, 0, 99))
        lilt = int(np.clip(self.lilt + how.lilt, 0, 99))
        speech = utterance(self.text, self.voice, rate, pitch, self.variant, lilt).stretched(self.stretch)
        return Speech(speech.native * np.float32(10 ** (how.gain / 20)), speech.phonemes)


def sentence(language: str, split: Split, random: np.random.Generator) -> str:
    """A sentence of three parts, each from the clauses of its split."""
    parts = _sentences()[language]
    when, what, why = (str(random.choice(parts[k][_CLAUSES[split]])) for k in ("when", "what", "why"))
    joint = random.choice([", ", " ", " "])
    ends = random.choice([".", ".", ".", "!", "?"])
    if language in ("de", "nl"):
        return f"{when} {what}, {why}{ends}"
    return f"{when}{joint}{what}{random.choice([', ', ' '])}{why}{ends}"


def nonsense(language: str, random: np.random.Generator) -> str:
    """Words of the training clauses in any order, some made of two halves: sounds in an order no sentence has.

    A model that hears the same clauses again and again learns them by heart; this it cannot.
    """
    parts = _sentences()[language]
    words = " ".join(c for k in ("when", "what", "why") for c in parts[k][_CLAUSES["train"]]).split()
    chosen = [str(w) for w in random.choice(words, random.integers(6, 12))]
    if language != "hi":
        chosen = [_crossed(w, str(random.choice(words))) if random.random() < 0.4 else w for w in chosen]
    comma = random.integers(2, len(chosen))
    return " ".join(chosen[:comma]) + ", " + " ".join(chosen[comma:]) + "."


def _crossed(first: str, second: str) -> str:
    return first[: (len(first) + 1) // 2] + second[len(second) // 2 :]


def line(split: Split, seed: int, emotion: str = "neutral", intensity: float = 0.0, language: str = "") -> Line:
    """The line number `seed` of a split: the same seed gives the same line. An empty language means any."""
    random = np.random.default_rng([seed, ("train", "validation", "held_out").index(split)])
    chosen = language or str(random.choice(LANGUAGES))
    return Line(
        text=sentence(chosen, split, random),
        language=chosen,
        voice=str(random.choice(_sentences()[chosen]["voices"])),
        variant=str(random.choice(VARIANTS[split])),
        rate=int(np.clip(random.normal(160, 24), 105, 230)),
        pitch=int(np.clip(random.normal(48, 18), 5, 95)),
        lilt=int(np.clip(random.normal(52, 18), 5, 95)),
        emotion=emotion,
        intensity=intensity,
        stretch=float(np.exp(np.clip(random.normal(0, 0.09), -0.22, 0.22))),
    )


@lru_cache(1)
def _sentences() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("sentences.json").read_text("utf8"))
    return found
