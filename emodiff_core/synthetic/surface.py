"""What a point of a synthetic person is made of: skin, eye, inside of the mouth, hair, cloth. Linear light, numba."""

import numba
import numpy as np
from numpy.typing import NDArray

from emodiff_core.texture import read, spot

Floats = NDArray[np.float32]
Three = tuple[float, float, float]
Surface = tuple[Three, Three, Three, Three]
"""Normal of any length, colour, light that gets there (sky, key, rim: 0 to 1) and finish: gloss, how often a
highlight is doubled, how far light wraps around."""

SKIN, EYE, TEETH, GUMS, TONGUE, HAIR, CLOTH, FRAME = range(8)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def skin_at(normal: Three, place: Three, light: Three, skin: Floats, relief: Floats, up: Floats) -> Surface:
    """Skin at place (u, v, -), its normal bent by the relief; textures as in `shade.shade`."""
    sky, key, rim = light
    at = spot(skin, place[0], place[1])
    crease = 1.0 - read(relief, at, 2)
    red = read(skin, at, 0) * (0.4 + 0.6 * crease)
    green = read(skin, at, 1) * crease
    blue = read(skin, at, 2) * crease
    # Blood glows through where no light gets in: nostrils and ears are never black.
    sky = max(sky, 0.05)
    if sky < 0.35:
        green *= 0.55 + sky * 1.28
        blue *= 0.5 + sky * 1.42
    bent = _bent(normal, up, read(relief, at, 0), read(relief, at, 1))
    return bent, (red, green, blue), (sky, key, rim), (read(skin, at, 3), 4.0, 0.22)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _bent(normal: Three, up: Floats, along_u: float, along_v: float) -> Three:
    """The normal of a surface whose relief rises by so much along u, across `up`, and along v."""
    nx, ny, nz = normal
    tx, ty, tz = up[1] * nz - up[2] * ny, up[2] * nx - up[0] * nz, up[0] * ny - up[1] * nx
    length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
    tx, ty, tz = tx / length, ty / length, tz / length
    bx, by, bz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
    return (
        nx - along_u * tx - along_v * bx,
        ny - along_u * ty - along_v * by,
        nz - along_u * tz - along_v * bz,
    )


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def eye_at(
    normal: Three, place: Three, light: Three, side: float, pixel: tuple[float, float], eye: Floats, lids: Floats
) -> Surface:
    """An eyeball at the local direction `place`, under its lids; side: below 0 is the first eye of lids."""
    red, green, blue = 0.62, 0.58, 0.55
    if place[2] > 0.0:
        at = spot(eye, 0.5 + 0.5 * place[0], 0.5 - 0.5 * place[1])
        red, green, blue = read(eye, at, 0), read(eye, at, 1), read(eye, at, 2)
    dark, flesh = _lid_shadow(lids, 0 if side < 0 else 1, pixel[0], pixel[1])
    red += flesh * (0.48 - red)
    green += flesh * (0.20 - green)
    blue += flesh * (0.18 - blue)
    colour = (red * dark, green * dark**1.15, blue * dark**1.15)
    lit = (max(light[0], 0.75), max(light[1], 0.8), light[2])
    return normal, colour, lit, (3.0 * dark * (1 - 0.7 * flesh), 9.0, 0.25)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def mouth_at(normal: Three, edge: float, deep: float, kind: int, plain: Floats) -> Surface:
    """Teeth, gums or tongue; edge: 0 at a tooth's gum, 1 at its edge; deep: light that gets in between the lips."""
    red, green, blue = np.float64(plain[kind, 0]), np.float64(plain[kind, 1]), np.float64(plain[kind, 2])
    if kind == TEETH:
        # Ivory at the gum, cooler and thinner towards the edge.
        red, green, blue = red * (0.90 + 0.06 * edge), green * (0.82 + 0.16 * edge), blue * (0.70 + 0.32 * edge)
        if edge > 0.75:
            thin = (edge - 0.75) * 0.7
            red, green, blue = red * (1 - thin), green * (1 - 0.9 * thin), blue * (1 - 0.75 * thin)
    colour = (red * (0.55 + 0.45 * deep), green * (0.3 + 0.7 * deep), blue * (0.3 + 0.7 * deep))
    light = (0.025 + 0.9 * deep, 0.75 * deep * deep, 0.0)
    return normal, colour, light, (1.1 * deep, 7.0 if kind == TEETH else 6.0, 0.35)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def hair_at(normal: Three, light: Three, tone: float, plain: Floats) -> Surface:
    """Hair of a tone, 1 is its own colour; it has two sides."""
    nx, ny, nz = normal
    if nz < 0:
        nx, ny, nz = -nx, -ny, -nz
    return (nx, ny, nz), _toned(plain, HAIR, tone), light, (0.0, 4.0, 0.3)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def cloth_at(normal: Three, light: Three, tone: float, plain: Floats) -> Surface:
    """Cloth of a tone, 1 is its own colour."""
    return normal, _toned(plain, CLOTH, tone), light, (0.0, 4.0, 0.0)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def frame_at(normal: Three, light: Three, plain: Floats) -> Surface:
    """The frame of a pair of glasses."""
    return normal, _toned(plain, FRAME, 1.0), light, (0.8, 6.0, 0.0)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _toned(plain: Floats, kind: int, tone: float) -> Three:
    return plain[kind, 0] * tone, plain[kind, 1] * tone, plain[kind, 2] * tone


@numba.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _lid_shadow(lids: Floats, side: int, x: float, y: float) -> tuple[float, float]:
    """How much light the lids leave on an eyeball, dark under the upper one, a little at the lower one and the corners;
    and the share of flesh at its inner corner."""
    upper, lower = lids[side, 0], lids[side, 1]
    last = upper.shape[0] - 1
    wide = abs(upper[last, 0] - upper[0, 0]) + 1e-3
    above = y - _height(upper, x)
    below = _height(lower, x) - y
    corner = min(abs(x - upper[0, 0]), abs(x - upper[last, 0])) / wide
    top = 1 - 0.62 * np.exp(-max(0.0, above) / (0.085 * wide))
    low = 1 - 0.30 * np.exp(-max(0.0, below) / (0.045 * wide))
    inner = abs(x - (upper[last, 0] if side == 0 else upper[0, 0])) / wide
    flesh = min(1.0, max(0.0, 1.0 - (inner - 0.03) / 0.09))
    return float(top * low * (0.72 + 0.28 * min(1.0, corner / 0.16))), float(flesh)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _height(line: Floats, x: float) -> float:
    for k in range(line.shape[0] - 1):
        if x <= line[k + 1, 0] or k == line.shape[0] - 2:
            run = line[k + 1, 0] - line[k, 0]
            t = (x - line[k, 0]) / run if run > 1e-3 else 0.5
            return float(line[k, 1] + min(1.0, max(0.0, t)) * (line[k + 1, 1] - line[k, 1]))
    return float(line[0, 1])
