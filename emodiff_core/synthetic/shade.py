"""One pass over the pixels: how light meets what each fragment is made of. Linear light, numba."""

import numba
import numpy as np
from numpy.typing import NDArray

from emodiff_core.raster import vertex_normals
from emodiff_core.synthetic.surface import (
    CLOTH,
    EYE,
    FRAME,
    HAIR,
    SKIN,
    Three,
    cloth_at,
    eye_at,
    frame_at,
    hair_at,
    mouth_at,
    skin_at,
)
from emodiff_core.texture import read, spot

Floats = NDArray[np.float32]


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def place(rest: Floats, head: Floats, body: Floats, stay: Floats, lead: Floats, camera: Floats) -> Floats:
    """Vertices (V, 3) in pixels (y down) of rest (V, 3): turned with head (3, 3) where lead (V,) is 1, with body (3, 3)
    and moved by stay (3,) where it is 0, in between in between; camera: (3,) scale and shift."""
    out = np.empty_like(rest)
    for v in range(rest.shape[0]):
        share = lead[v]
        for k in range(3):
            led = head[k, 0] * rest[v, 0] + head[k, 1] * rest[v, 1] + head[k, 2] * rest[v, 2]
            own = body[k, 0] * rest[v, 0] + body[k, 1] * rest[v, 1] + body[k, 2] * rest[v, 2] + stay[k]
            out[v, k] = (own + (led - own) * share) * camera[0]
        out[v, 0] += camera[1]
        out[v, 1] = camera[2] - out[v, 1]
    return out


def normals_of(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Unit vertex normals (V, 3) by area, of vertices in picture pixels (y down), given with y up."""
    normals = vertex_normals(vertices, faces)
    _upright(normals)
    return normals


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _upright(normals: Floats) -> None:
    for v in range(normals.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-12
        normals[v, 0] /= length
        normals[v, 1] /= -length
        normals[v, 2] /= length


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def shade(
    face: NDArray[np.int32], weights: Floats, faces: NDArray[np.int64], material: NDArray[np.uint8],
    normals: Floats, attributes: Floats, skin: Floats, relief: Floats, up: Floats,
    eye: Floats, lids: Floats, strands: Floats, cloth: Floats, plain: Floats,
    sh: Floats, lamps: Floats, power: Floats, out: Floats,
) -> None:  # fmt: skip
    """Linear colour of every covered pixel into out (H, W, 3).

    attributes: (V, 9) u, v, third (eye: z of the local direction; teeth: 0 at the gum, 1 at the edge), sky seen 0 to 1,
    key seen, rim seen, and by material: eye: side; mouth: light that gets in; hair: direction of the strand;
    skin: (h, w, 4) colour, gloss; relief: (h, w, 3) slope along u, slope along v, crease; up: (3,) the head's up;
    eye: (h, w, 4) colour, wetness; lids: (2, 2, K, 2) eye, upper and lower lid, knots in pixels;
    strands: (h, w, 2) alpha, shade; cloth: (h, w, 3); plain: (8, 3) colour of a material where it has no texture.
    """
    height, width = face.shape
    for y in range(height):
        for x in range(width):
            f = face[y, x]
            if f < 0:
                continue
            corner, share = (
                (faces[f, 0], faces[f, 1], faces[f, 2]),
                (weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]),
            )
            raw = _mixed(normals, corner, share, 0)
            place = _mixed(attributes, corner, share, 0)
            lit = _mixed(attributes, corner, share, 3)
            kind, tone = material[f], 1.0
            along = (0.0, 0.0, 0.0)
            if kind == SKIN:
                normal, colour, light, finish = skin_at(raw, place, lit, skin, relief, up)
            elif kind == EYE:
                side = _mixed(attributes, corner, share, 6)[0]
                normal, colour, light, finish = eye_at(raw, place, lit, side, (x + 0.5, y + 0.5), eye, lids)
            elif kind == HAIR:
                along = _mixed(attributes, corner, share, 6)
                tone = read(strands, spot(strands, place[0], place[1]), 1)
                normal, colour, light, finish = hair_at(raw, lit, tone, plain)
            elif kind == CLOTH:
                normal, colour, light, finish = cloth_at(
                    raw, lit, read(cloth, spot(cloth, place[0], place[1]), 0), plain
                )
            elif kind == FRAME:
                normal, colour, light, finish = frame_at(raw, lit, plain)
            else:
                deep = _mixed(attributes, corner, share, 6)[0]
                normal, colour, light, finish = mouth_at(raw, place[2], deep, kind, plain)
            normal = _unit(normal)
            if kind == HAIR:
                bright = _strand_glow(normal, along, tone, light, lamps)
            else:
                bright = _wet_glow(normal, kind == EYE, light, finish, lamps)
            _light(kind, normal, colour, light, finish, bright, sh, lamps, power, out[y, x])


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _mixed(values: Floats, corner: tuple[int, int, int], share: Three, first: int) -> Three:
    """Three channels of per-vertex values (V, C) at a point of a face."""
    a, b, c = corner
    wa, wb, wc = share
    return (
        np.float64(wa * values[a, first] + wb * values[b, first] + wc * values[c, first]),
        np.float64(wa * values[a, first + 1] + wb * values[b, first + 1] + wc * values[c, first + 1]),
        np.float64(wa * values[a, first + 2] + wb * values[b, first + 2] + wc * values[c, first + 2]),
    )


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _unit(v: Three) -> Three:
    length = np.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]) + 1e-9
    return v[0] / length, v[1] / length, v[2] / length


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _facing(normal: Three, lamp: Floats) -> float:
    return float(normal[0] * lamp[0] + normal[1] * lamp[1] + normal[2] * lamp[2])


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _strand_glow(normal: Three, along: Three, tone: float, light: Three, lamps: Floats) -> tuple[float, float]:
    """Highlights of key and rim light on a strand of hair (Kajiya and Kay 1989)."""
    key, rim = _facing(along, lamps[0]) + 0.35 * (tone - 1), _facing(along, lamps[1])
    across = np.sqrt(max(0.0, 1 - along[2] * along[2]))
    cone = max(0.0, key * along[2] + np.sqrt(max(0.0, 1 - key * key)) * across)
    back = max(0.0, rim * along[2] + np.sqrt(max(0.0, 1 - rim * rim)) * across)
    glow = 0.22 * _raised(cone, 5) + 0.10 * _raised(cone, 3)
    bright = glow * light[1] * max(0.0, _facing(normal, lamps[0]) + 0.3) * tone
    return bright, 0.2 * _raised(back, 3) * max(0.0, _facing(normal, lamps[1]) + 0.3)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _wet_glow(normal: Three, eye: bool, light: Three, finish: Three, lamps: Floats) -> tuple[float, float]:
    """Highlights of key and rim light on what is smooth."""
    gloss, shine = finish[0], int(finish[1])
    if gloss <= 0:
        return 0.0, 0.0
    edge = 0.04 + 0.5 * _raised(max(0.0, 1 - normal[2]), 2) * max(0.0, 1 - normal[2])
    rim = gloss * light[2] * edge * _specular(normal, lamps[1], shine)
    if eye:
        # What eyes mirror is a window or a softbox at their own height more than the lamp above.
        tilted = _unit((normal[0], normal[1] + 0.14, normal[2]))
        return 0.7 * gloss * edge * _specular(tilted, lamps[0], 8), rim
    return gloss * light[1] * edge * _specular(normal, lamps[0], shine), rim


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _specular(normal: Three, lamp: Floats, doublings: int) -> float:
    hx, hy, hz = lamp[0], lamp[1], lamp[2] + 1.0
    length = np.sqrt(hx * hx + hy * hy + hz * hz)
    facing = max(0.0, (normal[0] * hx + normal[1] * hy + normal[2] * hz) / length)
    return float((2**doublings + 2) * 0.125 * _raised(facing, doublings))


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _raised(value: float, doublings: int) -> float:
    """value to the power of 2 ** doublings."""
    for _ in range(doublings):
        value *= value
    return value


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _light(
    kind: int, normal: Three, colour: Three, light: Three, finish: Three, bright: tuple[float, float],
    sh: Floats, lamps: Floats, power: Floats, out: Floats,
) -> None:  # fmt: skip
    """Linear colour into out (3,): sky, key and rim light on a surface, and its highlights."""
    facing_key, facing_rim = _facing(normal, lamps[0]), _facing(normal, lamps[1])
    sky, key, rim = light
    most = max(colour[0], colour[1], colour[2])
    for k in range(3):
        # Red light travels furthest under the skin, so its terminator is the softest.
        wrap = finish[2] * (1.0 if k == 0 else 0.5 if k == 1 else 0.35)
        direct_key = max(0.0, (facing_key + wrap) / (1 + wrap))
        direct_rim = max(0.0, (facing_rim + wrap) / (1 + wrap))
        hidden = key if k else key * (1.3 - 0.3 * key)
        ambient = sky * _ambient(sh, normal, k)
        lit = ambient + direct_key * hidden * power[0, k] + direct_rim * rim * power[1, k]
        gleam = bright[0] * power[0, k] + bright[1] * power[1, k]
        if kind == HAIR:
            gleam *= 0.35 + 0.65 * colour[k] / (most + 1e-4)
        elif kind != CLOTH:
            gleam += finish[0] * ambient * 0.5 * _raised(max(0.0, 1 - normal[2]), 2) * 0.35
        out[k] = max(0.0, colour[k] * lit + gleam)


@numba.njit(inline="always", nogil=True, fastmath=True, error_model="numpy")
def _ambient(sh: Floats, normal: Three, k: int) -> float:
    x, y, z = normal
    return float(
        0.282095 * sh[0, k] + 0.488603 * (y * sh[1, k] + z * sh[2, k] + x * sh[3, k])
        + 1.092548 * (x * y * sh[4, k] + y * z * sh[5, k] + x * z * sh[7, k])
        + 0.315392 * (3 * z * z - 1) * sh[6, k] + 0.546274 * (x * x - y * y) * sh[8, k]
    )  # fmt: skip
