"""The inside of the mouth: bag behind the lips, gums, tongue."""

import numpy as np

from emodiff_core.flame import Part
from emodiff_core.head.patches import Array, Patch, grid_faces, joined, outward, patch
from emodiff_core.head.teeth import LOWER, UPPER, Arch

# rows behind the rim: how far back (cm), half height of the opening (cm), width against the lips', share of the oval
_BAG = (
    (0.2, 0.06, 1.0, 0.0), (0.3, 0.5, 1.0, 0.0), (0.45, 1.2, 1.08, 0.2), (1.3, 2.0, 1.35, 0.7),
    (3.0, 2.4, 1.6, 1.0), (5.0, 2.3, 1.5, 1.0), (7.2, 1.2, 0.9, 1.0),
)  # fmt: skip


def bag_rows(rim: Array) -> Array:
    """(rows, N, 3) rings from behind the lips' rim (N, 3) to the throat; N even, upper half first."""
    n = len(rim)
    middle = rim.mean(0)
    angle = np.pi - 2 * np.pi * np.arange(n) / n
    zero = np.zeros(n)
    rows = []
    for back, height, width, oval in _BAG:
        round_one = middle + np.stack([2.3 * width * np.cos(angle), height * np.sin(angle), zero - back], 1)
        like_lips = rim * np.array([width, 1, 1]) + np.stack([zero, height * np.sin(angle), zero - back], 1)
        rows.append((1 - oval) * like_lips + oval * round_one)
    return np.stack(rows)


def gum(arch: Arch, jaw: float) -> Patch:
    """A band of gum above (or below) the crowns, following their arch."""
    along = np.linspace(-1, 1, 33)
    centre, outside = arch.place(along)
    rows = []
    for lift, swell in ((-0.12, 0.27), (0.1, 0.33), (0.6, 0.36), (1.0, 0.1), (0.9, -0.7), (0.2, -0.42), (-0.1, -0.28)):
        root = centre + np.array([0, arch.up * (arch.crown + lift), 0])
        rows.append(root + outside * swell)
    grid = np.stack(rows)
    faces = grid_faces(len(rows), 33, wrap=False)
    if arch.up > 0:
        faces = faces[:, [0, 2, 1]]
    return patch(grid.reshape(-1, 3), faces, Part.MOUTH, jaw)


def tongue(floor: float, front: float) -> Patch:
    """A broad soft body on the floor of the mouth. floor: y of its middle; front: z of its tip."""
    lat, lon = np.meshgrid(np.linspace(-1.5, 1.5, 11), np.linspace(-np.pi, np.pi, 20, endpoint=False), indexing="ij")
    x = 2.0 * np.cos(lat) * np.sin(lon)
    z = 2.9 * np.cos(lat) * np.cos(lon)
    y = 0.75 * np.sin(lat) - 0.12 * np.exp(-((x / 0.4) ** 2)) * (lat > 0)
    x = x * (1 - 0.12 * np.clip(z, 0, None))
    body = np.stack([x, y + 0.06 * z, z], -1).reshape(-1, 3) + np.array([0, floor, front - 2.9])
    faces = outward(body, grid_faces(11, 20, wrap=True))
    return patch(body, faces, Part.TONGUE, 1.0)


def inside(rim: Array) -> Patch:
    """Gums and tongue, placed by the lips' rim (N, 3)."""
    seam, lip = rim[:, 1].mean(), rim[:, 2].max()
    upper, lower = UPPER.at(seam, lip), LOWER.at(seam, lip)
    return joined([gum(upper, 0.0), gum(lower, 1.0), tongue(seam - 1.15, lip - 1.75)])
