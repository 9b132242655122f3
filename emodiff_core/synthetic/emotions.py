"""Eight emotions as directions in expression space (action units of EMFACS, Ekman and Friesen, as ARKIT codes)."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.phones import codes_of, phones
from emodiff_core.synthetic.speech import Phoneme
from emodiff_core.synthetic.visemes import GRID, lip_gap

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

EMOTIONS = ("neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")
"""The order of every array with an emotion axis."""

DIRECTIONS = np.stack([
    codes_of(),
    codes_of(  # 4 + 5 + 7 + 23
        browDown=0.90, eyeSquint=0.42, eyeWide=0.22, noseSneer=0.34, mouthPress=0.34, mouthFrown=0.30,
        mouthLowerDown=0.10, jawForward=0.16, cheekSquint=0.12,
    ),
    codes_of(  # 12 + 14 on one side, the other brow up
        mouthSmile_L=0.62, mouthDimple_L=0.60, mouthPress_L=0.30, cheekSquint_L=0.30, mouthUpperUp_L=0.16,
        noseSneer_L=0.16, mouthDimple_R=0.10, eyeSquint=0.30, browDown_L=0.36, browOuterUp_R=0.42, mouthLeft=0.10,
    ),
    codes_of(  # 9 + 10 + 17
        noseSneer=0.90, mouthUpperUp=0.36, browDown=0.48, cheekSquint=0.50, eyeSquint=0.44, mouthFrown=0.40,
        mouthShrugLower=0.22,
    ),
    codes_of(  # 1 + 2 + 4 + 5 + 20
        browInnerUp=0.90, browOuterUp=0.28, browDown=0.26, eyeWide=0.90, mouthStretch=0.70, mouthFrown=0.16,
        mouthLowerDown=0.22, jawOpen=0.05,
    ),
    codes_of(  # 6 + 12
        mouthSmile=0.74, cheekSquint=0.78, eyeSquint=0.34, mouthDimple=0.14, mouthUpperUp=0.16, mouthLowerDown=0.10,
        browOuterUp=0.10,
    ),
    codes_of(  # 1 + 4 + 15
        browInnerUp=0.92, browDown=0.14, mouthFrown=0.72, mouthShrugLower=0.30, eyeBlink=0.16, eyeLookDown=0.16,
        eyeSquint=0.14, mouthStretch=0.06, mouthRollLower=0.06,
    ),
    codes_of(  # 1 + 2 + 5 + 26
        browInnerUp=0.96, browOuterUp=0.92, eyeWide=0.78, jawOpen=0.15, mouthFunnel=0.08, mouthUpperUp=0.06,
    ),
])  # fmt: skip
"""(8, 53) at intensity 1 with both sides alike, where the emotion has two sides."""

_LEFT = np.array([n.endswith("_L") for n in ARKIT])
_RIGHT = np.array([n.endswith("_R") for n in ARKIT])
_OTHER_SIDE = {"_L": "_R", "_R": "_L", "Left": "Right", "Right": "Left"}
_MIRROR = np.array([
    ARKIT.index(next((n.removesuffix(a) + b for a, b in _OTHER_SIDE.items() if n.endswith(a)), n)) for n in ARKIT
])  # fmt: skip

_PARTING = codes_of(jawOpen=1, mouthFunnel=1, mouthLowerDown=1, mouthUpperUp=0.7, mouthShrugUpper=1, noseSneer=0.35)
_ROUND = codes_of(mouthPucker=0.7, mouthFunnel=0.5)
_WIDE = codes_of(mouthSmile=0.55, mouthStretch=0.7, mouthDimple=0.6)
_CLOSE, _JAW, _SHRUG = (ARKIT.index(n) for n in ("mouthClose", "jawOpen", "mouthShrugLower"))
_SEEN_OPEN = 0.22
"""Centimetres between the lips from which on emotion may part them as it likes."""


@dataclass(frozen=True)
class Delivery:
    """How emotion is heard: factors on words a minute and mouth amplitude, steps of pitch and lilt, gain in dB."""

    rate: float = 1.0
    pitch: float = 0.0
    lilt: float = 0.0
    gain: float = 0.0
    amplitude: float = 1.0


_DELIVERIES = (
    Delivery(), Delivery(1.12, 8, 25, 5, 1.18), Delivery(0.94, -6, -12, -1, 0.92), Delivery(0.92, -4, 0, 0, 1.04),
    Delivery(1.16, 18, 10, -1, 0.94), Delivery(1.08, 14, 25, 3, 1.12), Delivery(0.82, -8, -25, -5, 0.82),
    Delivery(1.06, 18, 30, 3, 1.14),
)  # fmt: skip


def delivery(emotion: str, intensity: float) -> Delivery:
    """How `emotion` at `intensity` 0 to 1 is spoken."""
    plain, full = astuple(Delivery()), astuple(_DELIVERIES[EMOTIONS.index(emotion)])
    return Delivery(*(rest + intensity * (value - rest) for rest, value in zip(plain, full, strict=True)))


def direction(emotion: str, skew: float = 0.0) -> Floats:
    """(53,) codes of an emotion at intensity 1; skew -1 to 1 moves it to the subject's right or left.

    Contempt is one-sided by nature: a negative skew mirrors it.
    """
    codes = DIRECTIONS[EMOTIONS.index(emotion)]
    if emotion == "contempt":
        return codes[_MIRROR] if skew < 0 else codes.copy()
    return np.clip(codes * (1 + 0.6 * skew * _LEFT - 0.6 * skew * _RIGHT), 0, 1).astype(np.float32)


def compose(speech: Floats, emotion: Floats) -> Floats:
    """Speech codes (N, 53) and emotion codes (N, 53) to what the face shows, in [0, 1].

    A sum, but for two laws: lips that speech closes stay closed, and lips that speech rounds are not pulled wide.
    """
    shut = closedness(speech)[:, None]
    rounded = np.clip(speech @ _ROUND / 0.7, 0, 1)[:, None]
    felt = emotion * (1 - 0.9 * shut * _PARTING) * (1 - rounded * _WIDE)
    total = np.clip(speech + felt, 0, 1)
    excess = np.maximum(lip_gap(total) - np.maximum(lip_gap(speech), -0.05), 0) * shut[:, 0]
    return _sealed(total, excess).astype(np.float32)


def closedness(speech: Floats) -> Floats:
    """1 where speech codes (N, 53) keep the lips together, 0 where they are well apart, smooth between; (N,)."""
    part = np.clip(lip_gap(speech) / _SEEN_OPEN, 0, 1)
    return np.asarray(1 - part * part * (3 - 2 * part), np.float32)


def performance(
    emotion: str, intensity: float, times: Doubles, phonemes: tuple[Phoneme, ...], seed: int, skew: float = 0.0
) -> Floats:
    """Emotion codes (N, 53) as an actor plays them: waxing and waning, with accents on stressed syllables."""
    random = np.random.default_rng([seed, EMOTIONS.index(emotion)])
    last = max([times[-1] if len(times) else 0.0, *(p.end for p in phonemes)]) + 0.5
    grid = np.arange(-0.5, last, 1 / GRID)
    drift = gaussian_filter1d(random.normal(size=len(grid)), 0.7 * GRID) * np.sqrt(0.7 * GRID * 3.54) * 0.06
    accent, voiced = _accents(phonemes, grid)
    level = 0.90 + drift + 0.07 * voiced
    codes = direction(emotion, skew) * level[:, None] + _ACCENTS[EMOTIONS.index(emotion)] * accent[:, None]
    path = np.stack([np.interp(times, grid, c) for c in codes.T], 1)
    return np.clip(intensity * path, 0, 1).astype(np.float32)


_ACCENTS = np.stack([
    codes_of(browInnerUp=0.08, browOuterUp=0.10),
    codes_of(browDown=0.10, noseSneer=0.20, mouthLowerDown=0.10, mouthUpperUp=0.10, eyeWide=0.10),
    codes_of(browOuterUp_R=0.22, mouthSmile_L=0.10),
    codes_of(noseSneer=0.10, mouthUpperUp=0.14, browDown=0.16),
    codes_of(browInnerUp=0.10, eyeWide=0.10, mouthStretch=0.12),
    codes_of(browOuterUp=0.20, browInnerUp=0.08, cheekSquint=0.10, mouthSmile=0.10),
    codes_of(browInnerUp=0.08, browDown=0.14, mouthFrown=0.10),
    codes_of(browOuterUp=0.08, eyeWide=0.16, browInnerUp=0.04),
])  # fmt: skip


def _accents(phonemes: tuple[Phoneme, ...], grid: Doubles) -> tuple[Doubles, Doubles]:
    """Stressed syllables as soft beats, and whether somebody speaks, both (G,) within 0 and about 1."""
    beats, voiced = np.zeros(len(grid)), np.zeros(len(grid))
    for p in phonemes:
        inside = (grid >= p.start) & (grid < p.end)
        voiced[inside] = bool(phones(p.symbol))
        if "ˈ" in p.symbol:
            beats[inside] = 1.0
    return gaussian_filter1d(beats, 0.10 * GRID), gaussian_filter1d(voiced, 0.18 * GRID)


def _sealed(total: Floats, excess: Floats) -> Floats:
    """Undo `excess` centimetres of opening: raise the lower lip, close as far as the jaw allows, then part less."""
    out, left = total.copy(), excess
    for code, per_unit, limit in ((_SHRUG, 0.67, 0.45), (_CLOSE, 3.86, 0.82 * out[:, _JAW] + 0.06)):
        added = np.minimum(left / per_unit, np.clip(limit - out[:, code], 0, None))
        out[:, code] += added
        left = left - per_unit * added
    parting = out * (_PARTING > 0)
    parting[:, _JAW] = 0
    open_by = np.maximum(lip_gap(parting), 1e-6)
    out -= parting * np.clip(left / open_by, 0, 1)[:, None]
    return np.clip(out, 0, 1)
