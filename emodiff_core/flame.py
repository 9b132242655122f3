"""Heads in FLAME's layout: shape, expression and pose to vertices and landmarks (Li et al. 2017, equations 1 to 5)."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.ict_eyes import irises, looking

Floats = NDArray[np.float32]


class Part(IntEnum):
    """What a triangle is made of; the guide's labels and the renderer's materials."""

    SKIN = 0
    LIP_UPPER = 1
    LIP_LOWER = 2
    MOUTH = 3  # socket, gums
    TEETH_UPPER = 4
    TEETH_LOWER = 5
    TONGUE = 6
    SCLERA = 7
    IRIS = 8
    LID = 9  # rim of the lids and lashes
    SCALP = 10  # back of the head, ears
    NECK = 11


@dataclass(frozen=True)
class HeadModel:
    """One morphable head. Units centimetres; x to the picture's right (the subject's left), y up, z to the viewer.

    template (V, 3); shape_basis (S, V, 3); expression_basis (E, V, 3); expression_names, E of them;
    pose_basis (9*(J-1), V, 3) correctives of the joints' rotations, may be empty; joints (J, V) regressor;
    parents (J,), -1 for the root; skinning (V, J); faces (F, 3) int64; parts (F,) uint8, see Part;
    points_vertices (468, 3) int64 and points_weights (468, 3): where the face mesh's points lie on the surface.
    """

    name: str
    template: Tensor
    shape_basis: Tensor
    expression_basis: Tensor
    expression_names: tuple[str, ...]
    pose_basis: Tensor
    joints: Tensor
    parents: tuple[int, ...]
    skinning: Tensor
    faces: Tensor
    parts: Tensor
    points_vertices: Tensor
    points_weights: Tensor

    def vertices(self, shape: Tensor, expression: Tensor) -> Tensor:
        """Vertices (B, V, 3) in centimetres of shape (B, S') and expression (B, E); where S' < S the rest are zeros."""
        k = shape.shape[-1]
        offsets = torch.einsum("bs,svc->bvc", shape, self.shape_basis[:k])
        return self.template + offsets + torch.einsum("be,evc->bvc", expression, self.expression_basis)

    def articulated(self, shape: Tensor, expression: Tensor, turns: Tensor) -> Tensor:
        """Vertices (B, V, 3) with joints turned by turns (B, J, 3), axis-angle in radians in their parents' frames."""
        from emodiff_core.skinning import corrected, rotations, skinned

        still = self.vertices(shape, expression)
        places = torch.einsum("jv,bvc->bjc", self.joints, still)
        matrices = rotations(turns)
        return skinned(corrected(still, matrices, self.pose_basis), places, matrices, self.parents, self.skinning)

    def landmarks(self, vertices: Tensor) -> Tensor:
        """The face mesh's 468 points (B, 468, 3) on vertices (B, V, 3)."""
        return (vertices[:, self.points_vertices] * self.points_weights[None, :, :, None]).sum(2)

    @cached_property
    def spread(self) -> Floats:
        """(V, 468) weights that carry an offset of the 468 points smoothly over the surface; rows sum to at most 1."""
        from scipy.spatial import cKDTree

        points = self.landmarks(self.template[None])[0].numpy()
        dist, index = cKDTree(points).query(self.template.numpy(), k=4)
        near = np.exp(-((dist / 1.2) ** 2)).astype(np.float32)
        weights = np.zeros((len(self.template), len(points)), np.float32)
        share = near / np.maximum(near.sum(1, keepdims=True), 1e-6) * near.max(1, keepdims=True)
        np.put_along_axis(weights, index, share, 1)
        return weights

    def person(self, codes: Codes) -> Floats:
        """Vertices (V, 3) in centimetres of the face without expression, the residual laid on."""
        key = (codes.shape.tobytes(), codes.residual.tobytes())
        if self._persons.get("key") != key:
            still = torch.zeros(1, len(self.expression_basis))
            rest = self.vertices(torch.from_numpy(codes.shape)[None], still)[0].numpy()
            self._persons.update(key=key, rest=rest + self.spread @ codes.residual)
        return np.asarray(self._persons["rest"])

    @cached_property
    def _persons(self) -> dict[str, Any]:
        """The last person asked for: every frame of a clip asks for the same one."""
        return {}

    def posed(self, codes: Codes) -> Floats:
        """Vertices (N, V, 3) of codes in picture pixels: x right, y down, third axis depth, larger is nearer."""
        moved = codes.expression @ self.expression_basis.numpy().reshape(len(self.expression_basis), -1)
        bare = self.person(codes) + moved.reshape(len(codes), -1, 3)
        turns = Rotation.from_rotvec(codes.rotation).as_matrix().astype(np.float32)
        return to_picture(bare @ turns.transpose(0, 2, 1), codes.camera)


def to_picture(turned: Floats, camera: Floats) -> Floats:
    """Weak perspective of turned head points (N, V, 3) by camera (N, 3), see Codes."""
    scale = camera[:, None, :1]
    out = turned * scale * np.array([1, -1, 1], np.float32)
    out[..., :2] += camera[:, None, 1:]
    return out.astype(np.float32)


_ICT_PARTS = {
    "M_Face": Part.SKIN, "M_BackHead": Part.SCALP, "M_GumsTongue": Part.MOUTH, "M_Teeth": Part.TEETH_UPPER,
    "M_ScleraLeft": Part.SCLERA, "M_ScleraRight": Part.SCLERA, "M_IrisLeft": Part.IRIS, "M_IrisRight": Part.IRIS,
}  # fmt: skip
_ICT_LEFT_OUT = ("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion", "M_EyeLashes")


def load_ict(path: Path) -> HeadModel:
    """ICT-FaceKit (MIT, USC-ICT): linear jaw, 53 expressions, 100 identities.

    path: the one-file layout `head.npz`, or the folder `FaceXModel` of its public repository.
    """
    if path.is_dir():
        from emodiff_core.ict_files import read_folder

        arrays = read_folder(path)
    else:
        with np.load(path, allow_pickle=False) as data:
            arrays = {k: data[k] for k in data.files}
    faces, parts = _ict_faces(arrays)
    still = arrays["template"].astype(np.float32)
    eyes = np.isin(parts, (Part.SCLERA, Part.IRIS))
    balls = np.unique(faces[eyes])
    parts[eyes] = np.where(irises(still, faces, balls)[eyes], Part.IRIS, Part.SCLERA)
    count = len(still)
    assert tuple(str(n) for n in arrays["expression_names"]) == ARKIT
    return HeadModel(
        name="ict",
        template=torch.from_numpy(still),
        shape_basis=torch.from_numpy(arrays["identity"].astype(np.float32)),
        expression_basis=torch.from_numpy(looking(still, arrays["expression"].astype(np.float32), ARKIT, balls)),
        expression_names=ARKIT,
        pose_basis=torch.zeros(0, count, 3),
        joints=torch.zeros(1, count),
        parents=(-1,),
        skinning=torch.ones(count, 1),
        faces=torch.from_numpy(faces),
        parts=torch.from_numpy(parts),
        points_vertices=torch.from_numpy(arrays["mesh468_vertices"].astype(np.int64)),
        points_weights=torch.from_numpy(arrays["mesh468_weights"].astype(np.float32)),
    )


def _ict_faces(arrays: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Triangles (F, 3) and their parts (F,) of ICT's quads and materials; its vertex ranges say what those do not."""
    names = [str(n) for n in arrays["material_names"]]
    quads, material = arrays["polygons"], arrays["material"]
    keep = ~np.isin(material, [names.index(n) for n in _ICT_LEFT_OUT])
    quads, material = quads[keep], material[keep]
    part = np.array([_ICT_PARTS.get(n, 255) for n in names], np.uint8)[material]
    first = quads[:, 0]
    part[(first >= 11248) & (first <= 13293)] = Part.MOUTH
    part[(first >= 13294) & (first <= 14061)] = Part.LID
    part[(first >= 19247) & (first <= 21450)] = Part.TEETH_LOWER
    second = quads[:, 3] >= 0
    faces = np.concatenate([quads[:, :3], quads[second][:, [0, 2, 3]]]).astype(np.int64)
    return faces, np.concatenate([part, part[second]])


def load_builtin() -> HeadModel:
    """The project's own head, sculpted by `emodiff_core.head`: 53 ARKit expressions, a linear jaw, 40 identities."""
    from emodiff_core.head.build import read

    return read()
