"""Skin painted on the chart once per person: colour, gloss and relief, at any size from the same seed."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.brush import Brush, blobs, linear, noise
from emodiff_core.synthetic.chart import Chart
from emodiff_core.synthetic.people import Person

Floats = NDArray[np.float32]

LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LIPS_LINE = (61, 78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 291)
EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
BROWS = (((46, 53, 52, 65, 55), (70, 63, 105, 66, 107)), ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336)))


@dataclass(frozen=True)
class Skin:
    """Texels of a person's skin on the chart. colour: (H, W, 3) linear; gloss: (H, W); relief: (H, W) cm."""

    colour: Floats
    gloss: Floats
    relief: Floats


def paint_skin(person: Person, chart: Chart, width: int, hairline: Floats) -> Skin:
    """Skin of a person at a chart width in texels. hairline: (h, w) share of scalp hair, 0 to 1, at any size."""
    brush = Brush(chart, width)
    colour = _base(person, brush)
    _spots(person, brush, colour)
    gloss = 0.45 + 0.22 * blobs(brush, ((1, 1.4), (9, 2.2), (151, 2.5), (50, 1.6), (280, 1.6), (199, 1.2)))
    relief = _pores(person, brush)
    _lips(person, brush, colour, gloss, relief)
    _eyes(person, brush, colour)
    _beard(person, brush, colour, gloss)
    _brows(person, brush, colour, gloss)
    _scalp(person, brush, colour, gloss, hairline)
    return Skin(colour, gloss, relief)


def _base(person: Person, brush: Brush) -> Floats:
    rng = person.rng("skin")
    tone = linear(person.skin)
    mottle = noise(rng, brush.shape, (12, 30, 80), (0.5, 0.35, 0.25))
    red = person.ruddy * blobs(brush, ((50, 2.2), (280, 2.2), (4, 1.2), (48, 1.0), (278, 1.0), (152, 1.6), (199, 1.0)))
    ears = np.clip(np.abs(brush.places[..., 0]) - 7.6, 0, 1.5) * 0.4
    red = red * 0.75 + ears * person.ruddy + 0.12 * mottle
    shade = blobs(brush, ((230, 1.0), (450, 1.0), (133, 0.8), (362, 0.8), (27, 1.1), (257, 1.1)))
    pale = 1 - 0.6 * person.tone
    change = np.stack([0.02 * red, -0.26 * pale * red, -0.22 * pale * red], -1)
    dark = np.stack([0.20 * shade, 0.26 * shade, 0.20 * shade], -1) * (0.6 + 0.6 * person.age)
    uneven = 1 + 0.07 * mottle[..., None] + 0.03 * noise(rng, brush.shape, (250,), (1.0,))[..., None]
    return np.asarray(tone * (1 + change) * (1 - dark) * uneven, np.float32)


def _spots(person: Person, brush: Brush, colour: Floats) -> None:
    rng = person.rng("spots")
    places = brush.scatter(rng, int(500 * person.freckles), centre=(4, 6.5), radius=6.0)
    freckles = brush.dots(places, rng.uniform(0.03, 0.09, len(places)))
    moles = brush.scatter(rng, int(rng.poisson(3 + 5 * person.age)), centre=(4, 8), radius=9.0)
    marks = brush.dots(moles, rng.uniform(0.05, 0.14, len(moles)))
    pimples = brush.scatter(rng, int(12 * person.blemishes), centre=(4, 8), radius=7.0)
    rash = cv2.GaussianBlur(brush.dots(pimples, rng.uniform(0.1, 0.25, len(pimples))), (0, 0), 0.08 * brush.density)
    colour *= 1 - freckles[..., None] * np.array([0.22, 0.36, 0.45], np.float32)
    colour *= 1 - marks[..., None] * np.array([0.5, 0.6, 0.62], np.float32)
    colour *= 1 - rash[..., None] * np.array([0.04, 0.3, 0.26], np.float32)


def _pores(person: Person, brush: Brush) -> Floats:
    rng = person.rng("pores")
    grain = noise(rng, brush.shape, (160, 340, 700), (0.5, 0.6, 0.6))
    sag = noise(rng, brush.shape, (24, 50), (0.7, 0.5)) * (0.3 + person.age)
    return ((0.0022 + 0.0022 * person.pores) * grain + 0.008 * sag).astype(np.float32)


def _lips(person: Person, brush: Brush, colour: Floats, gloss: Floats, relief: Floats) -> None:
    rng = person.rng("lips")
    area = brush.area(LIPS_OUTER, soft=0.09 - 0.04 * person.makeup)
    lines = noise(rng, brush.shape, (420,), (1.0,), stretch=(1.0, 0.18))
    paint = linear(person.lip) * (1 + 0.10 * lines[..., None])
    seam = brush.line(LIPS_LINE[1:-1], 0.10, 0.10)
    colour += area[..., None] * (paint - colour) * 0.92
    colour *= 1 - 0.4 * seam[..., None] * np.array([0.8, 1, 1], np.float32)
    gloss += area * (0.22 + 0.3 * person.makeup)
    relief += area * lines * 0.007


def _eyes(person: Person, brush: Brush, colour: Floats) -> None:
    for ring in EYES:
        upper = (ring[0], *reversed(ring[9:]), ring[8])
        rim = brush.line((*ring, ring[0]), 0.07, 0.06)
        colour *= 1 - rim[..., None] * np.array([0.22, 0.42, 0.42], np.float32)
        shadow = cv2.GaussianBlur(brush.line(upper, 0.5, 0.2), (0, 0), 0.22 * brush.density)
        tint = np.array([0.45, 0.55, 0.5], np.float32) * person.makeup + 0.08
        colour *= 1 - shadow[..., None] * tint
        colour *= 1 - brush.line(upper, 0.07, 0.03)[..., None] * (0.25 + 0.6 * person.makeup)


def _beard(person: Person, brush: Brush, colour: Floats, gloss: Floats) -> None:
    if person.feminine > 0.5:
        return
    rng = person.rng("beard")
    beard, moustache = brush.beard_area()
    both = np.maximum(beard, moustache)
    shaved = both * (0.08 + 0.2 * person.stubble) * (1 - 0.5 * person.tone)
    colour *= 1 - shaved[..., None] * np.array([0.9, 0.75, 0.55], np.float32)
    hairs = brush.hairs(rng, both, 9000, (0.05, 0.12), 0.035, lean=0.4)
    _cover(colour, gloss, hairs * person.stubble * 0.6, person)
    for area, amount in ((moustache, person.moustache), (beard, person.beard)):
        if amount:
            under = cv2.GaussianBlur(area, (0, 0), 0.2 * brush.density) * amount * 0.75
            strands = brush.hairs(rng, area, int(16000 * amount), (0.5, 1.3), 0.035, lean=0.5)
            _cover(colour, gloss, under, person)
            _cover(colour, gloss, strands * 0.85, person, noise(rng, brush.shape, (300,), (0.5,)))


def _cover(colour: Floats, gloss: Floats, share: Floats, person: Person, tone: Floats | None = None) -> None:
    hair = linear(person.brow) * 0.9
    shade = hair if tone is None else hair * (1.1 + 0.6 * tone[..., None])
    colour += np.clip(share, 0, 1)[..., None] * (shade - colour)
    gloss *= 1 - 0.7 * np.clip(share, 0, 1)


def _brows(person: Person, brush: Brush, colour: Floats, gloss: Floats) -> None:
    rng = person.rng("brows")
    for lower, upper in BROWS:
        strokes = brush.brow(rng, lower, upper, person.brow_density, person.brow_width)
        _cover(colour, gloss, strokes, person)


def _scalp(person: Person, brush: Brush, colour: Floats, gloss: Floats, hairline: Floats) -> None:
    share = cv2.resize(hairline, brush.shape[::-1], interpolation=cv2.INTER_LINEAR)
    if person.hair_style == "bald":
        share = share * 0.12 * (1 - person.age * 0.5)
    rng = person.rng("scalp")
    grain = noise(rng, brush.shape, (500, 900), (0.6, 0.6))
    share = np.clip(share * (1 + 0.5 * grain * share * (1 - share) * 4), 0, 0.93)
    colour += share[..., None] * (linear(person.hair) * (0.8 + 0.3 * grain[..., None]) - colour)
    gloss *= 1 - 0.8 * share
