"""The 53 expressions: strokes on the skin, lids that meet on the eyeball, gaze, and everything that follows the jaw."""

import numpy as np

from emodiff_core.codes import ARKIT
from emodiff_core.head.eyes import RADIUS
from emodiff_core.head.motions import ACROSS, BOTH, RIGHT
from emodiff_core.head.patches import Array
from emodiff_core.head.sculpt import Sculpt
from emodiff_core.head.smooth import along_lips, evened
from emodiff_core.head.strokes import painted

GAZE = {"eyeLookUp": (-22.0, 0.0), "eyeLookDown": (26.0, 0.0), "eyeLookIn": (0.0, 28.0), "eyeLookOut": (0.0, -28.0)}
"""Degrees an eyeball turns about x and, for the right eye, about y."""

JAW = {
    "jawOpen": (0.0, -3.2, -2.5),
    "jawForward": (0.0, -0.16, 1.07),
    "jawRight": (-0.85, 0.02, 0.0),
    "jawLeft": (0.85, 0.02, 0.0),
}
"""Where each jaw movement carries the lower incisors, cm."""

_JAW_HINGE = np.array([0.0, 1.2, 3.2])
_LID_FOLLOW = (1.0, 0.94, 0.82, 0.62, 0.36, 0.1)
_LOWER_RISE = 0.14


def expression_basis(head: Sculpt) -> Array:
    """(53, V, 3) offsets in centimetres in the order of codes.ARKIT."""
    return np.stack([_offset(head, name) for name in ARKIT])


def _offset(head: Sculpt, name: str) -> Array:
    skin = np.zeros((len(head.skin.uv), 3))
    stem, _, side = name.partition("_")
    if side:
        skin = painted(head.skin.uv, head.skin.side, RIGHT[stem], both_sides=False) if stem in RIGHT else skin
        if stem == "eyeBlink":
            skin = _blink(head, skin)
        skin = _mirrored(head, skin) if side == "L" else skin
    elif name in BOTH:
        skin = painted(head.skin.uv, head.skin.side, BOTH[name], both_sides=True)
    else:
        right = painted(head.skin.uv, head.skin.side, ACROSS[name.removesuffix("Left").removesuffix("Right")], False)
        skin = right if name.endswith("Right") else _mirrored(head, right)
    skin = evened(head.skin, along_lips(head.skin, skin, 5), 5)
    if stem.startswith("eye"):
        _clear_of_ball(head, skin, 1 if side == "L" else 0)
    out = np.zeros_like(head.vertices)
    out[: len(skin)] = skin
    _follow(head, out, name)
    if stem in GAZE:
        _turn_eye(head, out, stem, 2 if side == "L" else 1)
    return out


def _clear_of_ball(head: Sculpt, skin: Array, eye: int) -> None:
    """Lids that an offset would carry into the eyeball are kept in front of it."""
    rings = np.unique(head.skin.lids[eye, :5])
    target = head.vertices[rings] + skin[rings]
    off = target[:, :2] - head.eyes[eye, :2]
    front = head.eyes[eye, 2] + np.sqrt(np.clip((RADIUS + 0.13) ** 2 - (off**2).sum(1), 0, None))
    skin[rings, 2] += np.clip(front - target[:, 2], 0, 0.6)


def _mirrored(head: Sculpt, skin: Array) -> Array:
    return skin[head.skin.mirror] * np.array([-1.0, 1, 1])


def _follow(head: Sculpt, out: Array, name: str) -> None:
    """Lid rims, mouth bag and the patches on the jaw take their offsets from skin and jaw."""
    for eye in range(2):
        out[head.lids[eye]] = out[head.skin.lids[eye, 0]][None]
    jaw = _jaw(head, name)
    rim = out[head.skin.lips[0]]
    middle = head.vertices[head.skin.lips[0], 1].mean()
    rows = len(head.bag)
    for r, row in enumerate(head.bag):
        away = min(1.0, r / 3)
        low = np.clip(0.5 - (head.vertices[row, 1] - middle) / 1.2, 0, 1)
        fade = np.clip((rows - 1 - r) / 3, 0, 1)
        out[row] = (1 - away) * rim + away * fade * low[:, None] * jaw[row]
    start = head.patch_start
    out[start:] += head.patches.jaw[:, None] * jaw[start:]


def _jaw(head: Sculpt, name: str) -> Array:
    """(V, 3) the offset of every vertex if it were bone of the lower jaw: a turn about the hinge, made linear."""
    if name not in JAW:
        return np.zeros_like(head.vertices)
    move = np.array(JAW[name])
    if name != "jawOpen":
        return np.broadcast_to(move, head.vertices.shape)
    incisor = np.array([0.0, -3.6, 10.4]) - _JAW_HINGE
    before, after = np.arctan2(incisor[1], incisor[2]), np.arctan2((incisor + move)[1], (incisor + move)[2])
    angle = after - before
    turn = np.array([[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]])
    around = (head.vertices - _JAW_HINGE) @ turn.T + _JAW_HINGE - head.vertices
    slide = move - ((turn @ incisor) - incisor)
    return np.asarray(around + slide)


def _turn_eye(head: Sculpt, out: Array, stem: str, side: int) -> None:
    pitch, yaw = np.radians(GAZE[stem])
    yaw = yaw if side == 1 else -yaw
    turn_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    ball = head.patch_start + np.flatnonzero(head.patches.eye == side)
    away = head.vertices[ball] - head.eyes[side - 1]
    out[ball] += away @ (turn_y @ turn_x).T - away


def _blink(head: Sculpt, skin: Array) -> Array:
    """The right eye's closing: the upper lid goes down over the ball to meet a lower lid that rises a little."""
    out = skin.copy()
    rings = head.skin.lids[0]
    out[rings.ravel()] *= np.repeat(np.array([0.0, 0.05, 0.2, 0.4, 0.6, 0.85]), rings.shape[1])[:, None]
    rim = head.vertices[rings[0]]
    upper, lower = np.arange(1, 16), np.arange(31, 16, -1)
    gap = rim[upper, 1] - rim[lower, 1]
    meet = rim[lower, 1] + _LOWER_RISE * gap
    for row, follow in zip(rings, _LID_FOLLOW, strict=True):
        _slide(head, out, row[upper], follow * (meet - rim[upper, 1]))
        _slide(head, out, row[lower], follow * (meet - rim[lower, 1]))
    return out


def _slide(head: Sculpt, out: Array, vertices: Array, drop: Array) -> None:
    """Move lid vertices by drop (N,) along y, keeping them a lid's thickness off the ball."""
    place = head.vertices[vertices]
    target = place + np.stack([0 * drop, drop, 0 * drop], 1)
    flat = target[:, :2] - head.eyes[0, :2]
    clear = np.clip((RADIUS + 0.15) ** 2 - (flat**2).sum(1), 0, None)
    target[:, 2] = np.maximum(target[:, 2] - 0.1, head.eyes[0, 2] + np.sqrt(clear))
    out[vertices] += target - place
