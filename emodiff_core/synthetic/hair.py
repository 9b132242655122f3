"""Hair as shells over the scalp, cut into strands by a texture; laid out on the chart, so that it fits every head."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import noise
from emodiff_core.synthetic.chart import Chart
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]
COLUMNS, ROWS = 80, 30
SHELLS = {"short": 3, "quiff": 3, "side": 3, "bangs": 3, "bob": 3, "long": 3, "bun": 2, "curly": 4, "afro": 4}
THICKNESS = {"short": 0.9, "quiff": 1.5, "side": 1.3, "bangs": 1.4, "bob": 1.6, "long": 1.5, "bun": 0.7, "curly": 2.0,
             "afro": 4.2}  # fmt: skip
LENGTH = {"bob": -13.0, "long": -21.0}


@dataclass(frozen=True)
class Hair:
    """Hair of one person on one head, in the space of the head's template.

    vertices: (V, 3) centimetres; faces: (F, 3); uv: (V, 2) into strands; cut: (V,) alpha below which there is a hole;
    tangents: (V, 3) along the strands; open: (V,) sky seen, 0 to 1; strands: (h, w, 2) alpha and shade;
    hairline: (h, w) on the chart, share of scalp under hair.
    """

    vertices: Floats
    faces: NDArray[np.int64]
    uv: Floats
    cut: Floats
    tangents: Floats
    open: Floats
    strands: Floats
    hairline: Floats


def hair_of(person: Person, chart: Chart, width: int) -> Hair:
    """A person's hair; width: of the chart in texels, for the fineness of strands."""
    ground = _Ground(chart)
    strands = _strands(person, width)
    shells = [_shell(person, ground, k) for k in range(SHELLS.get(person.hair_style, 0))]
    if not shells:
        none = np.zeros((0, 3), np.float32)
        hollow = np.zeros(0, np.float32)
        return Hair(
            none, np.zeros((0, 3), np.int64), none[:, :2], hollow, none, hollow, strands, _hairline(person, ground)
        )
    vertices, uv, cut, tangents, light = (np.concatenate(part) for part in zip(*shells, strict=True))
    size = COLUMNS * ROWS
    faces = np.concatenate([_grid() + k * size for k in range(len(shells))])
    return Hair(vertices, faces, uv, cut, tangents, light, strands, _hairline(person, ground))


class _Ground:
    """The skull in polar form: radius from the chart's axis by turn and rise."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.width = 192
        places = chart.positions(self.width)
        self.map = cv2.GaussianBlur(places, (0, 0), 1.5)
        self.seen = cv2.GaussianBlur((np.abs(places).sum(-1) > 0).astype(np.float32), (0, 0), 1.5)
        self.top = chart.radius * np.pi / 2

    def mark(self, index: int) -> tuple[float, float]:
        """Turn in radians (0 to pi) and rise in centimetres of a face-mesh point."""
        x, y, z = self.chart.points[index] - self.chart.pivot
        rise = self.chart.radius * np.arctan2(y, np.hypot(x, z)) if y > 0 else y
        return float(np.arctan2(abs(x), z)), float(rise)

    def at(self, turn: Floats, rise: Floats) -> Floats:
        """Skull position (..., 3) at turn and rise."""
        t = turn / np.pi
        u = (0.5 + 0.75 * t - 0.25 * t**3) * self.map.shape[1] - 0.5
        v = (self.top - rise) / (self.top + 22.0) * self.map.shape[0] - 0.5
        found = cv2.remap(
            self.map, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        sure = cv2.remap(
            self.seen, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found / np.maximum(sure[..., None], 1e-3), np.float32)

    def line(self, person: Person) -> tuple[list[float], list[float]]:
        """Turns in radians (rising from 0 to pi) and rises of the natural hairline of the right half."""
        ear, level = self.mark(127)
        back = (0.5 + 1.2 * person.age) * (person.feminine < 0.5) * (person.rng("recede").random() + 0.2)
        lift_ = 0.9 * person.rng("brow").random()
        knots = [(0.0, self.mark(10)[1] + 1.2 + lift_ + 0.4 * back)]
        for index, lift in ((103, 1.4 + lift_ + 1.4 * back), (54, 1.1 + 0.8 * lift_ + back), (21, 0.7 + 0.5 * back)):
            turn, rise = self.mark(index)
            knots.append((turn, rise + lift))
        knots += [(ear - 0.03, level + 0.3), (ear + 0.02, level - 2.0), (ear + 0.13, level - 2.4),
                  (ear + 0.18, level + 1.4),
                  (ear + 0.55, level + 0.8), (ear + 0.75, level - 5.5), (np.pi, level - 8.5)]  # fmt: skip
        turns, rises = zip(*sorted(knots), strict=True)
        return list(turns), list(rises)


def _edge(person: Person, ground: _Ground, turn: Floats) -> Floats:
    """Where hair ends (rise in centimetres) at each turn, for the style."""
    turns, rises = ground.line(person)
    away = np.abs(turn)
    ragged = noise(person.rng("edge"), (4, len(turn)), (24, 56), (0.3, 0.3))[1]
    edge = np.interp(away, turns, rises) + ragged
    if person.hair_style == "bangs":
        brow = ground.mark(105)[1] + 0.5
        edge = np.where(away < 0.75, np.minimum(edge, brow + 0.6 * (away / 0.75) ** 4), edge)
    if person.hair_style in LENGTH or person.hair_style == "bangs":
        ear = ground.mark(127)[0]
        start = np.clip((away - (ear - 0.16)) / 0.16, 0, 1)
        edge = edge + (LENGTH.get(person.hair_style, -17.0) - edge) * start
    return np.asarray(edge, np.float32)


def _shell(person: Person, ground: _Ground, layer: int) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    rng = person.rng("hair")
    style = person.hair_style
    across, down = np.linspace(-np.pi, np.pi, COLUMNS), np.linspace(0, 1, ROWS) ** 0.85
    turn, s = np.meshgrid(across.astype(np.float32), down.astype(np.float32))
    edge = _edge(person, ground, turn[0])
    crown = ground.top * 0.985
    rise = np.asarray(crown + (edge - crown) * s, np.float32)
    hang = style in LENGTH or style == "bangs"
    skull = ground.at(turn, np.maximum(rise, np.float32(-1)) if hang else rise)
    low = rise < -1.0
    if hang:
        skull[..., 1] = np.where(low, ground.chart.pivot[1] + rise, skull[..., 1])
        skull[..., [0, 2]] *= np.where(low, 1 - 0.012 * (-1.0 - rise), 1)[..., None]
    outward = skull - ground.chart.pivot
    outward[..., 1] = np.maximum(outward[..., 1], 0)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True) + 1e-6
    share = (layer + 1) / SHELLS[style]
    thick = _thickness(person, rng, turn, s, rise) * share
    vertices = skull + outward * thick[..., None]
    if style == "quiff":
        front = np.exp(-((turn / 0.55) ** 2)) * _bump(s, 0.8, 0.25)
        vertices += front[..., None] * np.array([0, 1.6, 0.7]) * share * person.hair_volume
    tangents = np.gradient(vertices, axis=0)
    tangents /= np.linalg.norm(tangents, axis=-1, keepdims=True) + 1e-6
    fade = np.clip((s - 0.80) / 0.2, 0, 1)
    cut = (0.62 * share - 0.25) + fade**1.5 * (0.55 + 0.25 * share)
    light = (0.55 + 0.45 * share) * (1 - 0.25 * np.clip((s - 0.5) * 2, 0, 1) * hang)
    uv = np.stack([(turn / (2 * np.pi) + 0.5 + _comb(person) * s**2 * np.sign(person.hair_part)) % 1.0, s], -1)
    flat = [np.ascontiguousarray(a.reshape(-1, *a.shape[2:]), np.float32) for a in (vertices, uv, cut, tangents, light)]
    return flat[0], flat[1], flat[2], flat[3], flat[4]


def _thickness(person: Person, rng: np.random.Generator, turn: Floats, s: Floats, rise: Floats) -> Floats:
    """Centimetres of hair over the skull: none at the hairline, lumps and locks above it."""
    style = person.hair_style
    full = THICKNESS[style] * (0.65 + 0.5 * person.hair_volume)
    locks = noise(rng, (ROWS, COLUMNS), (10, 22), (0.5, 0.3))
    hang = style in LENGTH or style == "bangs"
    end = 0.75 if hang else 0.1
    body = end + (1 - end) * np.clip((1 - s) / (0.35 if style != "afro" else 0.12), 0, 1) ** 0.6
    lumpy = 0.35 if style in ("curly", "afro") else 0.14
    low = np.clip((6.0 - rise) / 9.0, 0, 1)
    sides = 1 + 0.55 * hang * np.clip((np.abs(turn) - 0.9) / 0.6, 0, 1) * low * low * (3 - 2 * low)
    if style in ("short", "side", "quiff"):
        sides = sides * (1 - 0.7 * np.clip((8.0 - rise) / 6.0, 0, 1))
    return np.asarray(full * body * sides * (1 + lumpy * locks) + 0.12, np.float32)


def _comb(person: Person) -> float:
    """How far strands run sideways on their way down, in turns."""
    return {"side": 0.30, "quiff": 0.10, "short": 0.16, "bun": 0.0}.get(person.hair_style, 0.04) * (
        0.6 + abs(person.hair_part)
    )


def _bump(value: Floats, centre: float, width: float) -> Floats:
    return np.exp(-(((value - centre) / width) ** 2))


def _grid() -> NDArray[np.int64]:
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(COLUMNS - 1), indexing="ij")
    a = (row * COLUMNS + column).ravel()
    b, c, d = a + 1, a + COLUMNS, a + COLUMNS + 1
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int64)


def _strands(person: Person, width: int) -> Floats:
    """Alpha (evenly spread over 0 to 1) and shade (about 1) of strands: fine across, long along."""
    rng = person.rng("strands")
    shape = (max(64, width // 3), width * 2)
    curl = {"curly": 1.0, "afro": 1.0}.get(person.hair_style, 0.0)
    along = 6 + 60 * curl
    fine = noise(rng, shape, (60, 160, 420, 900), (0.5, 0.6, 0.55, 0.4), stretch=(1.0, along / 200))
    fine = _waved(fine, rng, person.wave**2, curl)
    spread = (fine - fine.mean()) / (fine.std() + 1e-6)
    alpha = 1 / (1 + np.exp(-1.7 * spread))
    return np.stack([alpha, np.clip(1 + 0.30 * spread, 0.25, 1.9)], -1).astype(np.float32)


def _waved(image: Floats, rng: np.random.Generator, wave: float, curl: float) -> Floats:
    """Strands that swing from side to side on their way down: a little where wavy, in ringlets where curly."""
    height, width = image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    phase = noise(rng, (8, width), (30, 90), (0.7, 0.3))[4]
    swing = (0.003 * wave + 0.009 * curl) * width * np.sin(2 * np.pi * ((2 + 7 * curl) * y / height + phase))
    return cv2.remap(image, (x + swing).astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)  # type: ignore[return-value]


def _hairline(person: Person, ground: _Ground) -> Floats:
    """Share of scalp under hair (h, w) on the chart."""
    width, height = 384, 288
    turns, rises = ground.line(person)
    u = (np.arange(width) + 0.5) / width * 2 - 1
    # The chart's u is 1.5 t - 0.5 t^3 of the turn t; its inverse in closed form.
    t = 2 * np.sin(np.arcsin(np.clip(u, -1, 1)) / 3)
    edge = np.interp(np.abs(t) * np.pi, turns, rises)
    rise = ground.top - (np.arange(height)[:, None] + 0.5) / height * (ground.top + 22.0)
    grain = noise(person.rng("line"), (height, width), (60, 160), (0.25, 0.25))
    share = np.clip((rise - edge[None] + grain * 0.8) / 1.2 + 0.35, 0, 1)
    return np.asarray(share**1.3, np.float32)
