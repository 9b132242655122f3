"""Which of a picture's faces is meant."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.detect import detect
from emodiff_core.faces.mesh import Mesh, mesh_of, window_of_face, window_of_points
from emodiff_core.refusal import Refusal

Picture = NDArray[np.uint8]

PRESENT = 0.5


@dataclass(frozen=True)
class FaceModels:
    """The two LiteRT files."""

    detector: Path
    mesh: Path


@dataclass(frozen=True)
class Choice:
    """The face that is meant, and how many there were to choose from."""

    mesh: Mesh
    count: int


def find(
    models: FaceModels, picture: Picture, face: str = "auto", smallest: float = 48, reach: float | None = None
) -> Choice | None:
    """The face of a picture (H, W, 3) uint8 RGB that `face` names, None where the picture has no face.

    face: auto (large and near the middle), largest, or x,y: the face there, in pixels, whatever time follows an @.
    smallest: width in pixels below which no face is looked for. reach: how many face widths from x,y it may lie; by
    default the point lies on the face.
    Raises Refusal NO_FACE_AT_POINT unless a reach is given.
    """
    for least in (None, smallest):
        faces = _confirmed(models, picture, least)
        chosen = _choose(faces, face, picture.shape[:2], reach)
        if chosen is not None:
            return Choice(_settled(models.mesh, picture, chosen), len(faces))
    if face not in ("auto", "largest") and reach is None:
        message = f"There is no face at {face}; the picture has {len(faces)}"
        raise Refusal("NO_FACE_AT_POINT", message, "name a point between the eyes of the face, or use auto")
    return None


def _confirmed(models: FaceModels, picture: Picture, smallest: float | None) -> list[Mesh]:
    """Faces that the detector finds and the mesh believes; many a pattern deceives one of them, hardly any both."""
    faces = detect(models.detector, picture, smallest=smallest)
    meshes = (mesh_of(models.mesh, picture, window_of_face(face)) for face in faces)
    return [one for one in meshes if one.presence >= PRESENT]


def _settled(mesh: Path, picture: Picture, first: Mesh) -> Mesh:
    """The mesh seen through a window made from the mesh itself, as it is when it follows a face through a clip."""
    for _ in range(2):
        again = mesh_of(mesh, picture, window_of_points(first.points))
        first = again if again.presence >= PRESENT else first
    return first


def _choose(faces: list[Mesh], face: str, size: tuple[int, ...], reach: float | None) -> Mesh | None:
    if not faces:
        return None
    if face == "largest":
        return max(faces, key=lambda one: one.box[2] * one.box[3])
    if face == "auto":
        return max(faces, key=lambda one: _prominence(one, size))
    x, y = (float(part) for part in face.partition("@")[0].split(","))
    nearest = min(faces, key=lambda one: _distance(one, x, y))
    return nearest if _distance(nearest, x, y) <= (0.5 if reach is None else reach) else None


def _distance(one: Mesh, x: float, y: float) -> float:
    """From a point to the middle of a face, in widths and heights of the face, whichever is more."""
    left, top, w, h = one.box
    return max(abs(x - left - w / 2) / w, abs(y - top - h / 2) / h)


def _prominence(one: Mesh, size: tuple[int, ...]) -> float:
    """Area, less the further from the middle: half at the picture's edge."""
    left, top, w, h = one.box
    away = np.hypot((left + w / 2) / size[1] - 0.5, (top + h / 2) / size[0] - 0.5)
    return float(w * h * (1 - min(away, 0.7)))
