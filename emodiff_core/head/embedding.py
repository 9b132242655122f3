"""Where the face mesh's 468 points lie on the head: rims by construction, the rest by showing it many pictures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.faces.mesh import mesh_of, window_of_points
from emodiff_core.faces.points import MIRROR, OVAL
from emodiff_core.head.chart import Array, mirrored, on_sphere, opened
from emodiff_core.head.controls import FACE
from emodiff_core.head.picture import colours, picture
from emodiff_core.head.sculpt import Sculpt
from emodiff_core.head.skin import LIDS, LIP_ROWS, LIPS, Skin

Ints = NDArray[np.int64]

_YAWS, _PITCHES = (-34.0, -17.0, 0.0, 17.0, 34.0), (-12.0, 0.0, 12.0)
_SIZE = 320


def located(skin: Skin, directions: Array) -> tuple[Ints, Array]:
    """The skin triangle (N, 3) and barycentric weights (N, 3) that each direction (N, 3) of the sphere meets."""
    tri = skin.sphere[skin.faces]
    inverse = np.linalg.inv(np.transpose(tri, (0, 2, 1)) + 1e-9 * np.eye(3))
    vertices, weights = np.empty((len(directions), 3), np.int64), np.empty((len(directions), 3))
    for i, direction in enumerate(directions):
        near = np.flatnonzero((tri.mean(1) @ direction) > 0.8)
        share = inverse[near] @ direction
        share /= share.sum(1, keepdims=True)
        best = int(np.argmax(share.min(1)))
        vertices[i] = skin.faces[near[best]]
        weights[i] = np.clip(share[best], 0, 1) / np.clip(share[best], 0, 1).sum()
    return vertices, weights


def rims(skin: Skin) -> dict[int, int]:
    """Skin vertices of the face mesh's points on the lips' rows and the lids' rims."""
    out: dict[int, int] = {}
    for number, contour in enumerate(LIPS[:4]):
        row = LIP_ROWS.index(float(number))
        out.update({k: int(skin.lips[row, 2 * i]) for i, k in enumerate(contour)})
    for i, k in enumerate(LIDS[0]):
        out[k] = int(skin.lids[0, 0, 2 * i])
        out[int(MIRROR[k])] = int(skin.lids[1, 0, 2 * i])
    return out


def first_guess(head: Sculpt) -> Array:
    """(468, 3) directions on the chart's sphere: the control points'; the rest look ahead."""
    out = np.tile(on_sphere(np.array([[0.5, 0.5]])), (468, 1))
    table = np.array(FACE)
    numbers = table[:, 0].astype(int)
    direction = on_sphere(opened(table[:, 1:3]))
    out[MIRROR[numbers]] = on_sphere(mirrored(opened(table[:, 1:3])))
    out[numbers] = direction
    for k, vertex in rims(head.skin).items():
        out[k] = head.skin.sphere[vertex]
    return out


def seen_directions(head: Sculpt, shapes: Array, model: Path) -> Array:
    """(468, 3) where the face mesh sees its points on pictures of people (N, V, 3) in several poses and lights."""
    colour, guess = colours(head), first_guess(head)
    corners, share = located(head.skin, guess)
    found: list[Array] = []
    for n, vertices in enumerate(shapes):
        for yaw in _YAWS:
            for pitch in _PITCHES:
                turn = Rotation.from_euler("xy", [pitch, yaw], degrees=True).as_matrix()
                light = np.array([0.6 * (-1) ** n, 0.6, 1.0])
                image, seen, pixels = picture(vertices, head.faces, colour, turn, _SIZE, light)
                points = (pixels[corners] * share[..., None]).sum(1).astype(np.float32)
                mesh = mesh_of(model, image, window_of_points(points))
                found.append(_directions_at(head, seen.face, seen.weights, mesh.points))
    everything = np.stack(found)
    middle = np.nanmedian(everything, 0)
    both = middle + middle[MIRROR] * np.array([-1, 1, 1])
    both = np.where(np.isfinite(both), both, guess)
    both[list(OVAL)] = guess[list(OVAL)]  # on pictures the outline slides along the silhouette
    return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True))


def _directions_at(
    head: Sculpt, face: NDArray[np.int32], weights: NDArray[np.float32], points: NDArray[np.float32]
) -> Array:
    """(468, 3) the chart's directions under mesh points in a picture; nan where no skin is seen."""
    x = np.clip(points[:, 0].astype(int), 0, face.shape[1] - 1)
    y = np.clip(points[:, 1].astype(int), 0, face.shape[0] - 1)
    at, share = face[y, x], weights[y, x]
    corners = head.faces[np.maximum(at, 0)]
    skin = (at >= 0) & (corners < len(head.skin.uv)).all(1)
    out = np.full((len(points), 3), np.nan)
    out[skin] = (head.skin.sphere[corners[skin]] * share[skin][..., None]).sum(1)
    return out


def embedding(head: Sculpt, shapes: Array, model: Path) -> tuple[Ints, Array]:
    """Vertex triples (468, 3) and weights (468, 3) of the face mesh's points."""
    corners, share = located(head.skin, seen_directions(head, shapes, model))
    for k, vertex in rims(head.skin).items():
        corners[k], share[k] = vertex, (1.0, 0.0, 0.0)
    return corners, share
