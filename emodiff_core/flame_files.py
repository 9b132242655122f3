"""Official FLAME 2020 and 2023 files as a HeadModel (Li et al. 2017); the files are not ours to ship."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.flame import HeadModel, Part
from emodiff_core.landing import landed
from emodiff_core.refusal import Refusal
from emodiff_core.safe_pickle import load_arrays

Floats = NDArray[np.float32]

SHAPES, EXPRESSIONS = 300, 100
"""FLAME's shape directions in `shapedirs`: identities first, then expressions."""

JOINTS = ("global", "neck", "jaw", "eye_right", "eye_left")
_METRE = 100.0
_NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


def load_flame(path: Path, shapes: int = 100, expressions: int = 50, points: Path | None = None) -> HeadModel:
    """FLAME with its first identities and expressions, scaled to centimetres.

    points: an .npz with `points_vertices` and `points_weights` (468, 3), where the face mesh's points lie; without it
    they are landed on the surface from the built-in head's, which is good to about 3 mm.
    Raises Refusal HOSTILE_WEIGHTS or WEIGHTS_UNREADABLE.
    """
    arrays = load_arrays(path)
    missing = [key for key in _NEEDED if key not in arrays]
    if missing:
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name} lacks {', '.join(missing)}: not a FLAME model")
    template = np.asarray(arrays["v_template"], np.float32) * _METRE
    directions = np.moveaxis(np.asarray(arrays["shapedirs"], np.float32), 2, 0) * _METRE
    faces = np.asarray(arrays["f"]).astype(np.int64)
    skinning = np.asarray(arrays["weights"], np.float32)
    _checked(path, template, directions, faces, skinning)
    corners, share = _points(points, template, faces)
    pose = np.moveaxis(np.asarray(arrays["posedirs"], np.float32), 2, 0) * _METRE
    split = min(SHAPES, len(directions) - expressions)
    return HeadModel(
        name="flame",
        template=torch.from_numpy(template),
        shape_basis=torch.from_numpy(directions[: min(shapes, split)].copy()),
        expression_basis=torch.from_numpy(directions[split : split + expressions].copy()),
        expression_names=tuple(f"flame_{i:02d}" for i in range(expressions)),
        pose_basis=torch.from_numpy(pose.copy()),
        joints=torch.from_numpy(np.asarray(arrays["J_regressor"], np.float32)),
        parents=(-1, *(int(p) for p in np.asarray(arrays["kintree_table"])[0][1:])),
        skinning=torch.from_numpy(skinning),
        faces=torch.from_numpy(faces),
        parts=torch.from_numpy(_parts(template, faces, skinning)),
        points_vertices=torch.from_numpy(corners),
        points_weights=torch.from_numpy(share),
    )


def _checked(path: Path, template: Floats, directions: Floats, faces: NDArray[np.int64], skinning: Floats) -> None:
    """Raise Refusal WEIGHTS_UNREADABLE where arrays do not fit each other."""
    count = len(template)
    fits = directions.shape[1:] == (count, 3) and skinning.shape == (count, len(JOINTS)) and template.shape[1:] == (3,)
    if not fits or faces.min() < 0 or faces.max() >= count or not np.isfinite(template).all():
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name}: arrays do not fit FLAME's layout")


def _points(path: Path | None, template: Floats, faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    if path is None:
        return landed(template, faces)
    with np.load(path, allow_pickle=False) as given:
        return given["points_vertices"].astype(np.int64), given["points_weights"].astype(np.float32)


def _parts(template: Floats, faces: NDArray[np.int64], skinning: Floats) -> NDArray[np.uint8]:
    """(F,) parts: eyeballs are what the eye joints carry whole; neck and scalp by place; the rest is skin."""
    eyes = skinning[:, 3:].max(1) > 0.99
    middle = template[faces].mean(1)
    face = template[~eyes]
    front, low = float(face[:, 2].max()), float(np.quantile(face[:, 1], 0.25))
    out = np.full(len(faces), Part.SKIN, np.uint8)
    out[middle[:, 2] < front - 9.5] = Part.SCALP
    out[(middle[:, 1] < low) & (middle[:, 2] < front - 7)] = Part.NECK
    out[eyes[faces].all(1)] = Part.SCLERA
    return out
