"""Self-reenactment: one frame of a clip driven by the codes and the sound of its others: the built-in generator,
against the warp alone and a copy that is only moved.

`python -m tests.benchmarks.reenact [--head builtin] [--sheet FOLDER] [--step 5] CLIP...`. Clips are scaled so that the
face is 155 pixels wide. The source is the frame whose lips are nearest to shut.
"""

import argparse
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import SILENCE, log_mel
from emodiff_core.audio.decode import read_sound
from emodiff_core.audio.mel import RATE
from emodiff_core.codes import Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.mesh import Mesh, mesh_of, window_of_points
from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import FACE_OVAL, LIPS_INNER, LIPS_OUTER
from emodiff_core.faces.track import Tracker, smoothed
from emodiff_core.faces.warp import Warper, sample
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.generator.renderer import load_renderer
from emodiff_core.generator.span import render_span
from emodiff_core.media import decode
from emodiff_core.quality.pixels import psnr
from emodiff_core.refusal import Refusal
from infra.models import model_path
from tasks.heads import head_of

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

WIDTH = 155.0
LIPS = np.concatenate([LIPS_OUTER, LIPS_INNER])


@dataclass(frozen=True)
class Clip:
    """pictures (N, H, W, 3); meshes, one a picture; codes of all of them; tokens (N, 11, 320) of the sound."""

    pictures: list[Picture]
    meshes: list[Mesh]
    codes: Codes
    tokens: Floats


@dataclass(frozen=True)
class Row:
    """PSNR in dB over the face and over the mouth, and how far lips lie from the target's, in pixels; each for the
    warp, for the moved copy and for what the generator made; gap: correlation of the lips' opening with the target's.
    """

    face: float
    face_copy: float
    mouth: float
    mouth_copy: float
    lips: float
    lips_copy: float
    gap: float
    gap_copy: float
    face_made: float
    mouth_made: float
    lips_made: float
    gap_made: float


def read(path: Path, models: FaceModels, head: HeadModel, seconds: float = 8.0) -> Clip:
    """The first seconds of a clip, scaled and fitted; frames without a face are left out."""
    frames = [frame for frame in decode(path) if frame.time < seconds]
    pictures = [frame.picture for frame in frames]
    first = next(mesh for mesh in map(Tracker(models), pictures) if mesh is not None)
    scale = WIDTH / float(np.ptp(first.points[:, 0]))
    pictures = [_scaled(picture, scale) for picture in pictures]
    tracker = Tracker(models)
    found = zip(pictures, frames, strict=True)
    seen = [(picture, mesh, float(f.time)) for picture, f in found if (mesh := tracker(picture)) is not None]
    points = smoothed(np.stack([mesh.points for _, mesh, _ in seen]), 25.0)
    irises = np.stack([mesh.irises for _, mesh, _ in seen if mesh.irises is not None])
    codes = fit_clip(points, head, irises=irises)
    tokens = audio_tokens(_heard(path), np.array([time for _, _, time in seen]))
    return Clip([picture for picture, _, _ in seen], [mesh for _, mesh, _ in seen], codes, tokens)


def _heard(path: Path) -> Floats:
    """Mel rows of a clip's sound, silence where it has none."""
    try:
        return log_mel(read_sound(path, RATE, 1)[:, 0])
    except Refusal:
        return np.full((1, 80), SILENCE, np.float32)


def _scaled(picture: Picture, scale: float) -> Picture:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)


def opening(points: Floats) -> float:
    """Pixels between the lips."""
    return float(np.linalg.norm(points[13, :2] - points[14, :2]))


def source_of(clip: Clip) -> int:
    """The frame to drive: lips nearly shut, and a pose in the middle of the clip's."""
    shut = np.array([opening(mesh.points) for mesh in clip.meshes])
    turned = np.linalg.norm(clip.codes.rotation - np.median(clip.codes.rotation, 0), axis=1)
    return int(np.argmin(shut / WIDTH * 4 + turned))


def copied(picture: Picture, here: Floats, there: Floats) -> Picture:
    """The picture moved, turned and scaled so that its face's outline lies on the target's."""
    matrix, _ = cv2.estimateAffinePartial2D(there[FACE_OVAL, :2], here[FACE_OVAL, :2], method=cv2.LMEDS)
    height, width = picture.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
    return np.asarray(sample(picture, (grid @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)), np.uint8)


def measure(clip: Clip, models: FaceModels, head: HeadModel, step: int = 5) -> tuple[Row, list[Picture]]:
    """The row of one clip, and for some frames target, copy, warp and generator side by side."""
    at = source_of(clip)
    source, here = clip.pictures[at], clip.meshes[at].points
    warper = Warper(source, clip.codes.frames(slice(at, at + 1)), head)
    rows = [k for k in range(0, len(clip.pictures), step) if k != at]
    codes = clip.codes.moved(clip.codes.expression[rows], clip.codes.rotation[rows], clip.codes.camera[rows])
    here_codes = clip.codes.frames(slice(at, at + 1))
    spans = render_span([source], here_codes, codes, clip.tokens[rows], head, load_renderer(), seed=1)
    values, shown = [], []
    for k, made in zip(rows, spans, strict=True):
        target, points = clip.pictures[k], clip.meshes[k].points
        warped = np.clip(warper(clip.codes.frames(slice(k, k + 1))).image * 255 + 0.5, 0, 255).astype(np.uint8)
        moved = copied(source, here, points)
        pictures = (warped, moved, made.image)
        values.append([value for picture in pictures for value in _frame(picture, target, points, models)])
        shown.append(np.hstack([target, moved, warped, made.image]))
    table = np.array(values)
    means = table.mean(0)
    gaps = [float(np.corrcoef(table[:, 4], table[:, c])[0, 1]) for c in (3, 8, 13)]
    pairs = [means[0], means[5], means[1], means[6], means[2], means[7], gaps[0], gaps[1]]
    return Row(*pairs, means[10], means[11], means[12], gaps[2]), shown


def _frame(picture: Picture, target: Picture, points: Floats, models: FaceModels) -> tuple[float, ...]:
    """PSNR of face and mouth, distance of the lips, their opening, and that of the target."""
    size = target.shape[:2]
    face, mouth = polygon(points[FACE_OVAL, :2], size), np.zeros(size, np.float32)
    low, high = points[LIPS_OUTER, :2].min(0), points[LIPS_OUTER, :2].max(0)
    room = 0.2 * (high - low)
    (x0, y0), (x1, y1) = np.maximum(low - room, 0).astype(int), (high + room).astype(int)
    mouth[y0:y1, x0:x1] = 1
    shown, wanted = picture / np.float32(255), target / np.float32(255)
    told = mesh_of(models.mesh, picture, window_of_points(points)).points
    away = float(np.linalg.norm((told - points)[LIPS, :2], axis=1).mean())
    return psnr(shown, wanted, face), psnr(shown, wanted, mouth), away, opening(told), opening(points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--head", default="builtin")
    parser.add_argument("--sheet", type=Path, help="folder for pictures of target, copy, warp and generator")
    parser.add_argument("--step", type=int, default=5, help="every how manyth frame is made")
    given = parser.parse_args()
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    head, rows = head_of(given.head), []
    print(f"{'clip':34}" + "".join(f"{field.name:>11}" for field in fields(Row)))
    for path in given.clips:
        row, shown = measure(read(path, models, head), models, head, given.step)
        rows.append(astuple(row))
        print(f"{path.stem:34}" + "".join(f"{value:11.2f}" for value in rows[-1]), flush=True)
        if given.sheet:
            given.sheet.mkdir(parents=True, exist_ok=True)
            picked = [shown[k] for k in np.linspace(0, len(shown) - 1, 5).astype(int)]
            cv2.imwrite(str(given.sheet / f"{path.stem}.png"), np.vstack(picked)[..., ::-1])
    print(f"{'mean':34}" + "".join(f"{value:11.2f}" for value in np.mean(rows, 0)))


if __name__ == "__main__":
    main()
