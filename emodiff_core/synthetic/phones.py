"""Where a mouth goes for each sound: IPA letters to targets in the project's 53 expression codes.

Targets are for a relaxed voice on a head whose jawOpen 1 parts the lips by 3.2 cm (ICT-FaceKit's scale).
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT

Floats = NDArray[np.float32]


def codes_of(**values: float) -> Floats:
    """A (53,) vector from names; a name without side sets both sides."""
    out = np.zeros(len(ARKIT), np.float32)
    for name, value in values.items():
        sides = [name] if name in ARKIT else [f"{name}_L", f"{name}_R"]
        for side in sides:
            out[ARKIT.index(side)] = value
    return out


@dataclass(frozen=True)
class Phone:
    """One sound. target (53,); strength of its hold on the mouth; closure 0 to 1 of the lips, 1 touches;
    vowel sounds carry stress and loudness in the jaw."""

    target: Floats = field(repr=False)
    strength: float
    closure: float = 0.0
    vowel: bool = False


def _vowel(**values: float) -> Phone:
    return Phone(codes_of(**values), strength=1.0, vowel=True)


def _consonant(strength: float = 0.7, closure: float = 0.0, **values: float) -> Phone:
    return Phone(codes_of(**values), strength, closure)


_LIPS = _consonant(1.6, 1.0, jawOpen=0.05, mouthPress=0.30, mouthRollUpper=0.06, mouthRollLower=0.10)
_TEETH_ON_LIP = _consonant(1.4, 0.8, jawOpen=0.05, mouthRollLower=0.32, mouthUpperUp=0.14, mouthStretch=0.05)
_HUSH = _consonant(1.1, jawOpen=0.05, mouthFunnel=0.30, mouthPucker=0.30, mouthLowerDown=0.16, mouthUpperUp=0.10)
_HISS = _consonant(0.9, jawOpen=0.035, mouthStretch=0.14, mouthLowerDown=0.24, mouthUpperUp=0.10)
_TIP = _consonant(0.6, jawOpen=0.07, mouthLowerDown=0.16, mouthUpperUp=0.06)
_BETWEEN_TEETH = _consonant(0.8, jawOpen=0.09, mouthLowerDown=0.16, mouthUpperUp=0.06)
_SIDE = _consonant(0.6, jawOpen=0.11, mouthLowerDown=0.13)
_BACK = _consonant(0.45, jawOpen=0.10, mouthLowerDown=0.09)
_ROUND_R = _consonant(0.8, jawOpen=0.07, mouthPucker=0.32, mouthFunnel=0.16)
_GLIDE_W = _consonant(1.3, jawOpen=0.04, mouthPucker=0.75, mouthFunnel=0.08)
_GLIDE_Y = _consonant(1.2, jawOpen=0.05, mouthPucker=0.60, mouthFunnel=0.15)
_GLIDE_J = _consonant(0.7, jawOpen=0.06, mouthStretch=0.16, mouthSmile=0.14, mouthLowerDown=0.16)
_BREATH = _consonant(0.2, jawOpen=0.10)

_A = _vowel(jawOpen=0.31, mouthLowerDown=0.10, mouthUpperUp=0.06, mouthStretch=0.04)
_AE = _vowel(jawOpen=0.27, mouthLowerDown=0.17, mouthUpperUp=0.11, mouthStretch=0.15)
_OPEN_E = _vowel(jawOpen=0.19, mouthLowerDown=0.18, mouthUpperUp=0.09, mouthStretch=0.16, mouthSmile=0.05)
_E = _vowel(jawOpen=0.13, mouthLowerDown=0.18, mouthUpperUp=0.08, mouthStretch=0.18, mouthSmile=0.10)
_I = _vowel(jawOpen=0.06, mouthLowerDown=0.20, mouthUpperUp=0.08, mouthStretch=0.20, mouthSmile=0.18)
_SMALL_I = _vowel(jawOpen=0.10, mouthLowerDown=0.15, mouthUpperUp=0.06, mouthStretch=0.12, mouthSmile=0.08)
_SCHWA = _vowel(jawOpen=0.14, mouthLowerDown=0.09, mouthUpperUp=0.04)
_UH = _vowel(jawOpen=0.23, mouthLowerDown=0.10, mouthUpperUp=0.05)
_ER = _vowel(jawOpen=0.13, mouthPucker=0.18, mouthFunnel=0.12, mouthLowerDown=0.06)
_U = _vowel(jawOpen=0.06, mouthPucker=0.70, mouthFunnel=0.18)
_SMALL_U = _vowel(jawOpen=0.10, mouthPucker=0.42, mouthFunnel=0.18)
_O = _vowel(jawOpen=0.15, mouthPucker=0.48, mouthFunnel=0.26)
_OPEN_O = _vowel(jawOpen=0.21, mouthPucker=0.22, mouthFunnel=0.28)
_ROUND_A = _vowel(jawOpen=0.26, mouthPucker=0.10, mouthFunnel=0.18)
_Y = _vowel(jawOpen=0.06, mouthPucker=0.62, mouthFunnel=0.18)
_OE = _vowel(jawOpen=0.15, mouthPucker=0.38, mouthFunnel=0.26)

REST = Phone(np.zeros(len(ARKIT), np.float32), strength=1.0)

_LETTERS: dict[str, Phone] = {
    letter: phone
    for letters, phone in (
        ("pbmɓ", _LIPS), ("fvɱβɸ", _TEETH_ON_LIP), ("ʃʒɕʑʂʐ", _HUSH), ("szɬɮ", _HISS),
        ("tdnɾɗʈɖɳɽ", _TIP), ("θð", _BETWEEN_TEETH), ("lɭɫʎ", _SIDE), ("kɡgŋxɣqχcɟɲçʝɴ", _BACK),
        ("ɹɻ", _ROUND_R), ("rʁʀ", _BACK), ("wʍʋ", _GLIDE_W), ("ɥ", _GLIDE_Y), ("jʲ", _GLIDE_J), ("hɦʔʕħʰ", _BREATH),
        ("aɑ", _A), ("æ", _AE), ("ɛ", _OPEN_E), ("e", _E), ("iɨ", _I), ("ɪᵻ", _SMALL_I), ("əɘɐ", _SCHWA), ("ʌ", _UH),
        ("ɚɝɜ", _ER), ("uɯʉ", _U), ("ʊɤ", _SMALL_U), ("o", _O), ("ɔ", _OPEN_O), ("ɒ", _ROUND_A), ("yʏ", _Y),
        ("øœɵ", _OE),
    )
    for letter in letters
}  # fmt: skip


@lru_cache(4096)
def phones(symbol: str) -> tuple[tuple[Phone, float], ...]:
    """The sounds of an IPA symbol with their shares of its time: `aɪ` is two, `m` one, a pause none."""
    known = [_LETTERS[c] for c in symbol if c in _LETTERS]
    weights = [1.3 if p.vowel else 0.8 for p in known]
    return tuple((p, w / sum(weights)) for p, w in zip(known, weights, strict=True))


def stress(symbol: str) -> float:
    """How much of its target a vowel reaches: stressed syllables open wider."""
    return 1.12 if "ˈ" in symbol else 0.98 if "ˌ" in symbol else 0.85


SPEECH_CODES = tuple(
    name for i, name in enumerate(ARKIT) if name == "mouthClose" or any(p.target[i] for p in _LETTERS.values())
)
"""The codes that speech moves."""
