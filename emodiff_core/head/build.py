"""The built-in head as one file, and back."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from emodiff_core.codes import ARKIT
from emodiff_core.flame import HeadModel
from emodiff_core.head.embedding import embedding
from emodiff_core.head.expressions import expression_basis
from emodiff_core.head.patches import Array
from emodiff_core.head.sculpt import sculpt
from emodiff_core.head.variation import shape_basis

FILE = Path(__file__).parents[1] / "weights" / "head" / "head.safetensors"
IDENTITIES = 40


def sculpted(mesh_model: Path | None) -> dict[str, NDArray[Any]]:
    """The head's arrays as they are stored; without the face-mesh model the points of the committed file are kept."""
    head = sculpt()
    shapes = shape_basis(head, IDENTITIES)
    if mesh_model is None:
        kept = load_file(FILE)
        corners, share = kept["points_vertices"], kept["points_weights"]
    else:
        corners, share = embedding(head, _people(head.vertices, shapes), mesh_model)
    return {
        "template": head.vertices.astype(np.float32),
        "shape_basis": shapes.astype(np.float16),
        "expression_basis": expression_basis(head).astype(np.float16),
        "faces": head.faces.astype(np.int16),
        "parts": head.parts,
        "points_vertices": corners.astype(np.int16),
        "points_weights": share.astype(np.float32),
    }


def _people(template: Array, shapes: Array) -> Array:
    """(5, V, 3) the mean head and four others, to find the points on."""
    others = np.random.default_rng(3).normal(size=(4, len(shapes))) * 0.8
    return np.concatenate([template[None], template + np.tensordot(others, shapes, 1)])


def write(mesh_model: Path | None) -> Path:
    """Sculpt the head and store it beside its card."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    save_file(sculpted(mesh_model), FILE)
    return FILE


def read(path: Path = FILE) -> HeadModel:
    """The stored head."""
    arrays = load_file(path)
    template = torch.from_numpy(arrays["template"])
    count = len(template)
    return HeadModel(
        name="builtin",
        template=template,
        shape_basis=torch.from_numpy(arrays["shape_basis"].astype(np.float32)),
        expression_basis=torch.from_numpy(arrays["expression_basis"].astype(np.float32)),
        expression_names=ARKIT,
        pose_basis=torch.zeros(0, count, 3),
        joints=torch.zeros(1, count),
        parents=(-1,),
        skinning=torch.ones(count, 1),
        faces=torch.from_numpy(arrays["faces"].astype(np.int64)),
        parts=torch.from_numpy(arrays["parts"]),
        points_vertices=torch.from_numpy(arrays["points_vertices"].astype(np.int64)),
        points_weights=torch.from_numpy(arrays["points_weights"]),
    )
