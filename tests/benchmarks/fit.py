"""How well the fit reads codes that are known: correlation, gain and error per expression, lag, noise, speed.

`python -m tests.benchmarks.fit [HEAD] [CACHE]`: HEAD is builtin or a head.npz of ICT-FaceKit; CACHE the folder of the
models. People of the synthetic world that no model was trained on go through every expression before their cameras;
"exact" is the fit to the true points, "found" to those that the face mesh sees on the pictures.
"""

import sys
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.track import Tracker, smoothed
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel, Part
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.render import render
from emodiff_core.training.builder import set_back
from tasks.heads import head_of
from tests.benchmarks.rendered import points_of

Floats = NDArray[np.float32]

SIZE = (360, 320)
RAMP = 10  # frames up, and as many down
GROUPS = (
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookUp",
    "eyeSquint", "eyeWide", "jawLeft", "jawOpen", "mouthClose", "mouthFrown", "mouthFunnel", "mouthLeft",
    "mouthLowerDown", "mouthPress", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthSmile",
    "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
MORE = ("eyeLookLeft", "eyeLookRight", "jawForward", "jawRight", "mouthDimple", "mouthRight", "mouthShrugUpper")
_BOTH_EYES = {"eyeLookLeft": ("eyeLookOut_L", "eyeLookIn_R"), "eyeLookRight": ("eyeLookIn_L", "eyeLookOut_R")}


@dataclass(frozen=True)
class Row:
    """One expression: correlation, gain (slope of fitted on true) and mean absolute error, from exact points and from
    detected ones; sigma: what the fit itself says of its error, from detected points; stray: mean of what other
    expressions show while this one is full."""

    r_exact: float
    gain_exact: float
    error_exact: float
    r: float
    gain: float
    error: float
    sigma: float
    stray: float


def members(group: str) -> list[int]:
    """Indices of an expression and its other side, or of what turns both eyes one way."""
    if group in _BOTH_EYES:
        return [ARKIT.index(name) for name in _BOTH_EYES[group]]
    return [i for i, name in enumerate(ARKIT) if name == group or name.rsplit("_", 1)[0] == group]


def ramps(head: HeadModel, seed: int, groups: tuple[str, ...] = GROUPS) -> Codes:
    """One person going through every expression of groups in turn, up and down, the head slowly turning."""
    rng = np.random.default_rng(seed)
    count = len(groups) * 2 * RAMP
    expression = np.zeros((count, len(ARKIT)), np.float32)
    up = (1 - np.abs(np.linspace(-1, 1, 2 * RAMP, dtype=np.float32)))[:, None]
    for k, group in enumerate(groups):
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


@dataclass(frozen=True)
class Take:
    """One person's truth and what the fit makes of exact and of detected points."""

    truth: Codes
    exact: Codes
    found: Codes


def take(head: HeadModel, models: FaceModels, number: int) -> Take:
    """Held-out person `number` going through everything."""
    someone, plan = person(number, "held_out"), ramps(head, number, GROUPS + MORE)
    codes = someone.codes(head, plan.expression, plan.rotation, plan.camera)
    film, tracker = render(someone, head, codes, SIZE), Tracker(models)
    meshes = [mesh for mesh in map(tracker, film.frames) if mesh is not None]
    if len(meshes) < len(codes):
        raise RuntimeError(f"the face of person {number} was lost in {len(codes) - len(meshes)} frames")
    points = smoothed(np.stack([mesh.points for mesh in meshes]), 25.0)
    irises = np.stack([mesh.irises for mesh in meshes if mesh.irises is not None])
    exact = fit_clip(film.points, head, irises=_pupils(head, codes))
    return Take(codes, exact, fit_clip(points, head, irises=irises))


def _pupils(head: HeadModel, codes: Codes) -> Floats:
    """(N, 2, 5, 3) the true middle of each iris."""
    iris = np.unique(head.faces[head.parts == Part.IRIS].numpy())
    right, vertices = head.template.numpy()[iris, 0] < 0, head.posed(codes)
    middle = np.stack([vertices[:, iris[right]].mean(1), vertices[:, iris[~right]].mean(1)], 1)
    return np.repeat(middle[:, :, None], 5, 2)


def accuracy(head: HeadModel, models: FaceModels, people: tuple[int, ...] = (1, 2, 3)) -> dict[str, Row]:
    """A row per expression, over several people."""
    takes = [take(head, models, number) for number in people]
    return {group: _row(k, group, takes) for k, group in enumerate(GROUPS + MORE)}


def _row(k: int, group: str, takes: list[Take]) -> Row:
    at, index = slice(2 * RAMP * k, 2 * RAMP * (k + 1)), members(group)

    def shown(codes: list[Codes]) -> Floats:
        return np.concatenate([c.expression[at][:, index].mean(1) for c in codes])

    truth, exact, found = (shown([getattr(one, name) for one in takes]) for name in ("truth", "exact", "found"))
    full = slice(at.start + RAMP - 2, at.start + RAMP + 2)
    others = np.setdiff1d(np.arange(len(ARKIT)), index)
    stray = [np.abs(t.found.expression - t.truth.expression)[full][:, others].sum(1).mean() for t in takes]
    sigma = float(np.mean([t.found.sigma[at][:, index].mean() for t in takes]))
    return Row(*_line(truth, exact), *_line(truth, found), sigma, float(np.mean(stray)))


def _line(truth: Floats, fitted: Floats) -> tuple[float, float, float]:
    """Correlation and slope of fitted on truth, zeros where the fitted never moves, and mean absolute error."""
    error = float(np.abs(fitted - truth).mean())
    if fitted.std() < 1e-6:
        return 0.0, 0.0, error
    return float(np.corrcoef(truth, fitted)[0, 1]), float(np.polyfit(truth, fitted, 1)[0]), error


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
    """Frames a second of CPU time of fit_clip on one thread."""
    codes = ramps(head, 4).frames(np.arange(frames))
    points = points_of(head, codes)
    fit_clip(points[:16], head)
    begin = time.process_time()
    fit_clip(points, head)
    return frames / (time.process_time() - begin)


def main() -> None:
    torch.set_num_threads(1)
    name = sys.argv[1] if len(sys.argv) > 1 else "builtin"
    head = head_of(name)
    folder = Path(sys.argv[2]).expanduser() if len(sys.argv) > 2 else Path.home() / ".cache/emodiff/models"
    models = FaceModels(
        folder / "face_detection_short_range.tflite", folder / "face_landmark_with_attention.tflite"
    )  # fmt: skip
    rows = accuracy(head if name == "builtin" else set_back(head), models)
    print(f"{'expression':16}" + "".join(f"{field.name:>12}" for field in fields(Row)))
    for group, row in rows.items():
        print(f"{group:16}" + "".join(f"{value:12.2f}" for value in astuple(row)))
    mean = np.array([astuple(row) for row in rows.values()]).mean(0)
    print(f"{'mean':16}" + "".join(f"{value:12.2f}" for value in mean))
    still = noise(head)
    print(
        f"lag {lag(head):+.2f} frames; at rest, 0.5 px of noise: codes {still[0]:.4f}, rotation {still[1]:.3f} degrees"
    )
    print(f"{speed(head):.0f} frames/s")


if __name__ == "__main__":
    main()
