"""Single teeth on two arches. Crown sizes are the usual means of dental anatomy (Wheeler), in centimetres."""

from dataclasses import dataclass, replace

import numpy as np

from emodiff_core.flame import Part
from emodiff_core.head.patches import Array, Patch, grid_faces, joined, outward, patch


@dataclass(frozen=True)
class Arch:
    """widths and heights of one side's crowns from the middle to the second molar; half_width and depth of the arch;
    up: 1 where the roots are above; edge and front: the middle incisors' cutting edge (y) and face (z).
    """

    widths: tuple[float, ...]
    heights: tuple[float, ...]
    half_width: float
    depth: float
    up: int
    edge: float = 0.0
    front: float = 0.0

    @property
    def crown(self) -> float:
        """Height of a middle crown."""
        return self.heights[0]

    def at(self, seam: float, lip: float) -> "Arch":
        """The arch behind lips that meet at y = seam, the foremost rim at z = lip."""
        return replace(self, edge=seam + self.edge, front=lip + self.front)

    def place(self, along: Array) -> tuple[Array, Array]:
        """Points (N, 3) at the cutting edge at -1 (right) to 1 (left) of the arch's length, and directions outwards."""
        bend = np.linspace(-1, 1, 401)
        x = self.half_width * np.sign(bend) * np.abs(np.sin(bend * np.pi / 2))
        z = -self.depth * np.abs(1 - np.cos(bend * np.pi / 2)) ** 0.95
        length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
        at = (along + 1) / 2 * length[-1]
        px, pz = np.interp(at, length, x), np.interp(at, length, z)
        qx, qz = np.interp(at + 0.05, length, x), np.interp(at + 0.05, length, z)
        rx, rz = np.interp(at - 0.05, length, x), np.interp(at - 0.05, length, z)
        out = np.stack([-(qz - rz), 0 * px, qx - rx], 1)
        out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
        rise = 0.1 * np.abs(along) ** 2 * self.up
        return np.stack([px, self.edge + rise, self.front - 0.3 + pz], 1), out


UPPER = Arch(
    (0.86, 0.66, 0.76, 0.70, 0.68, 1.0, 0.9),
    (1.02, 0.9, 1.0, 0.85, 0.8, 0.75, 0.7),
    half_width=2.85,
    depth=4.3,
    up=1,
    edge=-0.28,
    front=-0.68,
)
LOWER = Arch(
    (0.53, 0.58, 0.68, 0.70, 0.71, 1.08, 1.0),
    (0.86, 0.9, 0.98, 0.86, 0.8, 0.75, 0.7),
    half_width=2.65,
    depth=4.15,
    up=-1,
    edge=-0.10,
    front=-0.98,
)


def _power(value: Array, exponent: float) -> Array:
    return np.asarray(np.sign(value) * np.abs(value) ** exponent)


def _crown(width: float, height: float, thickness: float, flat: float) -> Array:
    """(45, 3) a rounded box about its cutting edge's middle: x across, y from 0 at the edge to the root, z outwards."""
    lat, lon = np.meshgrid(np.linspace(-1.45, 1.5, 5), np.linspace(0, 2 * np.pi, 9, endpoint=False), indexing="ij")
    x = 0.5 * width * _power(np.cos(lat), 0.35) * _power(np.cos(lon), 0.55)
    z = 0.5 * thickness * _power(np.cos(lat), 0.6) * _power(np.sin(lon), 0.7)
    y = height * (0.5 + 0.5 * _power(np.sin(lat), 0.8))
    rise = y / height
    x = x * (1 - 0.16 * rise)
    z = z * (flat + (1 - flat) * rise)
    return np.stack([x, y, z], -1).reshape(-1, 3)


def teeth(arch: Arch, part: Part, jaw: float) -> Patch:
    """All crowns of one arch."""
    length = 2 * sum(arch.widths)
    faces = grid_faces(5, 9, wrap=True)
    out = []
    for side in (-1, 1):
        start = 0.0
        for i, (width, height) in enumerate(zip(arch.widths, arch.heights, strict=True)):
            centre, away = arch.place(np.array([side * (start + width / 2) * 2 / length]))
            start += width
            crown = _crown(width * 1.02, height, 0.5 if i < 3 else 0.85, 0.45 if i < 3 else 0.9)
            across = np.array([away[0, 2], 0, -away[0, 0]])
            placed = centre + crown[:, :1] * across + crown[:, 1:2] * np.array([0, arch.up, 0]) + crown[:, 2:] * away
            out.append(patch(placed, outward(placed, faces), part, jaw))
    return joined(out)


def both(seam: float, lip: float) -> Patch:
    """Upper teeth on the skull and lower teeth on the jaw, behind lips that meet at y = seam, foremost at z = lip."""
    upper = teeth(UPPER.at(seam, lip), Part.TEETH_UPPER, 0.0)
    return joined([upper, teeth(LOWER.at(seam, lip), Part.TEETH_LOWER, 1.0)])
