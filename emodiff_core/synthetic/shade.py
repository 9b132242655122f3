"""One pass over the pixels: what each fragment is made of, how light meets it. Linear light, numba."""

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SKIN, EYE, TEETH, GUMS, TONGUE, HAIR, CLOTH, FRAME = range(8)


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


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def normals_of(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Unit vertex normals (V, 3) by area, of vertices in picture pixels (y down), given with y up."""
    out = np.zeros_like(vertices)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[a, 1] - vertices[b, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[a, 1] - vertices[c, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + 1e-12
        for k in range(3):
            out[v, k] /= length
    return out


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _spot(texture: Floats, u: float, v: float) -> tuple[int, int, int, int, float, float]:
    """Four texels around a place and how far between them it lies."""
    height, width = texture.shape[0], texture.shape[1]
    x, y = u * width - 0.5, v * height - 0.5
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    xa, xb = min(max(x0, 0), width - 1), min(max(x0 + 1, 0), width - 1)
    ya, yb = min(max(y0, 0), height - 1), min(max(y0 + 1, 0), height - 1)
    return xa, xb, ya, yb, x - x0, y - y0


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _read(texture: Floats, spot: tuple[int, int, int, int, float, float], channel: int) -> float:
    xa, xb, ya, yb, fx, fy = spot
    top = texture[ya, xa, channel] * (1 - fx) + texture[ya, xb, channel] * fx
    low = texture[yb, xa, channel] * (1 - fx) + texture[yb, xb, channel] * fx
    return float(top * (1 - fy) + low * fy)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def cover(
    vertices: Floats,
    faces: NDArray[np.int64],
    first: int,
    uv: Floats,
    alpha: Floats,
    cut: Floats,
    face: NDArray[np.int32],
    weights: Floats,
    depth: Floats,
) -> None:
    """Adds two-sided faces (hair) to fragments, with holes where alpha (H, W, 1) at uv is below a vertex's cut (V,)."""
    height, width = face.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        bx, by, bz = vertices[b, 0], vertices[b, 1], vertices[b, 2]
        cx, cy, cz = vertices[c, 0], vertices[c, 1], vertices[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        y0 = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        inverse = 1.0 / area
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                wa = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inverse
                wb = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inverse
                wc = 1.0 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                z = wa * az + wb * bz + wc * cz
                if z <= depth[y, x]:
                    continue
                limit = wa * cut[a] + wb * cut[b] + wc * cut[c]
                if limit > 0:
                    u = wa * uv[a, 0] + wb * uv[b, 0] + wc * uv[c, 0]
                    v = wa * uv[a, 1] + wb * uv[b, 1] + wc * uv[c, 1]
                    if _read(alpha, _spot(alpha, u, v), 0) < limit:
                        continue
                depth[y, x] = z
                face[y, x] = first + f
                weights[y, x, 0] = wa
                weights[y, x, 1] = wb
                weights[y, x, 2] = wc


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _ambient(sh: Floats, x: float, y: float, z: float, k: int) -> float:
    return float(
        0.282095 * sh[0, k] + 0.488603 * (y * sh[1, k] + z * sh[2, k] + x * sh[3, k])
        + 1.092548 * (x * y * sh[4, k] + y * z * sh[5, k] + x * z * sh[7, k])
        + 0.315392 * (3 * z * z - 1) * sh[6, k] + 0.546274 * (x * x - y * y) * sh[8, k]
    )  # fmt: skip


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _raised(value: float, doublings: int) -> float:
    """value to the power of 2 ** doublings."""
    for _ in range(doublings):
        value *= value
    return value


@numba.njit(inline="always", nogil=True, error_model="numpy")
def _specular(nx: float, ny: float, nz: float, lamp: Floats, doublings: int) -> float:
    hx, hy, hz = lamp[0], lamp[1], lamp[2] + 1.0
    length = np.sqrt(hx * hx + hy * hy + hz * hz)
    facing = max(0.0, (nx * hx + ny * hy + nz * hz) / length)
    return float((2**doublings + 2) * 0.125 * _raised(facing, doublings))


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
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wa, wb, wc = weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]
            nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
            ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
            nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
            u = wa * attributes[a, 0] + wb * attributes[b, 0] + wc * attributes[c, 0]
            v = wa * attributes[a, 1] + wb * attributes[b, 1] + wc * attributes[c, 1]
            w = wa * attributes[a, 2] + wb * attributes[b, 2] + wc * attributes[c, 2]
            sky = wa * attributes[a, 3] + wb * attributes[b, 3] + wc * attributes[c, 3]
            key = wa * attributes[a, 4] + wb * attributes[b, 4] + wc * attributes[c, 4]
            rim = wa * attributes[a, 5] + wb * attributes[b, 5] + wc * attributes[c, 5]
            kind = material[f]
            red, green, blue, gloss, shine = plain[kind, 0], plain[kind, 1], plain[kind, 2], 0.0, 4
            soft = 0.0
            if kind == SKIN:
                spot = _spot(skin, u, v)
                crease = 1.0 - _read(relief, spot, 2)
                red = _read(skin, spot, 0) * (0.4 + 0.6 * crease)
                green = _read(skin, spot, 1) * crease
                blue = _read(skin, spot, 2) * crease
                gloss = _read(skin, spot, 3)
                soft = 0.22
                gu, gv = _read(relief, spot, 0), _read(relief, spot, 1)
                # Blood glows through where no light gets in: nostrils and ears are never black.
                sky = max(sky, 0.05)
                if sky < 0.35:
                    green *= 0.55 + sky * 1.28
                    blue *= 0.5 + sky * 1.42
                tx, ty, tz = up[1] * nz - up[2] * ny, up[2] * nx - up[0] * nz, up[0] * ny - up[1] * nx
                length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
                tx, ty, tz = tx / length, ty / length, tz / length
                bx, by, bz = ty * nz - tz * ny, tz * nx - tx * nz, tx * ny - ty * nx
                nx, ny, nz = nx - gu * tx - gv * bx, ny - gu * ty - gv * by, nz - gu * tz - gv * bz
            elif kind == EYE:
                red, green, blue = 0.62, 0.58, 0.55
                if w > 0.0:
                    spot = _spot(eye, 0.5 + 0.5 * u, 0.5 - 0.5 * v)
                    red, green, blue = _read(eye, spot, 0), _read(eye, spot, 1), _read(eye, spot, 2)
                side = 0 if wa * attributes[a, 6] + wb * attributes[b, 6] + wc * attributes[c, 6] < 0 else 1
                dark, flesh = _lid_shadow(lids, side, x + 0.5, y + 0.5)
                red += flesh * (0.48 - red)
                green += flesh * (0.20 - green)
                blue += flesh * (0.18 - blue)
                red, green, blue = red * dark, green * dark**1.15, blue * dark**1.15
                sky, key = max(sky, 0.75), max(key, 0.8)
                gloss, shine = 3.0 * dark * (1 - 0.7 * flesh), 9
                soft = 0.25
            elif kind in (TEETH, GUMS, TONGUE):
                deep = attributes[a, 6] * wa + attributes[b, 6] * wb + attributes[c, 6] * wc
                if kind == TEETH:
                    # Ivory at the gum, cooler and thinner towards the edge.
                    red, green, blue = red * (0.90 + 0.06 * w), green * (0.82 + 0.16 * w), blue * (0.70 + 0.32 * w)
                    if w > 0.75:
                        thin = (w - 0.75) * 0.7
                        red, green, blue = red * (1 - thin), green * (1 - 0.9 * thin), blue * (1 - 0.75 * thin)
                red, green, blue = red * (0.55 + 0.45 * deep), green * (0.3 + 0.7 * deep), blue * (0.3 + 0.7 * deep)
                sky, key, rim = 0.025 + 0.9 * deep, 0.75 * deep * deep, 0.0
                gloss = 1.1 * deep
                shine = 7 if kind == TEETH else 6
                soft = 0.35
            elif kind == HAIR:
                tone = _read(strands, _spot(strands, u, v), 1)
                if nz < 0:
                    nx, ny, nz = -nx, -ny, -nz
                red, green, blue = red * tone, green * tone, blue * tone
                gloss = 0.0
            elif kind == CLOTH:
                tone = _read(cloth, _spot(cloth, u, v), 0)
                red, green, blue = red * tone, green * tone, blue * tone
            else:
                gloss, shine = 0.8, 6
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            facing_key = nx * lamps[0, 0] + ny * lamps[0, 1] + nz * lamps[0, 2]
            facing_rim = nx * lamps[1, 0] + ny * lamps[1, 1] + nz * lamps[1, 2]
            bright_key = 0.0
            bright_rim = 0.0
            if kind == HAIR:
                # Kajiya and Kay (1989): light meets the strand's direction, which attributes 6 to 8 hold.
                hx = wa * attributes[a, 6] + wb * attributes[b, 6] + wc * attributes[c, 6]
                hy = wa * attributes[a, 7] + wb * attributes[b, 7] + wc * attributes[c, 7]
                hz = wa * attributes[a, 8] + wb * attributes[b, 8] + wc * attributes[c, 8]
                tone = _read(strands, _spot(strands, u, v), 1)
                along = hx * lamps[0, 0] + hy * lamps[0, 1] + hz * lamps[0, 2] + 0.35 * (tone - 1)
                seen = hz
                cone = along * seen + np.sqrt(max(0.0, 1 - along * along)) * np.sqrt(max(0.0, 1 - seen * seen))
                glow = 0.22 * _raised(max(0.0, cone), 5) + 0.10 * _raised(max(0.0, cone), 3)
                bright_key = glow * key * max(0.0, facing_key + 0.3) * tone
                along = hx * lamps[1, 0] + hy * lamps[1, 1] + hz * lamps[1, 2]
                cone = along * seen + np.sqrt(max(0.0, 1 - along * along)) * np.sqrt(max(0.0, 1 - seen * seen))
                bright_rim = 0.2 * _raised(max(0.0, cone), 3) * max(0.0, facing_rim + 0.3)
                soft = 0.3
            elif gloss > 0:
                edge = 0.04 + 0.5 * _raised(max(0.0, 1 - nz), 2) * max(0.0, 1 - nz)
                bright_key = gloss * key * edge * _specular(nx, ny, nz, lamps[0], shine)
                if kind == EYE:
                    # What eyes mirror is a window or a softbox at their own height more than the lamp above.
                    tilt = ny + 0.14
                    length = np.sqrt(nx * nx + tilt * tilt + nz * nz)
                    bright_key = 0.7 * gloss * edge * _specular(nx / length, tilt / length, nz / length, lamps[0], 8)
                bright_rim = gloss * rim * edge * _specular(nx, ny, nz, lamps[1], shine)
            for k in range(3):
                # Red light travels furthest under the skin, so its terminator is the softest.
                wrap = soft * (1.0 if k == 0 else 0.5 if k == 1 else 0.35)
                direct_key = max(0.0, (facing_key + wrap) / (1 + wrap))
                direct_rim = max(0.0, (facing_rim + wrap) / (1 + wrap))
                hidden = key if k else key * (1.3 - 0.3 * key)
                light = sky * _ambient(sh, nx, ny, nz, k)
                light += direct_key * hidden * power[0, k] + direct_rim * rim * power[1, k]
                colour = red if k == 0 else green if k == 1 else blue
                gleam = bright_key * power[0, k] + bright_rim * power[1, k]
                if kind == HAIR:
                    gleam *= 0.35 + 0.65 * colour / (max(red, green, blue) + 1e-4)
                elif kind != CLOTH:
                    gleam += gloss * sky * 0.5 * _raised(max(0.0, 1 - nz), 2) * _ambient(sh, nx, ny, nz, k) * 0.35
                out[y, x, k] = max(0.0, colour * light + gleam)


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
