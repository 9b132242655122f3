"""Ways in which people differ, one standard deviation each, after Farkas' Anthropometry of the Head and Face (1994)."""

from collections.abc import Callable

import numpy as np

from emodiff_core.head.chart import Array, mirrored, on_sphere, opened
from emodiff_core.head.controls import FACE
from emodiff_core.head.sculpt import Sculpt
from emodiff_core.head.smooth import lips_agree
from emodiff_core.head.strokes import Stroke, painted

AXES = np.array([1.0, 1.0, 0.45])
"""How much each axis counts when directions are ordered: depth is what pictures show least."""

Field = Callable[[Array], Array]

STROKES: dict[str, tuple[Stroke, ...]] = {
    "jaw angle": ((0.125, 0.215, 0.4, -0.38, -0.05, 0.0),),
    "chin forward": ((0.5, 0.07, 0.32, 0, 0, 0.32),),
    "chin wide": ((0.43, 0.08, 0.22, -0.28, 0, 0.03),),
    "chin cleft and button": ((0.5, 0.13, 0.2, 0, 0.05, 0.2), (0.5, 0.21, 0.14, 0, 0, -0.12)),
    "nose wide": ((0.415, 0.45, 0.16, -0.17, 0, 0.03), (0.45, 0.42, 0.1, -0.05, 0, 0)),
    "nose forward": ((0.5, 0.46, 0.17, 0, 0, 0.27), (0.5, 0.55, 0.16, 0, 0, 0.1)),
    "nose tip down": ((0.5, 0.455, 0.14, 0, -0.22, -0.03), (0.44, 0.45, 0.1, 0, -0.04, 0)),
    "nose bridge high": ((0.5, 0.57, 0.14, 0, 0, 0.2), (0.5, 0.64, 0.14, 0, 0, 0.14)),
    "nose bridge wide": ((0.46, 0.58, 0.13, -0.1, 0, 0.02), (0.46, 0.65, 0.12, -0.06, 0, 0)),
    "nose tip broad": ((0.475, 0.47, 0.1, -0.09, 0, -0.03),),
    "mouth wide": ((0.39, 0.305, 0.14, -0.24, 0, -0.06), (0.44, 0.306, 0.1, -0.05, 0, 0)),
    "upper lip full": ((0.46, 0.34, 0.09, 0, 0.1, 0.1), (0.5, 0.345, 0.08, 0, 0.06, 0.06), (0.41, 0.325, 0.07, 0, 0.05, 0.02)),
    "lower lip full": ((0.46, 0.268, 0.1, 0, -0.1, 0.1), (0.5, 0.266, 0.08, 0, -0.06, 0.08), (0.41, 0.284, 0.07, 0, -0.05, 0.02)),
    "lips forward": ((0.5, 0.35, 0.22, 0, 0, 0.16), (0.5, 0.26, 0.22, 0, 0, 0.16)),
    "mouth corners up": ((0.385, 0.307, 0.1, 0, 0.14, 0),),
    "eyes apart": ((0.35, 0.62, 0.26, -0.16, 0, -0.03),),
    "eyes wide": ((0.28, 0.622, 0.1, -0.1, 0, -0.03), (0.42, 0.612, 0.09, 0.05, 0, 0)),
    "eyes open": ((0.345, 0.647, 0.09, 0, 0.1, 0), (0.345, 0.598, 0.08, 0, -0.06, 0)),
    "eyes slant": ((0.275, 0.623, 0.13, 0, 0.14, 0), (0.425, 0.61, 0.08, 0, -0.06, 0)),
    "eyes deep": ((0.36, 0.62, 0.24, 0, 0, -0.2), (0.37, 0.72, 0.18, 0, 0, 0.1)),
    "eyelid fold": ((0.345, 0.672, 0.1, 0, -0.08, 0.14), (0.27, 0.655, 0.1, 0, -0.08, 0.08)),
    "brows high": ((0.35, 0.735, 0.24, 0, 0.27, 0), (0.5, 0.72, 0.14, 0, 0.1, 0)),
    "brow ridge": ((0.38, 0.73, 0.22, 0, -0.05, 0.18), (0.5, 0.72, 0.15, 0, 0, 0.14)),
    "brows slant": ((0.25, 0.71, 0.17, 0, 0.18, 0), (0.44, 0.73, 0.13, 0, -0.12, 0)),
    "cheekbones": ((0.2, 0.52, 0.27, -0.25, 0.05, 0.12), (0.28, 0.5, 0.2, -0.05, 0.03, 0.12)),
    "cheeks full": ((0.2, 0.35, 0.36, -0.36, -0.05, 0.22), (0.3, 0.4, 0.24, -0.05, 0, 0.14)),
    "temples wide": ((0.1, 0.72, 0.4, -0.3, 0, 0.05),),
    "forehead round": ((0.5, 0.83, 0.4, 0, 0, 0.25),),
    "forehead slope": ((0.5, 0.88, 0.45, 0, 0.05, -0.35), (0.5, 0.74, 0.25, 0, 0, 0.08)),
    "aged": ((0.22, 0.24, 0.2, -0.12, -0.22, 0.06), (0.37, 0.4, 0.12, 0.04, -0.08, 0.08), (0.33, 0.585, 0.12, 0, -0.05, 0.08)),
    "under the chin": ((0.5, -0.05, 0.35, 0, -0.4, 0.25),),
}  # fmt: skip


def _ramp(value: Array, low: float, high: float) -> Array:
    step = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(step * step * (3 - 2 * step))


def _face_wide(v: Array) -> Array:
    return np.stack([0.045 * v[:, 0], 0 * v[:, 0], 0 * v[:, 0]], 1)


def _lower_face_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.42 * np.clip((-1.2 - v[:, 1]) / 6.5, 0, 1.3), 0 * v[:, 1]], 1)


def _upper_lip_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.2 * np.clip((-0.9 - v[:, 1]) / 1.6, 0, 1), 0 * v[:, 1]], 1)


def _nose_long(v: Array) -> Array:
    return np.stack([0 * v[:, 1], -0.32 * np.clip((3.6 - v[:, 1]) / 4.6, 0, 1), 0 * v[:, 1]], 1)


def _forehead_high(v: Array) -> Array:
    return np.stack([0 * v[:, 1], 0.45 * np.clip((v[:, 1] - 5.0) / 6.0, 0, 1.4), 0 * v[:, 1]], 1)


def _jaw_narrow(v: Array) -> Array:
    return np.stack([-0.05 * v[:, 0] * _ramp(-v[:, 1], -1.5, 6.0), 0 * v[:, 0], 0 * v[:, 0]], 1)


def _face_deep(v: Array) -> Array:
    return np.stack([0 * v[:, 2], 0 * v[:, 2], 0.05 * (v[:, 2] - 6.0)], 1)


def _profile_convex(v: Array) -> Array:
    return np.stack([0 * v[:, 1], 0 * v[:, 1], 0.3 * np.cos(np.clip((v[:, 1] - 0.5) / 8.5, -1, 1) * np.pi) * _ramp(v[:, 2], 2, 9)], 1)


NAMED_SHARE = 0.72
"""The named directions overlap with the free ones; together they give the spread Farkas measured."""

FIELDS: tuple[Field, ...] = (
    _face_wide, _lower_face_long, _upper_lip_long, _nose_long, _forehead_high, _jaw_narrow, _face_deep, _profile_convex,
)  # fmt: skip


SPREADS = ((0.6, 0.14, 0.16), (0.3, 0.06, 0.07))
"""Two scales of free variation: radius on the chart's sphere, cm, distance of the sites in the chart."""


def free_strokes() -> list[Stroke]:
    """Small displacements along each axis at sites spread over the face: what the named directions do not say.

    Their sum is a Gaussian process over the surface (Luethi et al. 2018, Gaussian process morphable models).
    """
    out: list[Stroke] = []
    for radius, size, spacing in SPREADS:
        sites: list[tuple[float, float]] = []
        for _, u, v, *_ in FACE:
            u = 0.5 if abs(u - 0.5) < 0.012 else u
            if all(np.hypot(u - a, v - b) > spacing for a, b in sites):
                sites.append((u, v))
        for u, v in sites:
            axes = np.eye(3)[1:] if u == 0.5 else np.eye(3)
            out += [(u, v, radius, *(float(x) for x in size * axis)) for axis in axes]
    return out


def directions(head: Sculpt) -> Array:
    """(D, V, 3) one standard deviation of each way to differ; teeth, eyes and ears carried along."""
    painters = [*STROKES.values(), *((stroke,) for stroke in free_strokes())]
    out = [NAMED_SHARE * field(head.vertices) for field in FIELDS]
    for number, strokes in enumerate(painters):
        offset = np.zeros_like(head.vertices)
        share = NAMED_SHARE if number < len(STROKES) else 1.0
        skin = painted(head.skin.uv, head.skin.side, strokes, both_sides=True)
        offset[: len(skin)] = share * lips_agree(head.skin, skin)
        out.append(offset)
    for offset in out:
        _carry(head, offset)
    return np.stack(out)


def _carry(head: Sculpt, offset: Array) -> None:
    """Lid rims follow the lids, eyeballs move with their lids as a body, the mouth's inside with the lips' rim as a body."""
    for eye in range(2):
        rim = offset[head.skin.lids[eye, 0]]
        offset[head.lids[eye]] = rim[None]
        ball = head.patch_start + np.flatnonzero(head.patches.eye == eye + 1)
        offset[ball] = rim.mean(0)
    rim = offset[head.skin.lips[0]]
    mouth = np.concatenate([rim.mean(0)[:1] * 0, rim.mean(0)[1:]])
    stretch = (rim[20, 0] - rim[0, 0]) / np.ptp(head.vertices[head.skin.lips[0], 0])
    for r, row in enumerate(head.bag):
        away = min(1.0, r / 3)
        body = mouth + np.stack([stretch * head.vertices[row, 0], 0 * row, 0 * row], 1)
        offset[row] = (1 - away) * rim + away * body
    inner = head.patch_start + np.flatnonzero((head.patches.eye == 0) & ~_is_ear(head))
    offset[inner] = mouth + np.stack([0.5 * stretch * head.vertices[inner, 0], 0 * inner, 0 * inner], 1)
    for side in (-1.0, 1.0):
        ear = head.patch_start + np.flatnonzero(_is_ear(head) & (head.patches.vertices[:, 0] * side > 0))
        root = np.linalg.norm(head.vertices[: len(head.skin.uv)] - np.array([side * 7.1, 1.9, 3.4]), axis=1).argmin()
        offset[ear] = offset[root]


def _is_ear(head: Sculpt) -> Array:
    return np.asarray((np.abs(head.patches.vertices[:, 0]) > 5.0) & (head.patches.eye == 0))


def shape_basis(head: Sculpt, count: int) -> Array:
    """(count, V, 3) orthogonal directions over the visible face, largest first: the same people as `directions`.

    Sums of independent N(0, 1) directions, turned to their principal axes, so coefficients stay N(0, 1).
    """
    everything = directions(head)
    weight = surface_weight(head)
    everything = everything - _rigid_and_size(head, everything, weight)
    flat = (everything * weight[None, :, None] * AXES).reshape(len(everything), -1)
    _, axes = np.linalg.eigh(flat @ flat.T)
    turned = np.tensordot(axes[:, ::-1][:, :count].T, everything, 1)
    signs = np.sign(turned.reshape(len(turned), -1).sum(1))
    return np.asarray(turned * np.where(signs == 0, 1, signs)[:, None, None])


def surface_weight(head: Sculpt) -> Array:
    """(V,) how much a skin vertex counts: the face mesh's points near it, so eyes, nose and mouth most; zero off the skin."""
    table = np.array(FACE)
    uv = np.concatenate([table[:, 1:3], mirrored(table[:, 1:3])])
    square = ((head.skin.sphere[:, None] - on_sphere(opened(uv))[None]) ** 2).sum(2)
    share = np.exp(-square / 0.05**2)
    out = np.zeros(len(head.vertices))
    out[: len(head.skin.uv)] = (share / np.maximum(share.sum(0), 1e-9)).sum(1)
    return np.asarray(np.sqrt(out / out.sum()))


def _rigid_and_size(head: Sculpt, offsets: Array, weight: Array) -> Array:
    """The part of each offset (D, V, 3) that is a shift, a turn or a change of size of the face."""
    place = head.vertices - np.average(head.vertices, axis=0, weights=weight**2)
    moves = [np.broadcast_to(axis, place.shape) for axis in np.eye(3)]
    moves += [np.cross(axis, place) for axis in np.eye(3)] + [place]
    basis = np.stack([(m * weight[:, None]).ravel() for m in moves], 1)
    flat = (offsets * weight[None, :, None]).reshape(len(offsets), -1)
    share = np.linalg.lstsq(basis, flat.T, rcond=None)[0].T
    return np.einsum("dm,mvc->dvc", share, np.stack(moves))
