"""Frames of a synthetic person, with the truth about them."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.flame import HeadModel, Part, to_picture
from emodiff_core.raster import Fragments, rasterize
from emodiff_core.synthetic import shade
from emodiff_core.synthetic.actor import Actor, actor, lit
from emodiff_core.synthetic.backdrop import backdrop
from emodiff_core.synthetic.camera import Camera, camera_of, develop
from emodiff_core.synthetic.interior import reach
from emodiff_core.synthetic.lashes import draw_lashes
from emodiff_core.synthetic.people import Person
from emodiff_core.synthetic.wrinkles import relief_at

Floats = NDArray[np.float32]
Size = tuple[int, int]
LIDS = (((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
        ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)))  # fmt: skip
HAIR_PART, CLOTH_PART, NOTHING = 20, 21, 255


@dataclass(frozen=True)
class Film:
    """frames: (N, H, W, 3) uint8 RGB; points: (N, 468, 3) exact face-mesh points in pixels, z larger is nearer;
    parts: (N, H, W) uint8: flame.Part, HAIR_PART, CLOTH_PART, or NOTHING for background."""

    frames: NDArray[np.uint8]
    points: Floats
    parts: NDArray[np.uint8]


def render(
    person: Person, head: HeadModel, codes: Codes, size: Size, camera: Camera | None = None, fineness: int = 2
) -> Film:
    """A person on a head through codes, in pictures of size (height, width).

    camera: None takes the person's own; fineness: samples a pixel along each axis.
    """
    cast = actor(person, head, detail=max(256, 4 * max(size)))
    return shoot(cast, codes, size, camera or camera_of(person), fineness)


def shoot(cast: Actor, codes: Codes, size: Size, camera: Camera, fineness: int = 2) -> Film:
    """Frames of an actor; see `render`."""
    behind = backdrop(cast.person, size)
    shots = [(develop(light, camera, n), points, parts) for n, (light, points, parts) in enumerate(
        exposures(cast, codes, size, behind, fineness))]  # fmt: skip
    frames, points, parts = (np.stack(part) for part in zip(*shots, strict=True))
    return Film(frames, points, parts)


def exposures(
    cast: Actor, codes: Codes, size: Size, behind: Floats, fineness: int
) -> Iterator[tuple[Floats, Floats, NDArray[np.uint8]]]:
    """Linear light (H, W, 3), points (468, 3) and parts (H, W) of every frame, over a background (H, W, 3)."""
    fine = (size[0] * fineness, size[1] * fineness)
    canvas = cv2.resize(behind, fine[::-1], interpolation=cv2.INTER_LINEAR)
    for n in range(len(codes)):
        turn = Rotation.from_rotvec(codes.rotation[n]).as_matrix().astype(np.float32)
        rest = _rest(cast, codes.expression[n], codes.residual)
        points = _points(cast, to_picture(_posed(cast, rest, turn, head_only=True)[None], codes.camera[n : n + 1])[0])
        vertices = to_picture(_posed(cast, rest, turn)[None], codes.camera[n : n + 1] * fineness)[0]
        seen = _fragments(cast, vertices, fine)
        light = canvas.copy()
        _shade(cast, codes.expression[n], vertices, turn, seen, points * fineness, light)
        draw_lashes(light, seen.depth, cast.person, points * fineness, turn)
        yield cv2.resize(light, size[::-1], interpolation=cv2.INTER_AREA), points, _parts(cast, seen, fineness)


def _rest(cast: Actor, expression: Floats, residual: Floats) -> Floats:
    """All vertices (V', 3) in head space, moved by the expression."""
    used = np.flatnonzero(np.abs(expression) > 1e-4)
    moved = cast.bare + (expression[used] @ cast.follow[used]).reshape(-1, 3)
    if residual.any():
        moved = moved + cast.rig.head.spread @ residual
    return np.concatenate([moved, cast.rest])


def _posed(cast: Actor, rest: Floats, turn: Floats, head_only: bool = False) -> Floats:
    """Vertices turned with the head; the neck eases into shoulders that follow only a part of the way."""
    led = rest @ turn.T
    if head_only:
        return led[: len(cast.bare)]
    half = Rotation.from_rotvec(Rotation.from_matrix(turn).as_rotvec() * 0.2).as_matrix().astype(np.float32)
    pivot = np.array([0, -9.0, -1.0], np.float32)
    body = (rest - pivot) @ half.T + pivot * 0.6 + (turn @ pivot) * 0.4
    return body + (led - body) * cast.neck[:, None]


def _points(cast: Actor, head: Floats) -> Floats:
    model = cast.rig.head
    corners = head[model.points_vertices.numpy()]
    return (corners * model.points_weights.numpy()[..., None]).sum(1).astype(np.float32)


def _fragments(cast: Actor, vertices: Floats, size: Size) -> Fragments:
    seen = rasterize(vertices, cast.faces[: cast.solid], size)
    hair = cast.faces[cast.solid :]
    if len(hair):
        alpha = cast.strands[..., :1]
        shade.cover(vertices, hair, cast.solid, cast.attributes, alpha, cast.cut, seen.face, seen.weights, seen.depth)
    return seen


def _shade(
    cast: Actor, expression: Floats, vertices: Floats, turn: Floats, seen: Fragments, points: Floats, light: Floats
) -> None:
    count, inside = len(cast.bare), cast.rig.inside
    normals = shade.normals_of(vertices, cast.faces)
    attributes = cast.attributes.copy()
    harmonics, share = lit(cast, turn)
    attributes[:count, 3:6] = share
    middle = points - points[1]
    back = np.float32([1, -1, 1])
    level = (points * back) @ turn
    attributes[inside, 6] = reach((vertices[inside] * back) @ turn, level)
    attributes[len(attributes) - len(cast.tangents) :, 6:9] = cast.tangents @ turn.T
    lids = np.stack([np.stack([points[list(line), :2] for line in eye]) for eye in LIDS]).astype(np.float32)
    del middle
    shade.shade(
        seen.face, seen.weights, cast.faces, cast.material, normals, attributes, cast.skin,
        relief_at(cast.relief, cast.folds, expression), np.ascontiguousarray(turn[:, 1]), cast.eye, lids, cast.strands,
        cast.fabric, cast.plain, harmonics, cast.lights.lamps, cast.lights.power, light,
    )  # fmt: skip


def _parts(cast: Actor, seen: Fragments, fineness: int) -> NDArray[np.uint8]:
    """Labels at pixel centres."""
    face = seen.face[fineness // 2 :: fineness, fineness // 2 :: fineness]
    parts = cast.rig.head.parts.numpy()
    table = np.full(len(cast.faces) + 1, NOTHING, np.uint8)
    table[: len(parts)] = parts
    table[: len(parts)][cast.rig.material == shade.TONGUE] = Part.TONGUE
    table[len(parts) : cast.solid] = CLOTH_PART
    table[cast.solid : len(cast.faces)] = HAIR_PART
    return table[face]
