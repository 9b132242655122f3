"""Sheets of real pictures: fit overlay, reconstruction, and expressions at 0.5 and 1 by the warp alone.

`python -m tests.benchmarks.sheets OUT [PICTURE...] [--head builtin]`: --head may be a head.npz of ICT-FaceKit; without
pictures scikit-image's astronaut (public domain) is shown. First row: the picture, its face-mesh points (red) with
the fitted head's (green), the fitted head in clay, the picture by its own codes without the person's residual, the
face at rest, and validity with the jaw open. Then emotions and single codes at 0.5 and at 1.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.mesh import Mesh
from emodiff_core.faces.track import Tracker
from emodiff_core.faces.warp import Warp, Warper
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from emodiff_core.generator.target import at_rest
from emodiff_core.media.pictures import read_picture
from emodiff_core.synthetic.emotions import direction
from infra.models import model_path
from tasks.heads import head_of

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

SINGLE = ("jawOpen", "eyeBlink", "mouthSmile", "mouthFunnel", "browInnerUp", "mouthPucker")
FELT = ("angry", "disgusted", "fear", "happy", "sad", "surprised")
TILE = 300


def made_of(names: str, value: float) -> Floats:
    """(53,) codes of one expression on both sides."""
    chosen = [name == names or name.rsplit("_", 1)[0] == names for name in ARKIT]
    return np.where(chosen, value, 0).astype(np.float32)


def overlay(picture: Picture, mesh: Mesh, fitted: Floats) -> Picture:
    """The mesh's points in red, the fitted head's in green; picture four times as large."""
    big = np.ascontiguousarray(cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))
    for points, colour in ((mesh.points, (255, 50, 50)), (fitted, (50, 255, 50))):
        for x, y in points[:, :2] * 4:
            cv2.circle(big, (int(x), int(y)), 3, colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.resize(big, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), np.uint8)


def sheet(picture: Picture, mesh: Mesh, codes: Codes, head: HeadModel) -> tuple[Picture, dict[str, float]]:
    """The sheet, and how far apart the points are, pixels: with the person's residual, and without it."""
    warper, rest = Warper(picture, codes, head), at_rest(codes, np.zeros((1, len(ARKIT)), np.float32))
    tile, bare = _tiles(picture, mesh), replace(codes, residual=np.zeros_like(codes.residual))

    def shown(expression: Floats) -> Warp:
        return warper(codes.moved(np.clip(rest + expression, 0, 1)))

    clay = np.where(warper(codes).normal.any(-1, keepdims=True), _clay(warper(codes).normal), picture / np.float32(255))
    first = [
        picture, overlay(picture, mesh, warper.points), _bytes(clay), _bytes(warper(bare).image),
        _bytes(shown(0 * rest[0]).image), _bytes(np.repeat(shown(made_of("jawOpen", 1)).valid[..., None], 3, 2)),
    ]  # fmt: skip
    rows = [np.hstack([tile(image) for image in first])]
    for value in (0.5, 1.0):
        for some in ([direction(name) for name in FELT], [made_of(name, 1) for name in SINGLE]):
            rows.append(np.hstack([tile(_bytes(shown(one * value).image)) for one in some]))
    apart = {name: _apart(Warper(picture, one, head).points, mesh) for name, one in (("fit", codes), ("bare", bare))}
    return np.vstack(rows), apart


def _tiles(picture: Picture, mesh: Mesh) -> Callable[[Picture], Picture]:
    """Cuts the face out of a picture of this one's size."""
    low, high = mesh.points[:, :2].min(0), mesh.points[:, :2].max(0)
    room = 0.15 * float((high - low).max())
    x0, y0 = np.maximum(low - room, 0).astype(int)
    x1, y1 = np.minimum(high + np.array([room, 2.5 * room]), picture.shape[1::-1]).astype(int)
    side = (TILE, round(TILE * (y1 - y0) / (x1 - x0)))
    return lambda image: np.asarray(cv2.resize(image[y0:y1, x0:x1], side, interpolation=cv2.INTER_CUBIC), np.uint8)


def _apart(points: Floats, mesh: Mesh) -> float:
    return float(np.linalg.norm((points - mesh.points)[:, :2], axis=1).mean())


def _clay(normal: Floats) -> Floats:
    unit = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    light = np.array([-0.4, -0.5, 0.77], np.float32)
    return np.repeat(0.2 + 0.7 * np.clip(unit @ light, 0, 1)[..., None], 3, 2).astype(np.float32)


def _bytes(image: Floats) -> Picture:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)


def main() -> None:
    """Write a PNG for each picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--head", default="builtin")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    models, head = FaceModels(model_path("face_detection"), model_path("face_landmark_attention")), head_of(given.head)
    pictures = {path.stem: read_picture(path) for path in given.pictures} or {"astronaut": skimage.data.astronaut()}
    for name, picture in pictures.items():
        mesh = Tracker(models)(picture)
        if mesh is None or mesh.irises is None:
            raise SystemExit(f"no face in {name}")
        codes = fit_clip(mesh.points[None], head, irises=mesh.irises[None])
        image, figures = sheet(picture, mesh, codes, head)
        cv2.imwrite(str(given.out / f"{name}-{head.name}.png"), image[..., ::-1])
        found = "  ".join(f"{key} {value:.2f} px" for key, value in figures.items())
        print(f"{name:16} {head.name:8} {found}", flush=True)


if __name__ == "__main__":
    main()
