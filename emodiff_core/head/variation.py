"""From ways to differ to identity directions: free variation, the mouth's inside carried along, principal axes."""

import numpy as np
from numpy.typing import NDArray

from emodiff_core.head.chart import Array, mirrored, on_sphere, opened
from emodiff_core.head.controls import FACE
from emodiff_core.head.identities import FIELDS, NAMED_SHARE, STROKES
from emodiff_core.head.sculpt import Sculpt
from emodiff_core.head.smooth import lips_agree
from emodiff_core.head.strokes import Stroke, painted

AXES = np.array([1.0, 1.0, 0.45])
"""How much each axis counts when directions are ordered: depth is what pictures show least."""

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
            out += [(u, v, radius, size * float(x), size * float(y), size * float(z)) for x, y, z in axes]
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
    """Lid rims follow the lids; eyeballs move as a body with their lids, the mouth's inside with the lips' rim."""
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


def _is_ear(head: Sculpt) -> NDArray[np.bool_]:
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
    """(V,) how much a skin vertex counts: by the face mesh's points near it; zero off the skin."""
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
