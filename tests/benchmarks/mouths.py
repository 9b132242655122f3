"""The mouth bank: footage re-voiced with what it says itself, the mouth of every frame hidden, with and without a bank.

`python -m tests.benchmarks.mouths [--seconds 6] [--sound] [--sheet FOLDER] CLIP...`; a number instead of a clip is a
held-out person of the synthetic world. Codes are fitted. The warp closes the mouth of every frame in the middle third
of the clip, so that little of its inside is left, and they are made to speak again by the codes that they had (--sound:
by those that their own sound asks for), the bank is of the rest of the clip.
"""

import argparse
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import RATE, log_mel, speech_activity, stream_sound
from emodiff_core.codes import Codes
from emodiff_core.emotion import load_builtin_emotion
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.crop import rectangle
from emodiff_core.faces.mesh import mesh_of, window_of_points
from emodiff_core.faces.points import LIPS_OUTER, OUTER_UPPER_LIP
from emodiff_core.faces.track import Tracker, track_of
from emodiff_core.faces.warp import Warper, window_view
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel, load_builtin
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.generator.renderer import load_renderer
from emodiff_core.generator.span import Renderer, render_span
from emodiff_core.generator.target import MOUTH, revoiced
from emodiff_core.media import decode
from emodiff_core.quality.lips import mouth_opening
from emodiff_core.quality.pixels import psnr
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.speech import NATIVE_RATE
from emodiff_core.synthetic.story import Scripted, film, sound
from infra.models import model_path
from tasks.mouths import bank_of

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
CLOCK = 25.0
UNDER_NOSE = 2


@dataclass(frozen=True)
class Clip:
    """crops: (N, H, W, 3) of one face; points: (N, 468, 3) in them; codes: fitted; samples: its sound at RATE."""

    crops: list[Picture]
    points: Floats
    codes: Codes
    samples: Floats


@dataclass(frozen=True)
class Row:
    """mouth: PSNR in dB of the lips and what is between them; opening: root mean square error of the lips' gap as the
    mesh reads it, in hundredths of the eyes' distance; flicker: root mean square of the second difference in time of
    the mouth, held still, over that of the truth: 1 is as lively as the truth, less is duller."""

    mouth: float
    opening: float
    flicker: float


def read(name: str, seconds: float, models: FaceModels, head: HeadModel) -> Clip:
    """A clip, or a synthetic person who speaks."""
    pictures, samples = _synthetic(int(name), seconds, head) if name.isdigit() else _real(Path(name), seconds)
    tracker = Tracker(models)
    track = track_of([tracker(picture) for picture in pictures], CLOCK)
    assert track is not None and track.found.all(), "no face in some frames"
    x, y, w, h = rectangle(track.points, pictures[0].shape[:2])
    points = track.points - np.array([x, y, 0], np.float32)
    codes = fit_clip(points, head, irises=track.irises - np.float32([x, y, 0]))
    return Clip([np.ascontiguousarray(p[y : y + h, x : x + w]) for p in pictures], points, codes, samples)


def _real(path: Path, seconds: float) -> tuple[list[Picture], Floats]:
    pictures = [frame.picture for frame in decode(path) if frame.time < seconds]
    return pictures, np.concatenate([chunk[:, 0] for chunk in stream_sound(path, RATE, 1)])


def _synthetic(number: int, seconds: float, head: HeadModel) -> tuple[list[Picture], Floats]:
    someone = person(number, "held_out")
    made = film((someone, someone), head, (320, 320), CLOCK, (Scripted((0,), seconds, close=0.5),))
    own = sound(made)
    at = np.arange(int(len(own) / NATIVE_RATE * RATE)) / RATE * NATIVE_RATE
    return list(made.scene.frames), np.interp(at, np.arange(len(own)), own).astype(np.float32)


def middle(clip: Clip) -> NDArray[np.intp]:
    """The frames that are made anew."""
    return np.arange(len(clip.codes) // 3, 2 * len(clip.codes) // 3)


def closed(clip: Clip, head: HeadModel) -> tuple[list[Picture], Codes]:
    """The middle with shut lips, which hide most of what was between them, and its codes."""
    own = clip.codes.frames(middle(clip))
    quiet = own.moved(np.where(MOUTH, 0, own.expression), own.rotation, own.camera)
    out = []
    for k, row in enumerate(middle(clip)):
        here = slice(k, k + 1)
        shut = Warper(clip.crops[row], own.frames(here), head)(quiet.frames(here)).image
        out.append(np.round(shut * 255).astype(np.uint8))
    return out, quiet


def asked(clip: Clip) -> Codes:
    """The codes that the clip's own sound asks for."""
    mel, times = log_mel(clip.samples), np.arange(len(clip.codes)) / CLOCK
    none = np.zeros((len(times), 8), np.float32)
    return revoiced(
        clip.codes, load_builtin_emotion().trajectory(mel, speech_activity(clip.samples), times, none).speech
    )


def spoken(
    clip: Clip, shut: tuple[list[Picture], Codes], target: Codes, head: HeadModel, renderer: Renderer, bank: bool
) -> list[Picture]:
    """The middle, whose lips are shut, speaking target's codes."""
    rows = middle(clip)
    others = np.setdiff1d(np.arange(len(clip.codes)), rows)
    tokens = audio_tokens(log_mel(clip.samples), np.arange(len(clip.codes)) / CLOCK)
    offered = bank_of([clip.crops[k] for k in others], clip.codes.frames(others), head) if bank else None
    made = render_span(
        *shut, target.frames(rows), tokens[rows], head, renderer, seed=1, first=int(rows[0]), bank=offered
    )
    return [done.image for done in made]


def measure(clip: Clip, made: list[Picture], models: FaceModels) -> Row:
    """The row of a middle made anew."""
    values, held = [], list[Floats]()
    for picture, row in zip(made, middle(clip), strict=True):
        truth, points = clip.crops[row], clip.points[row]
        box = mouth_box(points, truth.shape)
        shown, wanted = picture / np.float32(255), truth / np.float32(255)
        gaps = [mouth_opening(mesh_of(models.mesh, p, window_of_points(points)).points) for p in (picture, truth)]
        values.append((psnr(shown[box], wanted[box]), gaps[0] - gaps[1]))
        held.append(np.stack([_steady(p, points) for p in (shown, wanted)]))
    table = np.array(values)
    moved = np.square(np.diff(np.stack(held), 2, axis=0)).mean((0, 2, 3, 4))
    return Row(
        float(table[:, 0].mean()),
        float(100 * np.sqrt(np.square(table[:, 1]).mean())),
        float(np.sqrt(moved[0] / moved[1])),
    )


def mouth_box(points: Floats, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The lips of points (468, 3) with a tenth around them."""
    low, high = points[LIPS_OUTER, :2].min(0), points[LIPS_OUTER, :2].max(0)
    room = 0.1 * (high - low)
    (x0, y0), (x1, y1) = np.maximum(low - room, 0).astype(int), (high + room).astype(int)
    return slice(y0, min(y1, shape[0])), slice(x0, min(x1, shape[1]))


def _steady(image: Floats, points: Floats) -> Floats:
    """The mouth (32, 48, 3) of an image, held still by its corners and the nose, of the truth's points (468, 3)."""
    fixed = np.array([*OUTER_UPPER_LIP[:: len(OUTER_UPPER_LIP) - 1], UNDER_NOSE])
    rest = np.float32([[8, 16], [40, 16], [24, 3]])
    matrix, _ = cv2.estimateAffinePartial2D(points[fixed, :2].astype(np.float32), rest)
    return window_view(image, matrix, 48)[:32]


def rows_of(
    clip: Clip, models: FaceModels, head: HeadModel, renderer: Renderer, by_sound: bool, sheet: Path | None
) -> Iterator[tuple[str, Row]]:
    """The row without and with a bank."""
    shut, target = closed(clip, head), asked(clip) if by_sound else clip.codes
    made = {name: spoken(clip, shut, target, head, renderer, name == "bank") for name in ("without", "bank")}
    if sheet:
        show(sheet, clip, [shut[0], *made.values()])
    for name, frames in made.items():
        yield name, measure(clip, frames, models)


def show(path: Path, clip: Clip, films: list[list[Picture]], columns: int = 10) -> None:
    """A sheet of mouths: the truth, shut, without a bank and with one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = middle(clip)
    wide = np.argsort([-np.ptp(clip.points[k][[13, 14], 1]) for k in frames])[: 5 * columns]
    picked = sorted(wide[:: max(1, len(wide) // columns)][:columns].tolist())
    films = [[clip.crops[k] for k in frames], *films]
    boxes = [mouth_box(clip.points[k], clip.crops[k].shape) for k in frames]
    rows = [np.hstack([cv2.resize(film[k][boxes[k]], (160, 110)) for k in picked]) for film in films]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--sound", action="store_true", help="target codes from the clip's own sound")
    parser.add_argument("--sheet", type=Path, help="folder for pictures of the mouths")
    given = parser.parse_args()
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    head, renderer = load_builtin(), load_renderer()
    print(f"{'clip':34}{'':>9}" + "".join(f"{field.name:>9}" for field in fields(Row)))
    for name in given.clips:
        clip = read(name, given.seconds, models, head)
        sheet = given.sheet / f"{Path(name).stem}.png" if given.sheet else None
        for kind, row in rows_of(clip, models, head, renderer, given.sound, sheet):
            print(f"{Path(name).stem:34}{kind:>9}" + "".join(f"{v:9.2f}" for v in astuple(row)), flush=True)


if __name__ == "__main__":
    main()
