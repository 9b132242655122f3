"""ICT-FaceKit from its public folder of OBJ files (`FaceXModel/`, MIT), in the arrays that `flame.load_ict` reads."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from emodiff_core.codes import ARKIT
from emodiff_core.refusal import Refusal

VERTICES = 26_719
NEUTRAL = "generic_neutral_mesh.obj"
POINTS = Path(__file__).parent / "weights" / "head" / "ict_points.safetensors"


def read_folder(folder: Path) -> dict[str, NDArray[Any]]:
    """Template, identities, expressions, polygons, materials and the face mesh's points of the folder's model.

    Raises Refusal WEIGHTS_UNREADABLE where a file is missing or has another topology.
    """
    template, polygons, material, names = read_obj(_there(folder / NEUTRAL))
    identities = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    if not identities:
        raise Refusal("WEIGHTS_UNREADABLE", f"{folder.name} holds no identity000.obj: not ICT-FaceKit's FaceXModel")
    if len(template) != VERTICES:
        hint = "use the folder as the public repository has it today"
        raise Refusal("WEIGHTS_UNREADABLE", f"{NEUTRAL} has {len(template)} vertices, not {VERTICES:,}", hint)
    points = load_file(POINTS)
    return {
        "template": template,
        "identity": np.stack([_offset(path, template) for path in identities]),
        "expression": np.stack([_offset(_there(folder / f"{name}.obj"), template) for name in ARKIT]),
        "expression_names": np.array(ARKIT),
        "polygons": polygons,
        "material": material,
        "material_names": np.array(names),
        "mesh468_vertices": points["vertices"],
        "mesh468_weights": points["weights"],
    }


def _there(path: Path) -> Path:
    if not path.is_file():
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name} is missing from {path.parent.name}", "fetch the whole folder")
    return path


def _offset(path: Path, template: NDArray[np.float32]) -> NDArray[np.float32]:
    with path.open("rb") as file:
        rows = [line[2:].split()[:3] for line in file if line.startswith(b"v ")]
    if len(rows) != len(template):
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name} has {len(rows)} vertices, the neutral {len(template)}")
    return np.asarray(np.array(rows, np.float64) - template, np.float32)


def read_obj(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Vertices (V, 3), polygons (F, 4) with -1 where a triangle, material (F,) as numbers, and the materials' names."""
    vertices: list[list[str]] = []
    polygons: list[list[int]] = []
    material: list[int] = []
    names: list[str] = []
    for line in path.read_text("ascii", errors="replace").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            vertices.append(rest.split()[:3])
        elif word == "usemtl":
            names += [rest.strip()] * (rest.strip() not in names)
            current = names.index(rest.strip())
        elif word == "f":
            corners = [int(part.split("/")[0]) - 1 for part in rest.split()]
            polygons.append([*corners, -1][:4])
            material.append(current if names else -1)
    return np.array(vertices, np.float32), np.array(polygons, np.int64), np.array(material, np.int64), names
