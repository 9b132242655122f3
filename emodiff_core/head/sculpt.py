"""The head at rest: skin, lid rims, mouth bag, eyeballs, teeth, tongue, gums and ears in one mesh."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.flame import Part
from emodiff_core.head.details import detailed
from emodiff_core.head.ears import right_ear
from emodiff_core.head.eyes import eyeball, lid_rows, socket
from emodiff_core.head.mouth import bag_rows, inside
from emodiff_core.head.patches import Array, Ints, Patch, flipped, joined
from emodiff_core.head.skin import VERMILION, Skin, build_skin, strip, surface
from emodiff_core.head.smooth import evened, lips_met
from emodiff_core.head.teeth import both


@dataclass(frozen=True)
class Sculpt:
    """The head at rest. vertices (V, 3), skin first; faces (F, 3); parts (F,); skin: its chart; lids (2, 3, 32) vertex
    numbers of the rims behind the lids; bag (rows + 1, 40) those of the mouth bag, the last row its closing point;
    patch_start: first vertex of `patches`; patches: eyeballs, teeth, tongue, gums, ears; eyes (2, 3) eyeball centres.
    """

    vertices: Array
    faces: Ints
    parts: NDArray[np.uint8]
    skin: Skin
    lids: Ints
    bag: Ints
    patch_start: int
    patches: Patch
    eyes: Array


def sculpt() -> Sculpt:
    """Build everything. Deterministic."""
    skin = build_skin()
    face = lips_met(skin, detailed(skin, evened(skin, surface(skin), 7, keep_size=True)), 0.0)
    rims = [face[skin.lids[i, 0]] for i in range(2)]
    right = socket(rims[0])
    eyes = np.stack([right, right * np.array([-1, 1, 1])])
    lid_points = np.stack([lid_rows(rims[0], eyes[0]), lid_rows(rims[1], eyes[1])])
    rim = face[skin.lips[0]]
    bag_points = bag_rows(rim)
    n = len(face)
    lids = n + np.arange(lid_points.size // 3).reshape(lid_points.shape[:3])
    n += lids.size
    bag = n + np.arange(bag_points.size // 3).reshape(bag_points.shape[:2])
    throat = n + bag.size
    bag = np.concatenate([bag, np.full((1, len(rim)), throat)])
    ear = right_ear()
    crowns = both(rim[:, 1].mean(), rim[:, 2].max())
    patches = joined([eyeball(eyes[0], 1), eyeball(eyes[1], 2), crowns, inside(rim), ear, flipped(ear)])
    rows = [face, lid_points.reshape(-1, 3), bag_points.reshape(-1, 3), bag_points[-1].mean(0, keepdims=True)]
    vertices = np.concatenate([*rows, patches.vertices])
    pieces: list[tuple[Ints, Part | NDArray[np.uint8]]] = [
        (skin.faces, skin_parts(skin)),
        (strip(np.concatenate([skin.lids[0, :1], lids[0]])), Part.LID),
        (strip(np.concatenate([skin.lids[1, :1], lids[1]]))[:, [0, 2, 1]], Part.LID),
        (strip(np.concatenate([skin.lips[:1], bag])), Part.MOUTH),
        (patches.faces + throat + 1, patches.parts),
    ]
    faces = np.concatenate([p for p, _ in pieces])
    parts = np.concatenate([np.broadcast_to(np.asarray(m, np.uint8), len(p)) for p, m in pieces])
    inner_lip = np.isin(faces, bag[0]).any(1) & np.isin(faces, np.concatenate([skin.lips[0], bag[0]])).all(1)
    above = vertices[faces].mean(1)[:, 1] > rim[:, 1].mean()
    parts = np.where(inner_lip, np.where(above, Part.LIP_UPPER, Part.LIP_LOWER), parts).astype(np.uint8)
    good = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    return Sculpt(vertices, faces[good], parts[good], skin, lids, bag, throat + 1, patches, eyes)


def skin_parts(skin: Skin) -> NDArray[np.uint8]:
    """(F,) what the skin's triangles are: lips within the vermilion, scalp behind, neck below the jaw."""
    out = np.full(len(skin.faces), Part.SKIN, np.uint8)
    lips = np.isin(skin.faces, skin.lips[: VERMILION + 1]).all(1)
    upper = skin.side[skin.faces].mean(1) > 0
    out[lips & upper], out[lips & ~upper] = Part.LIP_UPPER, Part.LIP_LOWER
    middle = skin.sphere[skin.faces].mean(1)
    lon = np.abs(np.degrees(np.arctan2(middle[:, 0], middle[:, 2])))
    lat = np.degrees(np.arcsin(middle[:, 1] / np.linalg.norm(middle, axis=1)))
    out[(lon > 98) | (lat > 56)] = Part.SCALP
    under = np.interp(lon, [0, 40, 80, 98, 180], [-50.5, -44, -31, -22, -22])
    out[lat < under] = Part.NECK
    return out
