"""A head reduced to what the face mesh sees of it: points, gaps between lips and lids, and how they move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.points import (
    CHIN_AREA,
    INNER_LOWER_LIP,
    INNER_UPPER_LIP,
    LEFT_LOWER_LID,
    LEFT_UPPER_LID,
    OVAL,
    RIGHT_LOWER_LID,
    RIGHT_UPPER_LID,
)
from emodiff_core.flame import HeadModel

Doubles = NDArray[np.float64]

LIP_GAP_WEIGHT = 3.0  # of one gap against one point; gaps are few and speech lives in them
LID_GAP_WEIGHT = 6.0
RIDGE = 1.0  # pull of every expression to zero, squared
SYMMETRY = 3.0  # pull of the face's two sides to each other, squared: most faces mean what they do on both
OVAL_WEIGHT = 0.25  # the outline slides along the cheek instead of staying on the skin
CHIN_WEIGHT = 0.25
"""Of the skin below the lower lip: the face mesh sees the chin of an open mouth 5 to 10 % of a face's width too high,
above all over a beard or a collar, and lips are told to make up for it."""
COUNT = 468


@dataclass(frozen=True)
class PointBasis:
    """The 468 points and K gaps, M = 468 + K rows, of one head; a gap is the difference of two points.

    mean (M, 3), shape (S, M, 3), expression (E, M, 3) in centimetres; normals (M, 3), zero for gaps; weight (M,);
    gaps (K, 2) point indices; prior (E, E) what is expected of expressions, as a Hessian.
    """

    name: str
    mean: Doubles
    shape: Doubles
    expression: Doubles
    normals: Doubles
    weight: Doubles
    gaps: NDArray[np.intp]
    prior: Doubles

    def with_gaps(self, points: Doubles) -> Doubles:
        """Points (..., 468, C) followed by the gaps between them (..., M, C)."""
        return np.concatenate([points, points[..., self.gaps[:, 0], :] - points[..., self.gaps[:, 1], :]], -2)


def point_basis(head: HeadModel) -> PointBasis:
    """The point basis of a head."""
    lips = list(zip(INNER_UPPER_LIP[1:-1], INNER_LOWER_LIP[1:-1], strict=True))
    lids = [*zip(RIGHT_UPPER_LID[2:-1], RIGHT_LOWER_LID[2:-1], strict=True)]
    lids += [*zip(LEFT_UPPER_LID[1:-2], LEFT_LOWER_LID[1:-2], strict=True)]
    weight = np.ones(COUNT)
    weight[list(CHIN_AREA)] *= CHIN_WEIGHT
    weight[list(OVAL)] = OVAL_WEIGHT * np.where(np.isin(OVAL, CHIN_AREA), CHIN_WEIGHT, 1)
    gap_weight = [LIP_GAP_WEIGHT] * len(lips) + [LID_GAP_WEIGHT] * len(lids)
    bare = PointBasis(
        name=head.name,
        mean=_at_points(head, head.template.numpy()[None])[0],
        shape=_at_points(head, head.shape_basis.numpy()),
        expression=_at_points(head, head.expression_basis.numpy()),
        normals=np.concatenate([_normals(head), np.zeros((len(lips) + len(lids), 3))]),
        weight=np.concatenate([weight, gap_weight]),
        gaps=np.array(lips + lids),
        prior=_prior(head.expression_names),
    )
    return PointBasis(
        **{
            **bare.__dict__,
            "mean": bare.with_gaps(bare.mean),
            "shape": bare.with_gaps(bare.shape),
            "expression": bare.with_gaps(bare.expression),
        }
    )


def _prior(names: tuple[str, ...]) -> Doubles:
    prior = RIDGE * np.eye(len(names))
    for left, name in enumerate(names):
        if name.endswith("_L") and name[:-1] + "R" in names:
            sides = [left, names.index(name[:-1] + "R")]
            prior[np.ix_(sides, sides)] += SYMMETRY * np.array([[1, -1], [-1, 1]])
    return prior


def _at_points(head: HeadModel, field: NDArray[np.float32]) -> Doubles:
    """Per-vertex vectors (B, V, 3) at the 468 points (B, 468, 3)."""
    index, share = head.points_vertices.numpy(), head.points_weights.numpy().astype(np.float64)
    return np.einsum("bpkc,pk->bpc", field[:, index].astype(np.float64), share)


def _normals(head: HeadModel) -> Doubles:
    """Outward unit normals (468, 3) of the template's triangles that carry the points."""
    vertices, faces = head.template.numpy().astype(np.float64), head.faces.numpy()
    face_normal = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    normal = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normal, faces[:, corner], face_normal)
    at_points = _at_points(head, normal[None].astype(np.float32))[0]
    return at_points / np.maximum(np.linalg.norm(at_points, axis=1, keepdims=True), 1e-9)
