"""How well the fit reads codes that are known: correlation, gain and error per expression, lag, noise, speed.

`python -m tests.benchmarks.fit [HEAD] [CACHE] [MESH]`: HEAD is builtin or a head.npz of ICT-FaceKit; CACHE the folder
of the models; MESH the name of the face mesh's file.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.track import Tracker, smoothed
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from tasks.heads import head_of
from tests.benchmarks.rendered import colours, points_of, render

Floats = NDArray[np.float32]

SIZE = (360, 320)
RAMP = 10  # frames up, and as many down
GROUPS = (
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookUp",
    "eyeSquint", "eyeWide", "jawLeft", "jawOpen", "mouthClose", "mouthFrown", "mouthFunnel", "mouthLeft",
    "mouthLowerDown", "mouthPress", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthSmile",
    "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One expression: correlation, gain (slope of fitted on true) and mean absolute error, from exact points and from
    detected ones; stray: mean of what other expressions show while this one is full, from detected points."""

    name: str
    r_exact: float
    gain_exact: float
    r: float
    gain: float
    error: float
    stray: float


def members(group: str) -> list[int]:
    """Indices of an expression and its other side."""
    return [i for i, name in enumerate(ARKIT) if name == group or name.rsplit("_", 1)[0] == group]


def ramps(head: HeadModel, seed: int) -> Codes:
    """One person going through every expression of GROUPS in turn, up and down, the head slowly turning."""
    rng = np.random.default_rng(seed)
    count = len(GROUPS) * 2 * RAMP
    expression = np.zeros((count, len(ARKIT)), np.float32)
    up = (1 - np.abs(np.linspace(-1, 1, 2 * RAMP, dtype=np.float32)))[:, None]
    for k, group in enumerate(GROUPS):
        expression[2 * RAMP * k : 2 * RAMP * (k + 1), members(group)] = up
        if group in ("mouthClose", "mouthFunnel"):
            expression[2 * RAMP * k : 2 * RAMP * (k + 1), members("jawOpen")] = 0.3
    time = np.arange(count, dtype=np.float32) / 25
    turn = np.stack([0.08 * np.sin(1.3 * time), 0.25 * np.sin(0.7 * time + seed), 0.06 * np.sin(time)], 1)
    camera = np.stack([np.full(count, 12.0), 160 + 5 * np.sin(time), 190 + 4 * np.cos(time)], 1)
    shape = np.clip(rng.normal(size=len(head.shape_basis)), -1.5, 1.5).astype(np.float32) * 0.7
    nothing = np.zeros((468, 3), np.float32)
    return Codes(
        head.name, shape, expression, turn.astype(np.float32), camera.astype(np.float32), nothing, expression * 0
    )


def detected(head: HeadModel, codes: Codes, models: FaceModels) -> Floats:
    """The face mesh's points (N, 468, 3) on renders of codes."""
    tracker, colour = Tracker(models), colours(head)
    meshes = [tracker(render(head, codes.frames(slice(k, k + 1)), SIZE, colour)) for k in range(len(codes))]
    return np.stack([mesh.points for mesh in meshes if mesh is not None])


def accuracy(head: HeadModel, models: FaceModels, seeds: tuple[int, ...] = (1, 2)) -> list[Row]:
    """A row per expression, over several people."""
    truth = [ramps(head, seed) for seed in seeds]
    exact = [fit_clip(points_of(head, codes), head) for codes in truth]
    found = [fit_clip(smoothed(detected(head, codes, models), 25.0), head) for codes in truth]
    return [_row(k, group, truth, exact, found) for k, group in enumerate(GROUPS)]


def _row(k: int, group: str, truth: list[Codes], exact: list[Codes], found: list[Codes]) -> Row:
    at, index = slice(2 * RAMP * k, 2 * RAMP * (k + 1)), members(group)
    pick = [np.concatenate([c.expression[at][:, index].mean(1) for c in codes]) for codes in (truth, exact, found)]
    full = slice(at.start + RAMP - 2, at.start + RAMP + 2)
    others = np.setdiff1d(np.arange(len(ARKIT)), index)
    stray = float(
        np.mean(
            [
                np.abs(f.expression - t.expression)[full][:, others].sum(1).mean()
                for f, t in zip(found, truth, strict=True)
            ]
        )
    )
    error = float(np.abs(pick[2] - pick[0]).mean())
    return Row(group, *_line(pick[0], pick[1]), *_line(pick[0], pick[2]), error, stray)


def _line(truth: Floats, fitted: Floats) -> tuple[float, float]:
    """Correlation and slope of fitted on truth; zeros where the fitted never moves."""
    if fitted.std() < 1e-6:
        return 0.0, 0.0
    return float(np.corrcoef(truth, fitted)[0, 1]), float(np.polyfit(truth, fitted, 1)[0])


def lag(head: HeadModel) -> float:
    """Frames by which smoothed and fitted speech-like motion comes late: the peak of its correlation with the truth."""
    codes = ramps(head, 0).frames(slice(0, 200))
    time = np.arange(200) / 25
    expression = np.zeros_like(codes.expression)
    expression[:, members("jawOpen")[0]] = np.clip(
        0.3 + 0.3 * np.sin(2 * np.pi * 4 * time) * np.sin(2 * np.pi * time), 0, 1
    )
    codes = codes.moved(expression)
    noisy = points_of(head, codes) + np.random.default_rng(0).normal(size=(200, 468, 3)).astype(np.float32) * 0.3
    fitted = fit_clip(smoothed(noisy, 25.0), head).expression[:, members("jawOpen")[0]]
    true = expression[:, members("jawOpen")[0]]
    shifts = np.arange(-3, 4)
    match = [np.corrcoef(true[5:-5], np.roll(fitted, -s)[5:-5])[0, 1] for s in shifts]
    top = int(np.argmax(match))
    before, after = match[max(top - 1, 0)], match[min(top + 1, 6)]
    return float(shifts[top] + 0.5 * (before - after) / (before - 2 * match[top] + after))


def noise(head: HeadModel, pixels: float = 0.5) -> tuple[float, float]:
    """Standard deviation over time of expressions and of rotation (degrees) for a face at rest whose points shake."""
    codes = ramps(head, 3).frames(np.full(100, RAMP + 3 + 2 * RAMP * GROUPS.index("mouthSmile")))
    shaken = points_of(head, codes) + np.random.default_rng(1).normal(size=(100, 468, 3)).astype(np.float32) * pixels
    fitted = fit_clip(smoothed(shaken.astype(np.float32), 25.0), head)
    return float(fitted.expression.std(0).mean()), float(np.degrees(fitted.rotation.std(0)).mean())


def speed(head: HeadModel, frames: int = 250) -> float:
    """Frames a second of fit_clip on one thread."""
    codes = ramps(head, 4).frames(np.arange(frames))
    points = points_of(head, codes)
    fit_clip(points[:16], head)
    begin = time.perf_counter()
    fit_clip(points, head)
    return frames / (time.perf_counter() - begin)


def main() -> None:
    torch.set_num_threads(1)
    head = head_of(sys.argv[1] if len(sys.argv) > 1 else "builtin")
    folder = Path(sys.argv[2]).expanduser() if len(sys.argv) > 2 else Path.home() / ".cache/emodiff/models"
    models = FaceModels(
        folder / "face_detection_short_range.tflite",
        folder / (sys.argv[3] if len(sys.argv) > 3 else "face_landmark.tflite"),
    )
    rows = accuracy(head, models)
    print(f"{'expression':16} {'exact r':>8} {'gain':>6} {'found r':>8} {'gain':>6} {'error':>6} {'stray':>6}")
    for row in rows:
        print(
            f"{row.name:16} {row.r_exact:8.2f} {row.gain_exact:6.2f} {row.r:8.2f} {row.gain:6.2f} "
            f"{row.error:6.3f} {row.stray:6.2f}"
        )
    mean = np.array([(row.r_exact, row.gain_exact, row.r, row.gain, row.error, row.stray) for row in rows]).mean(0)
    print(f"{'mean':16} {mean[0]:8.2f} {mean[1]:6.2f} {mean[2]:8.2f} {mean[3]:6.2f} {mean[4]:6.3f} {mean[5]:6.2f}")
    still = noise(head)
    print(
        f"lag {lag(head):+.2f} frames; at rest, 0.5 px of noise: codes {still[0]:.4f}, rotation {still[1]:.3f} degrees"
    )
    print(f"{speed(head):.0f} frames/s")


if __name__ == "__main__":
    main()
