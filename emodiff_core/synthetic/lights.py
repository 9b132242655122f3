"""Light: a sky in spherical harmonics (Ramamoorthi and Hanrahan 2001), two lamps, and what a head hides of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emodiff_core.raster import rasterize
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
DIRECTIONS = 72


@dataclass(frozen=True)
class Lights:
    """Light in picture space (x right, y up, z to the viewer), linear RGB.

    sky: (DIRECTIONS, 3) radiance from `directions()`; lamps: (2, 3) unit directions towards key and rim;
    power: (2, 3) their irradiance.
    """

    sky: Floats
    lamps: Floats
    power: Floats


def directions(count: int = DIRECTIONS) -> Floats:
    """Unit vectors (count, 3) spread evenly (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    rim = np.sqrt(1 - z**2)
    return np.stack([rim * np.cos(turn), rim * np.sin(turn), z], 1).astype(np.float32)


def harmonics(normals: Floats) -> Floats:
    """The nine real spherical harmonics (P, 9) at unit vectors (P, 3)."""
    x, y, z = normals.T
    return np.stack(
        [
            0.282095 * np.ones_like(x), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y,
            1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ], 1,
    ).astype(np.float32)  # fmt: skip


def irradiance(sky: Floats) -> Floats:
    """Coefficients (9, 3): dot with `harmonics(n)` is the irradiance of normal n over pi."""
    bands = np.array([np.pi] + [2 * np.pi / 3] * 3 + [np.pi / 4] * 5, np.float32) / np.pi
    projected = harmonics(directions(len(sky))).T @ sky * (4 * np.pi / len(sky))
    return (projected * bands[:, None]).astype(np.float32)


def lights_of(person: Person) -> Lights:
    """The light a person is filmed in: soft room light, a key from above and to a side, a weak rim."""
    rng = person.rng("lights")
    side = rng.choice([-1.0, 1.0])
    key = _aim(side * rng.uniform(0.15, 1.1), rng.uniform(0.25, 0.85))
    rim = _aim(-side * rng.uniform(1.9, 2.5), rng.uniform(0.1, 0.6))
    warm = rng.normal(0, 0.05)
    balance = rng.uniform(0.25, 0.75)
    key_colour = np.array([1 + warm, 1, 1 - 1.4 * warm]) * (0.45 + 0.75 * balance)
    rim_colour = np.array([1 - warm, 1, 1 + warm]) * rng.uniform(0, 0.7) * rng.choice([0, 1])
    return Lights(
        sky=_sky(rng, side, warm) * np.float32(1.05 - 0.62 * balance),
        lamps=np.stack([key, rim]).astype(np.float32),
        power=np.stack([key_colour, rim_colour]).astype(np.float32),
    )


def _aim(turn: float, rise: float) -> Floats:
    flat = np.cos(rise)
    return np.array([np.sin(turn) * flat, np.sin(rise), np.cos(turn) * flat], np.float32)


def _sky(rng: np.random.Generator, side: float, warm: float) -> Floats:
    at = directions()
    up = 0.5 + 0.5 * at[:, 1:2]
    top = np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.8, 1.2)
    ground = np.array([1 + 0.06, 0.95, 0.86]) * rng.uniform(0.25, 0.5)
    fill = np.array([1 - warm, 1.0, 1 + warm]) * rng.uniform(0.0, 0.6)
    toward = np.clip(at @ _aim(-side * 1.0, 0.15), 0, 1)[:, None] ** 2
    front = 0.75 + 0.35 * at[:, 2:3]
    return np.asarray((ground + (top - ground) * up) * front + fill * toward, np.float32)


def visibility(vertices: Floats, normals: Floats, faces: NDArray[np.int64], size: int = 220) -> Floats:
    """Which of `directions()` each vertex (V, 3) sees past the mesh, times the cosine: (V, DIRECTIONS), 0 to 1.

    Depth buffers from every direction; vertices are moved out along their normals so that they do not hide themselves.
    """
    at = directions()
    out = np.zeros((len(vertices), len(at)), np.float32)
    middle = (vertices.max(0) + vertices.min(0)) / 2
    scale = size / (1.05 * float(np.linalg.norm(np.ptp(vertices, axis=0))))
    for k, toward in enumerate(at):
        basis = _look(toward)
        seen = ((vertices - middle) @ basis.T * (scale, -scale, scale) + (size / 2, size / 2, 0)).astype(np.float32)
        depth = rasterize(seen, faces, (size, size)).depth
        lifted = seen + (normals @ basis.T * (1, -1, 1) * 1.2).astype(np.float32)
        x, y = np.clip(lifted[:, :2].astype(int), 0, size - 1).T
        out[:, k] = (lifted[:, 2] > depth[y, x] - 1.0) * np.clip(normals @ toward, 0, 1)
    return out


def _look(toward: Floats) -> Floats:
    side = np.cross([0.0, 1.0, 0.0], toward)
    side /= np.linalg.norm(side) + 1e-9
    return np.stack([side, np.cross(toward, side), toward]).astype(np.float32)
