"""Pairs: what the generator is told and what it should answer, made of synthetic people by the real pipeline.

The guide is warped from codes that were fitted through the real face mesh, so that it carries the same errors as that
of a photograph. Portraits are moved as a portrait is at run time; footage is fitted frame by frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.detect import Face, detect
from emodiff_core.faces.mesh import Window, mesh_of, window_of_face, window_of_points
from emodiff_core.faces.warp import Warper, guide, window_view
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from emodiff_core.generator.target import portrait
from emodiff_core.generator.windows import WINDOWS, rest_points, window_matrix
from emodiff_core.synthetic.actor import actor
from emodiff_core.synthetic.camera import camera_of
from emodiff_core.synthetic.people import Split
from emodiff_core.synthetic.render import shoot
from emodiff_core.training.scenes import SIZE, Scene, scene

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Finder = Callable[[Bytes], list[Face]]
Mesher = Callable[[Bytes, Window], Floats]

TARGETS = 16
_EYES = np.array([name.startswith("eye") for name in ARKIT])
LAYERS = 15
"""Channels of a window: target 3, guide 3, valid 1, masks 5, normals 3."""


@dataclass(frozen=True)
class Eyes:
    """The face models: `find` gives the faces of a picture, `mesh` the points (468, 3) in a window of it."""

    find: Finder
    mesh: Mesher


@dataclass(frozen=True)
class Pairs:
    """K frames of one person in W windows.

    windows: (K, W, 15, S, S) uint8, see LAYERS; identity: (W, 3, S, S) uint8, the source in its own windows;
    expression: (K, 53) codes of the guide's targets; tokens: (K, 11, 320).
    """

    windows: Bytes
    identity: Bytes
    expression: Floats
    tokens: Floats
    footage: bool


def pairs(
    split: Split, number: int, filmed: HeadModel, fitted: HeadModel, eyes: Eyes, targets: int = TARGETS
) -> Pairs | None:
    """Pairs of person `number` filmed on one head and fitted with another; None where the face is not found."""
    plan = scene(split, number, filmed, targets)
    camera = camera_of(plan.person)
    cast = actor(plan.person, filmed, detail=3 * SIZE)
    source = shoot(cast, plan.codes.frames(slice(0, 1)), (SIZE, SIZE), camera).frames[0]
    # Grain and compression cannot be foretold; the answer is asked for without them.
    quiet = replace(camera, noise=0.0, quality=100)
    truth = shoot(cast, plan.codes.frames(slice(1, None)), (SIZE, SIZE), quiet).frames
    goal = _fitted(plan, source, truth, fitted, eyes)
    return None if goal is None else windows_of(source, truth, *goal, fitted, plan.tokens, plan.footage)


def portrait_codes(picture: Bytes, head: HeadModel, eyes: Eyes) -> Codes | None:
    """Codes of the face in a picture (H, W, 3), None where there is none."""
    points = _points(picture, eyes)
    return None if points is None else fit_clip(points[None], head)


def _points(picture: Bytes, eyes: Eyes) -> Floats | None:
    faces = eyes.find(picture)
    if not faces:
        return None
    return eyes.mesh(picture, window_of_points(eyes.mesh(picture, window_of_face(faces[0]))))


def _fitted(plan: Scene, source: Bytes, truth: Bytes, head: HeadModel, eyes: Eyes) -> tuple[Codes, Codes] | None:
    """Codes of the source and of the targets, as run time would have them."""
    first = _points(source, eyes)
    if first is None:
        return None
    if not plan.footage:
        alone = fit_clip(first[None], head)
        moves = plan.motion
        return alone, portrait(alone, head, plan.codes.expression[1:], moves.rotation, moves.translation)
    around = window_of_points(first)
    points = [eyes.mesh(frame, window_of_points(eyes.mesh(frame, around))) for frame in truth]
    clip = fit_clip(np.stack([first, *points]), head)
    # The face mesh hardly sees a blink; a model that is not told of one could only learn to blur the eyes.
    expression = np.where(_EYES, plan.codes.expression, clip.expression)
    there = replace(clip, expression=expression.astype(np.float32)).frames(slice(1, None))
    return clip.frames(slice(0, 1)), there


def windows_of(
    source: Bytes, truth: Bytes, here: Codes, there: Codes, head: HeadModel, tokens: Floats, footage: bool
) -> Pairs:
    """Pairs of a picture (H, W, 3) with codes `here`, and frames (K, H, W, 3) with codes `there` that hear tokens
    (K, 11, 320)."""
    warper = Warper(source, here, head)
    own, unit = rest_points(head, here)[0], warper.unit
    identity = [window_view(unit, window_matrix(own, name), 128) for name in WINDOWS]
    rests = rest_points(head, there)
    rows = [
        _frame(warper, there.frames(slice(k, k + 1)), rests[k], truth[k].astype(np.float32) / np.float32(255))
        for k in range(len(there))
    ]
    return Pairs(
        windows=np.stack(rows),
        identity=_bytes(np.stack(identity).transpose(0, 3, 1, 2)),
        expression=there.expression,
        tokens=tokens,
        footage=footage,
    )


def _frame(warper: Warper, goal: Codes, rest: Floats, truth: Floats) -> Bytes:
    """(W, 15, S, S) of one frame."""
    warp = warper(goal)
    out: list[Floats] = []
    for name in WINDOWS:
        matrix = window_matrix(rest, name)
        told = guide(warp, matrix)
        answer = window_view(truth, matrix, 128)
        layers: list[Floats] = [
            answer,
            told.image,
            told.valid[..., None],
            told.masks,
            (told.normal / 2 + 0.5).astype(np.float32),
        ]
        out.append(np.concatenate(layers, -1).transpose(2, 0, 1))
    return _bytes(np.stack(out))


def _bytes(values: Floats) -> Bytes:
    return np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)


def eyes_of(models: Path) -> Eyes:
    """The face models from the folder that holds their two files."""
    detector, landmarks = models / "face_detection_short_range.tflite", models / "face_landmark_with_attention.tflite"
    return Eyes(
        find=lambda picture: detect(detector, picture),
        mesh=lambda picture, window: mesh_of(landmarks, picture, window).points,
    )
