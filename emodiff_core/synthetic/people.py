"""Synthetic people: everything that makes one person look like themself, drawn from a seed.

Splits are ranges of seeds, so that nobody is ever in two of them:
train 0 to 899,999; validation 900,000 to 949,999; held_out 950,000 to 999,999.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.flame import HeadModel

Floats = NDArray[np.float32]
Split = Literal["train", "validation", "held_out"]
Colour = tuple[float, float, float]
HairStyle = Literal["bald", "buzz", "short", "quiff", "side", "bangs", "bob", "long", "bun", "curly", "afro"]
Neckline = Literal["crew", "v", "shirt", "turtle", "scoop"]

SPLITS: dict[Split, tuple[int, int]] = {
    "train": (0, 900_000),
    "validation": (900_000, 950_000),
    "held_out": (950_000, 1_000_000),
}
SHAPE_LIMIT = 1.6

_SKINS = (
    (232, 198, 178), (226, 184, 160), (214, 166, 138), (196, 146, 114),
    (176, 123, 90), (140, 94, 67), (104, 68, 49), (76, 50, 38),
)  # fmt: skip
_HAIRS = (
    (18, 15, 14), (32, 24, 20), (52, 36, 26), (78, 52, 34), (112, 76, 46),
    (158, 116, 70), (196, 160, 106), (128, 58, 28), (150, 146, 142), (214, 210, 204),
)  # fmt: skip
_IRISES = ((44, 28, 18), (70, 45, 26), (96, 70, 42), (98, 92, 62), (88, 104, 92), (92, 114, 132), (118, 128, 134))
_MALE_STYLES: tuple[HairStyle, ...] = ("bald", "buzz", "short", "quiff", "side", "curly", "afro", "long")
_FEMALE_STYLES: tuple[HairStyle, ...] = ("long", "bob", "bangs", "bun", "curly", "side", "short", "afro")


@dataclass(frozen=True)
class Person:
    """One synthetic person. Colours are sRGB 0 to 1; amounts are 0 to 1 unless said otherwise."""

    seed: int
    feminine: float
    age: float  # 0 is twenty, 1 is eighty
    tone: float  # 0 is the lightest skin
    skin: Colour
    ruddy: float
    freckles: float
    blemishes: float
    pores: float
    lip: Colour
    makeup: float
    brow: Colour
    brow_density: float
    brow_width: float
    lash: float
    stubble: float
    moustache: float
    beard: float
    hair_style: HairStyle
    hair: Colour
    hair_volume: float
    hair_part: float
    wave: float
    glasses: bool
    glasses_colour: Colour
    iris: Colour
    pupil: float
    teeth: Colour
    tooth_gap: float
    cloth: Colour
    neckline: Neckline

    def rng(self, what: str) -> np.random.Generator:
        """A generator of this person's own for one purpose; the same at every size and in every process."""
        return np.random.default_rng([self.seed, *what.encode()])

    def shape(self, head: HeadModel) -> Floats:
        """Identity coefficients (S,) on a head, clipped: unclipped mixes give monsters."""
        drawn = self.rng("shape").standard_normal(head.shape_basis.shape[0])
        return np.clip(drawn * 0.85, -SHAPE_LIMIT, SHAPE_LIMIT).astype(np.float32)

    def codes(self, head: HeadModel, expression: Floats, rotation: Floats, camera: Floats) -> Codes:
        """Codes of this person: expression (N, E), rotation (N, 3), camera (N, 3); see codes.Codes."""
        n = len(expression)
        return Codes(
            head=head.name,
            shape=self.shape(head),
            expression=expression.astype(np.float32),
            rotation=np.broadcast_to(rotation, (n, 3)).astype(np.float32),
            camera=np.broadcast_to(camera, (n, 3)).astype(np.float32),
            residual=np.zeros((468, 3), np.float32),
            sigma=np.zeros_like(expression, dtype=np.float32),
        )


def person(number: int, split: Split = "train") -> Person:
    """The person of a number in a split. Raises ValueError where the split has no such number."""
    low, high = SPLITS[split]
    if not 0 <= number < high - low:
        raise ValueError(f"{split} has people 0 to {high - low - 1}, not {number}")
    return draw(low + number)


def draw(seed: int) -> Person:
    """A person from a seed alone."""
    rng = np.random.default_rng([seed, 7])
    feminine = float(rng.random() < 0.5)
    age = float(np.clip(rng.beta(1.3, 2.2), 0, 1))
    tone = float(rng.random())
    hair = _hair_colour(rng, tone, age)
    skin = _between(_SKINS, tone, rng.normal(0, 0.012, 3))
    male = feminine < 0.5
    facial = rng.random(3) if male else np.ones(3)
    makeup = float(rng.random() ** 1.5) * (not male)
    return Person(
        seed=seed,
        feminine=feminine,
        age=age,
        tone=tone,
        skin=skin,
        ruddy=float(rng.uniform(0.3, 1)),
        freckles=float((rng.random() < 0.25) * rng.uniform(0.3, 1) * (tone < 0.5)),
        blemishes=float(rng.random() ** 2),
        pores=float(rng.uniform(0.3, 1)),
        lip=_lip_colour(rng, skin, makeup),
        makeup=makeup,
        brow=_mix(hair, (0.14, 0.1, 0.08), 0.4),
        brow_density=float(rng.uniform(0.5, 1) + 0.1 * male),
        brow_width=float(rng.uniform(0.6, 0.9) + 0.2 * male),
        lash=float(rng.uniform(0.35, 0.7) + 0.3 * (not male)),
        stubble=float((facial[0] < 0.55) * rng.uniform(0.15, 1)) * male,
        moustache=float((facial[1] < 0.25) * rng.uniform(0.5, 1)) * male,
        beard=float((facial[2] < 0.25) * rng.uniform(0.5, 1)) * male,
        hair_style=_style(rng, male, age, tone),
        hair=hair,
        hair_volume=float(rng.uniform(0.5, 1)),
        hair_part=float(rng.uniform(-0.6, 0.6)),
        wave=float(rng.random()),
        glasses=bool(rng.random() < 0.16),
        glasses_colour=_between(((20, 18, 18), (60, 34, 22), (120, 110, 90), (40, 50, 80)), rng.random(), np.zeros(3)),
        iris=_iris(rng, tone),
        pupil=float(rng.uniform(0.3, 0.45)),
        teeth=_between(
            ((242, 236, 224), (232, 220, 196), (214, 196, 160)), 0.6 * rng.random() + 0.4 * age, np.zeros(3)
        ),
        tooth_gap=float(rng.random()),
        cloth=_cloth(rng),
        neckline=("crew", "v", "shirt", "turtle", "scoop")[int(rng.integers(0, 5))],
    )


def _between(stops: tuple[tuple[int, int, int], ...], where: float, jitter: NDArray[np.float64]) -> Colour:
    table = np.array(stops) / 255
    at = float(np.clip(where, 0, 1)) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    red, green, blue = np.clip(table[low] + (table[low + 1] - table[low]) * (at - low) + jitter, 0, 1)
    return float(red), float(green), float(blue)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _hair_colour(rng: np.random.Generator, tone: float, age: float) -> Colour:
    dark = 0.35 if tone > 0.5 else 0.9
    red, green, blue = (np.array(_HAIRS[int(rng.integers(0, max(2, int(8 * dark))))]) / 255).tolist()
    grey = float(np.clip((age - 0.5) * 2.4 + rng.normal(0, 0.15), 0, 1))
    silver = (np.array(_HAIRS[int(rng.integers(8, 10))]) / 255).tolist()
    return _mix((red, green, blue), (silver[0], silver[1], silver[2]), grey)


def _lip_colour(rng: np.random.Generator, skin: Colour, makeup: float) -> Colour:
    red, green, blue = skin
    bare = (red * 0.86, green * 0.62, blue * 0.64)
    paints = ((0.72, 0.16, 0.2), (0.62, 0.2, 0.28), (0.78, 0.36, 0.36), (0.5, 0.14, 0.2), (0.75, 0.42, 0.38))
    return _mix(bare, paints[int(rng.integers(0, len(paints)))], 0.6 * makeup)


def _style(rng: np.random.Generator, male: bool, age: float, tone: float) -> HairStyle:
    if male and rng.random() < 0.12 + 0.3 * age:
        return "bald" if rng.random() < 0.5 else "buzz"
    style = (_MALE_STYLES if male else _FEMALE_STYLES)[int(rng.integers(0, 8))]
    return "curly" if style == "afro" and tone < 0.55 else style


def _iris(rng: np.random.Generator, tone: float) -> Colour:
    light = rng.random() if tone < 0.45 else 0.35 * rng.random()
    return _between(_IRISES, light, rng.normal(0, 0.01, 3))


def _cloth(rng: np.random.Generator) -> Colour:
    import colorsys

    return colorsys.hsv_to_rgb(rng.random(), float(rng.random() ** 2 * 0.65), float(rng.uniform(0.08, 0.85)))
