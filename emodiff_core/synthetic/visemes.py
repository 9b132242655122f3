"""Phonemes with times to mouth codes, with co-articulation (dominance functions of Cohen and Massaro, 1993)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.phones import REST, Phone, codes_of, phones, stress
from emodiff_core.synthetic.speech import Phoneme

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

GRID = 200
"""Rows a second of the inner trajectory; faster than any muscle, so that every picture rate reads the same curve."""

OPENING = codes_of(
    jawOpen=3.16, mouthClose=-3.86, mouthFunnel=1.35, mouthLowerDown=0.324, mouthUpperUp=0.364, noseSneer=0.324,
    mouthShrugUpper=0.54, mouthShrugLower=-0.67, mouthRollLower=-0.36, mouthPress=-0.13, jawForward=0.12,
)  # fmt: skip
"""(53,) centimetres between the lips per unit of each code, measured on ICT-FaceKit's mean head (points 13 and 14)."""

_PARTING = np.flatnonzero(codes_of(mouthFunnel=1, mouthLowerDown=1, mouthUpperUp=1, mouthShrugUpper=1, noseSneer=1))
_JAW, _CLOSE = ARKIT.index("jawOpen"), ARKIT.index("mouthClose")
_ROUNDING = codes_of(mouthPucker=1, mouthFunnel=1) > 0
_SPREADING = codes_of(mouthStretch=1, mouthSmile=1) > 0
_CLOSE_PER_JAW = 0.82
"""mouthClose that undoes one unit of jawOpen: 3.16 / 3.86."""


@dataclass(frozen=True)
class Style:
    """How one speaker moves: factors on amplitude, jaw, rounding, spreading; asymmetry -0.3 to 0.3, left stronger."""

    amplitude: float = 1.0
    jaw: float = 1.0
    rounding: float = 1.0
    spreading: float = 1.0
    asymmetry: float = 0.0

    @staticmethod
    def draw(random: np.random.Generator) -> "Style":
        """A speaker by chance, within what looks ordinary."""
        a, j, r, s = np.clip(random.normal(1, [0.10, 0.12, 0.12, 0.15]), 0.7, 1.35)
        return Style(float(a), float(j), float(r), float(s), float(np.clip(random.normal(0, 0.06), -0.2, 0.2)))

    def louder(self, factor: float) -> "Style":
        """The same articulation, wider by a factor."""
        return replace(self, amplitude=self.amplitude * factor)


@dataclass(frozen=True)
class _Sound:
    phone: Phone
    start: float
    end: float
    reach: float


def mouth(phonemes: Sequence[Phoneme], times: Doubles, style: Style | None = None) -> Floats:
    """Codes (N, 53) at times (N,) in seconds; zeros at rest. p, b and m bring the lips together."""
    grid, sounds = _grid(phonemes), _sounds(phonemes)
    codes = gaussian_filter1d(_spoken(sounds, grid) * _gains(style or Style()), 0.016 * GRID, axis=0)
    shut = close_lips(codes.astype(np.float32), _closure(sounds, grid))
    return np.clip(_at(grid, shut, times), 0, 1)


def closure(phonemes: Sequence[Phoneme], times: Doubles) -> Floats:
    """How far p, b, m, f and v shut the lips (N,) at times (N,): 1 touches."""
    grid = _grid(phonemes)
    return _at(grid, _closure(_sounds(phonemes), grid), times)


def lip_gap(codes: Floats) -> Floats:
    """Centimetres (N,) between the lips of codes (N, 53), 0 at rest; negative where they press."""
    return (codes @ OPENING).astype(np.float32)


def close_lips(codes: Floats, closed: Floats) -> Floats:
    """Codes (N, 53) with the lips together where closed (N,) is 1: parting shapes fade, mouthClose meets the jaw."""
    out = codes.copy()
    out[:, _PARTING] *= 1 - closed[:, None]
    out[:, _CLOSE] = np.maximum(out[:, _CLOSE], closed * _CLOSE_PER_JAW * out[:, _JAW])
    return out


def _grid(phonemes: Sequence[Phoneme]) -> Doubles:
    return np.arange(-0.5, max([p.end for p in phonemes], default=0.0) + 0.5, 1 / GRID)


def _at(grid: Doubles, rows: Floats, times: Doubles) -> Floats:
    inside = np.clip(times, grid[0], grid[-1])
    return np.asarray(CubicSpline(grid, rows, axis=0)(inside), np.float32)


def _sounds(phonemes: Sequence[Phoneme]) -> list[_Sound]:
    out: list[_Sound] = []
    for phoneme in phonemes:
        parts = phones(phoneme.symbol) or ((REST, 1.0),)
        at, length = phoneme.start, phoneme.end - phoneme.start
        for phone, share in parts:
            reach = stress(phoneme.symbol) if phone.vowel else 1.0
            out.append(_Sound(phone, at, at + share * length, reach))
            at += share * length
    return out


_SPREAD = {False: (0.050, 0.060), True: (0.110, 0.080)}
"""Seconds of anticipation and of carry-over: other channels, rounding (lips round well before the sound)."""
_REST_SPREAD = (0.035, 0.040)


def _spoken(sounds: list[_Sound], grid: Doubles) -> Doubles:
    """Weighted means of targets (G, 53), rounding channels with their own wider dominance."""
    out = np.zeros((len(grid), len(ARKIT)))
    targets = np.stack([s.phone.target * s.reach for s in sounds]) if sounds else np.zeros((0, len(ARKIT)))
    for rounding in (False, True):
        weight = np.full((len(grid), 1), 0.02)
        total = np.zeros((len(grid), len(ARKIT)))
        for sound, target in zip(sounds, targets, strict=True):
            near = _near(sound, grid)
            hold = _dominance(sound, grid[near], rounding)[:, None]
            weight[near] += hold
            total[near] += hold * target
        out[:, rounding == _ROUNDING] = (total / weight)[:, rounding == _ROUNDING]
    return out


_FAR = 0.6


def _near(sound: _Sound, grid: Doubles) -> slice:
    """Where a sound can be felt at all."""
    low, high = np.searchsorted(grid, [sound.start - _FAR, sound.end + _FAR])
    return slice(int(low), int(high))


def _dominance(sound: _Sound, grid: Doubles, rounding: bool) -> Doubles:
    rest = sound.phone is REST
    before, after = _REST_SPREAD if rest else _SPREAD[rounding]
    length = sound.end - sound.start
    inset = min(0.04 if rest else 0.2 * length, 0.3 * length)
    early, late = sound.start + inset - grid, grid - (sound.end - inset)
    strength = sound.phone.strength * (min(1.0, length / 0.10) if rest else min(1.0, length / 0.05) ** 0.5)
    distance = np.maximum(np.maximum(early / before, late / after), 0)
    return np.asarray(strength * np.exp(-(distance**1.3)))


def _closure(sounds: list[_Sound], grid: Doubles) -> Floats:
    """How far the lips are shut (G,): a plateau over every closing sound with quick flanks."""
    out = np.zeros(len(grid))
    for sound in sounds:
        if sound.phone.closure:
            before = np.clip((grid - (sound.start - 0.045)) / 0.045, 0, 1)
            after = np.clip(((sound.end + 0.035) - grid) / 0.045, 0, 1)
            ease = np.minimum(before, after)
            out = np.maximum(out, sound.phone.closure * ease * ease * (3 - 2 * ease))
    return gaussian_filter1d(out, 0.007 * GRID).astype(np.float32)


def _gains(style: Style) -> Doubles:
    gains = np.full(len(ARKIT), style.amplitude)
    gains[_JAW] *= style.jaw
    gains[_ROUNDING] *= style.rounding
    gains[_SPREADING] *= style.spreading
    side = np.array([1 if n.endswith("_L") else -1 if n.endswith("_R") else 0 for n in ARKIT])
    return np.asarray(gains * (1 + style.asymmetry * side))
