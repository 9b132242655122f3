"""What a head does beside speaking: sway, nods on accents, blinks, saccades. Offsets from the pose it started in."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from emodiff_core.codes import ARKIT
from emodiff_core.refusal import Refusal

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

GRID = 200
_EASE = 0.5
"""Seconds over which motion sets in and dies away, so that both ends meet the still picture."""
LAST_S = 4.0
"""Seconds before its end in which motion depends on where the end is: it comes to rest, and is smooth until then."""


@dataclass(frozen=True)
class Motion:
    """rotation (N, 3) axis-angle in radians and translation (N, 3) in centimetres, offsets from the first pose;
    eyes (N, 53): blink and gaze codes to add to an expression."""

    rotation: Floats
    translation: Floats
    eyes: Floats


def head_motion(preset: str, times: Doubles, energy: Floats, seed: int) -> Motion:
    """Motion at times (N,) in seconds, ascending, any rate.

    preset: `still` (blinks and small saccades only) or `natural`; energy: (M,) loudness of the speech 0 to 1 at 100
    rows a second from time 0, may be empty. A seed gives the same curve at any rate, and at any length but for the last
    LAST_S. Raises Refusal UNKNOWN_MOTION.
    """
    if preset not in ("still", "natural"):
        raise Refusal("UNKNOWN_MOTION", f"no motion preset {preset!r}", "use still, natural or a driving video")
    end = float(times[-1]) if len(times) else 0.0
    grid = np.arange(0, end + 2 / GRID, 1 / GRID)
    random = np.random.default_rng(seed)
    gaze = _gaze(grid, np.random.default_rng([seed, 1]), 0.4 if preset == "still" else 1.0)
    eyes = _eyes(grid, _blinks(end, np.random.default_rng([seed, 2])), gaze)
    pose = np.zeros((len(grid), 6))
    if preset == "natural":
        pose = _sway(grid, random) + _beats(grid, energy, random)
        pose[:, 1] += 0.25 * gaussian_filter1d(gaze[:, 0], 0.25 * GRID)
        pose *= _window(grid, end)[:, None]
    path = _read(pose, grid, times)
    return Motion(path[:, :3], path[:, 3:], _read(eyes, grid, times))


def _read(curves: Doubles, grid: Doubles, times: Doubles) -> Floats:
    """Columns of curves (G, C) on the grid, read at times (N,)."""
    return np.stack([np.interp(times, grid, c) for c in curves.T], 1).astype(np.float32)


_SWAY = np.array([0.030, 0.045, 0.022, 0.12, 0.09, 0.08])
"""Standard deviations of pitch, yaw, roll (rad) and of x, y, z (cm): a seated speaker, not an actor."""


def _sway(grid: Doubles, random: np.random.Generator) -> Doubles:
    """Slow wandering (G, 6), sums of sines with periods of 2.5 to 11 seconds, so that no length is special."""
    waves = 5
    period = np.exp(random.uniform(np.log(2.5), np.log(11), (waves, 6)))
    phase = random.uniform(0, 2 * np.pi, (waves, 6))
    size = random.uniform(0.5, 1.0, (waves, 6)) * np.sqrt(2 / waves)
    angle = 2 * np.pi * grid[:, None, None] / period + phase
    return np.asarray((size * np.sin(angle)).sum(1) * _SWAY)


def _beats(grid: Doubles, energy: Floats, random: np.random.Generator) -> Doubles:
    """Nods and tilts (G, 6) with the loudness of speech: down on the accent, up before it."""
    if not len(energy):
        return np.zeros((len(grid), 6))
    loud = np.interp(grid, np.arange(len(energy)) / 100, energy, right=0.0)
    phrase = gaussian_filter1d(loud, 0.35 * GRID)
    accent = gaussian_filter1d(loud, 0.08 * GRID) - phrase
    # Drawn moment by moment, so that a longer speech begins as the shorter one did.
    wander = random.normal(size=(len(grid), 2)).T
    weight, tilt = gaussian_filter1d(wander, 0.8 * GRID) * np.sqrt(0.8 * GRID * 3.54)
    nod = np.stack([0.045 * accent * (1 + 0.4 * weight) - 0.030 * phrase, 0.020 * phrase * weight], 1)
    rest = np.stack([0.025 * phrase * tilt, 0 * phrase, -0.10 * accent, 0.2 * phrase], 1)
    return np.concatenate([nod, rest], 1)


def _window(grid: Doubles, end: float) -> Doubles:
    ease = np.clip(np.minimum(grid, end - grid) / min(_EASE, max(end / 3, 1e-6)), 0, 1)
    return np.asarray(ease * ease * (3 - 2 * ease))


def _blinks(end: float, random: np.random.Generator) -> list[tuple[float, float]]:
    """Times and depths: about every 3.5 seconds, sometimes two in a row, none while the picture starts or ends."""
    out: list[tuple[float, float]] = []
    at = random.uniform(0.7, 2.6)
    while at < end - 0.5:
        out.append((at, random.uniform(0.92, 1.0)))
        again = random.random() < 0.10
        at += random.uniform(0.32, 0.42) if again else 0.9 + random.gamma(2.2, 1.2)
    return out


def _lid(age: Doubles) -> Doubles:
    """A blink (Trutoiu et al. 2011): shut within 75 ms, held 25 ms, open again within 210 ms, slower at the end."""
    close = np.clip(age / 0.075, 0, 1)
    open_ = np.clip((age - 0.10) / 0.21, 0, 1)
    return np.asarray(close * close * (3 - 2 * close) * (1 - open_) ** 2 * (1 + 2 * open_))


def _gaze(grid: Doubles, random: np.random.Generator, size: float) -> Doubles:
    """Where the eyes look (G, 2), right and up in radians: jumps of 40 ms, fixations of 0.4 to 2.5 s, often at us."""
    out, at, target = np.zeros((len(grid), 2)), 0.6, np.zeros(2)
    while len(grid) and at < grid[-1] - 0.3:
        home = random.random() < 0.45
        goal = np.zeros(2) if home else random.normal(0, [0.10, 0.05]) * size
        step = np.clip((grid - at) / 0.04, 0, 1)
        out += (step * step * (3 - 2 * step))[:, None] * (goal - target)
        target, at = goal, at + random.uniform(0.4, 2.5)
    if len(grid):
        out *= _window(grid, float(grid[-1]))[:, None]
    return out


def _eyes(grid: Doubles, blinks: list[tuple[float, float]], gaze: Doubles) -> Doubles:
    """Blink and gaze codes (G, 53); lids follow the eyes down a little."""
    out = np.zeros((len(grid), len(ARKIT)))
    full = 0.45
    right, up = np.clip(gaze[:, 0] / full, -1, 1), np.clip(gaze[:, 1] / full, -1, 1)
    for name, value in (
        ("eyeLookOut_L", right), ("eyeLookIn_R", right), ("eyeLookIn_L", -right), ("eyeLookOut_R", -right),
        ("eyeLookUp_L", up), ("eyeLookUp_R", up), ("eyeLookDown_L", -up), ("eyeLookDown_R", -up),
    ):  # fmt: skip
        out[:, ARKIT.index(name)] = np.maximum(value, 0)
    lid = np.zeros(len(grid))
    for at, depth in blinks:
        lid = np.maximum(lid, depth * _lid(grid - at))
    for side, late in (("L", 0), ("R", 1)):
        out[:, ARKIT.index(f"eyeBlink_{side}")] = np.roll(lid, late) + (1 - lid) * 0.25 * np.maximum(-up, 0)
    return out
