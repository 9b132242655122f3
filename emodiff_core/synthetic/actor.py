"""An actor: one person on one head, everything that does not change from frame to frame, made once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.flame import HeadModel, Part
from emodiff_core.synthetic import shade, surface
from emodiff_core.synthetic.body import garment_of
from emodiff_core.synthetic.brush import Brush, linear
from emodiff_core.synthetic.chart import Chart, chart_of
from emodiff_core.synthetic.glasses import glasses_of
from emodiff_core.synthetic.hair import hair_of
from emodiff_core.synthetic.interior import paint_eye
from emodiff_core.synthetic.lights import Lights, directions, harmonics, irradiance, lights_of, visibility
from emodiff_core.synthetic.people import Person
from emodiff_core.synthetic.skin import paint_skin
from emodiff_core.synthetic.wrinkles import Fold, folds_of, slopes

Floats = NDArray[np.float32]
_HEADS: dict[str, "Rig"] = {}
_MATERIAL = {
    Part.MOUTH: surface.GUMS, Part.TEETH_UPPER: surface.TEETH, Part.TEETH_LOWER: surface.TEETH,
    Part.TONGUE: surface.TONGUE, Part.SCLERA: surface.EYE, Part.IRIS: surface.EYE,
}  # fmt: skip
MOUTH_PARTS = (Part.MOUTH, Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE)
HAIR_PART, CLOTH_PART, FRAME_PART, NOTHING = 20, 21, 22, 255
ATTRIBUTES = 9  # u, v, third, open sky, key seen, rim seen, and three more by material: see shade.shade


@dataclass(frozen=True)
class Rig:
    """What a head needs to be painted and lit.

    faces: (F, 3) that are ever seen, the mouth's inside last; material, parts: (F,); outer: how many are not inside;
    local: (V, 4) on eyeballs the place in units of their radius, on teeth 0 to 1 from gum to edge as third, the side of
    an eye, -1 right, 1 left; inside: vertices of the mouth's inside; neck: (V,) 1 where the head leads, 0 where the
    body does.
    """

    head: HeadModel
    chart: Chart
    faces: NDArray[np.int64]
    material: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    outer: int
    hiding: "Hiding"
    local: Floats
    inside: NDArray[np.intp]
    neck: Floats


@dataclass(frozen=True)
class Hiding:
    """Cosines towards `directions()` with and without what hides them, (V, DIRECTIONS), as few components:
    seen and bare are (V, R), the first times basis (R, DIRECTIONS)."""

    seen: Floats
    bare: Floats
    basis: Floats


@dataclass(frozen=True)
class Actor:
    """One person on one head at one fineness of detail. Vertices: head, garment, glasses, hair."""

    person: Person
    rig: Rig
    shape: Floats
    bare: Floats  # (V, 3) head of this identity at rest
    follow: NDArray[np.float32]  # (E, V*3) expression offsets
    faces: NDArray[np.int64]
    material: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    outer: int  # faces before the mouth's inside
    solid: int  # faces before the hair
    rest: Floats  # (V', 3) garment, glasses and hair at rest
    tangents: Floats
    attributes: Floats
    cut: Floats
    neck: Floats
    skin: Floats
    relief: Floats
    folds: tuple[Fold, ...]
    eye: Floats
    strands: Floats
    fabric: Floats
    plain: Floats
    lights: Lights


def rig_of(head: HeadModel) -> Rig:
    """The rig of a head, made once per process and name."""
    if head.name not in _HEADS:
        _HEADS[head.name] = _rig(head)
    return _HEADS[head.name]


def _rig(head: HeadModel) -> Rig:
    chart = chart_of(head)
    template, parts = chart.template, head.parts.numpy()
    faces = head.faces.numpy()
    material = _materials(head, chart)
    kept = np.flatnonzero(~_under_clothes(chart, faces))
    inside = np.isin(parts, MOUTH_PARTS)
    order = kept[np.argsort(inside[kept], kind="stable")]
    rise = np.clip((template[:, 1] - (chart.points[152, 1] - 7.5)) / 6.5, 0, 1)
    return Rig(
        head=head,
        chart=chart,
        faces=faces[order],
        material=material[order],
        parts=np.where(material == surface.TONGUE, Part.TONGUE, parts)[order].astype(np.uint8),
        outer=int((~inside[kept]).sum()),
        hiding=_hiding(template, faces),
        local=_local(template, faces, parts),
        inside=np.unique(faces[inside]),
        neck=(rise * rise * (3 - 2 * rise)).astype(np.float32),
    )


def _hiding(template: Floats, faces: NDArray[np.int64], rank: int = 24) -> Hiding:
    normals = shade.normals_of(template * np.array([1, -1, 1], np.float32), faces)
    seen, bare = visibility(template, normals, faces), np.clip(normals @ directions().T, 0, 1)
    _, axes = np.linalg.eigh(seen.T @ seen + bare.T @ bare)
    basis = np.ascontiguousarray(axes[:, -rank:].T, np.float32)
    return Hiding(seen @ basis.T, (bare @ basis.T).astype(np.float32), basis)


def _under_clothes(chart: Chart, faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Faces of shoulders that a garment always covers."""
    x, y, z = (chart.template[faces].mean(1) - (0, chart.points[152, 1], 0)).T
    aside = (y < -4.5) & (np.abs(x) > 7.2)
    return np.asarray(aside | ((y < -5.5) & (z < 1.0)) | (y < -10.5))


def _materials(head: HeadModel, chart: Chart) -> NDArray[np.uint8]:
    parts, faces = head.parts.numpy(), head.faces.numpy()
    out = np.full(len(parts), surface.SKIN, np.uint8)
    for part, kind in _MATERIAL.items():
        out[parts == part] = kind
    tongue = _tongue(head, chart)
    if tongue is not None:
        out[tongue[faces].all(1)] = surface.TONGUE
    return out


def _tongue(head: HeadModel, chart: Chart) -> NDArray[np.bool_] | None:
    """Vertices of the tongue where a head does not label it: the piece of the mouth's lining that touches nothing else
    and lies in the middle, below the upper teeth."""
    parts, faces = head.parts.numpy(), head.faces.numpy()
    if (parts == Part.TONGUE).any():
        return None
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    lining = faces[parts == Part.MOUTH]
    edges = lining[:, [0, 1, 1, 2]].reshape(-1, 2)
    count = len(chart.template)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    out = np.zeros(count, bool)
    for piece in np.unique(label[lining]):
        at = chart.template[label == piece]
        if np.abs(at[:, 0]).max() < 2.9 and abs(at[:, 0].mean()) < 0.2:
            out |= label == piece
    return out


def _local(template: Floats, faces: NDArray[np.int64], parts: NDArray[np.uint8]) -> Floats:
    out = np.zeros((len(template), 4), np.float32)
    used = np.unique(faces[np.isin(parts, (Part.SCLERA, Part.IRIS))])
    for sign in (-1, 1):
        ball = used[np.sign(template[used, 0]) == sign]
        low, high = template[ball].min(0), template[ball].max(0)
        radius = (high - low)[:2].mean() / 2
        apex = template[ball[template[ball, 2].argmax()]]
        middle = np.array([*apex[:2], low[2] + radius], np.float32)
        out[ball, :3], out[ball, 3] = (template[ball] - middle) / radius, sign
    for part, way in ((Part.TEETH_UPPER, -1), (Part.TEETH_LOWER, 1)):
        row = np.unique(faces[parts == part])
        height = template[row, 1] * way
        front = np.percentile(height, (45, 99)) if len(row) else (0, 1)
        out[row, 2] = np.clip((height - front[0]) / (front[1] - front[0]), 0, 1)
    return out


@lru_cache(maxsize=2)
def _offsets(name: str) -> NDArray[np.float32]:
    basis = _HEADS[name].head.expression_basis.numpy()
    return np.ascontiguousarray(basis.reshape(len(basis), -1), np.float32)


def actor(person: Person, head: HeadModel, detail: int) -> Actor:
    """A person ready to be rendered; detail: texels across the chart, about 4 times the picture's width."""
    rig = rig_of(head)
    chart = rig.chart
    hair, garment = hair_of(person, chart, detail), garment_of(person, chart, detail)
    skin = paint_skin(person, chart, detail, hair.hairline)
    brush = Brush(chart, detail)
    shape = person.shape(head)
    bare = chart.template + np.tensordot(shape, head.shape_basis.numpy()[: len(shape)], 1)
    count = len(bare)
    frame, frame_faces = glasses_of(person, head.landmarks(torch.from_numpy(bare.astype(np.float32))[None])[0].numpy())
    things = (garment.faces + count, frame_faces + count + len(garment.vertices))
    hair_faces = hair.faces + count + len(garment.vertices) + len(frame)
    kinds = ((surface.CLOTH, CLOTH_PART), (surface.FRAME, FRAME_PART), (surface.HAIR, HAIR_PART))
    material, parts = (
        np.concatenate([own[: rig.outer], *(np.full(len(f), kind[k]) for f, kind in zip(things, kinds, strict=False)),
                        own[rig.outer :], np.full(len(hair_faces), kinds[2][k])]).astype(np.uint8)
        for k, own in enumerate((rig.material, rig.parts))
    )  # fmt: skip
    outer = rig.outer + sum(len(f) for f in things)
    rest = np.concatenate([garment.vertices, frame, _fitted(hair.vertices, chart, bare)])
    flat = np.concatenate([garment.uv, np.ones((len(frame), 2), np.float32)])
    return Actor(
        person=person,
        rig=rig,
        shape=shape,
        bare=bare.astype(np.float32),
        follow=_offsets(head.name),
        faces=np.concatenate([rig.faces[: rig.outer], *things, rig.faces[rig.outer :], hair_faces]),
        material=material,
        parts=parts,
        outer=outer,
        solid=outer + len(rig.faces) - rig.outer,
        rest=rest.astype(np.float32),
        tangents=hair.tangents,
        attributes=_attributes(rig, flat, hair.uv, hair.open),
        cut=np.concatenate([np.zeros(count + len(flat), np.float32), hair.cut]),
        neck=_lead(rig, rest, chart),
        skin=np.concatenate([skin.colour, skin.gloss[..., None]], -1),
        relief=slopes(skin.relief, brush.density),
        folds=folds_of(person, brush),
        eye=paint_eye(person, max(96, detail // 4)),
        strands=hair.strands,
        fabric=garment.fabric,
        plain=_plain(person),
        lights=lights_of(person),
    )


def _fitted(hair: Floats, chart: Chart, bare: Floats) -> Floats:
    """Hair moved with the identity: by the offset of the head's nearest vertices."""
    if not len(hair):
        return hair
    from scipy.spatial import cKDTree

    outside = np.unique(chart.outside)
    _, near = cKDTree(chart.template[outside]).query(hair, k=24)
    return (hair + (bare - chart.template)[outside[near]].mean(1)).astype(np.float32)


def _lead(rig: Rig, rest: Floats, chart: Chart) -> Floats:
    rise = np.clip((rest[:, 1] - (chart.points[152, 1] - 9.0)) / 9.0, 0, 1)
    return np.concatenate([rig.neck, rise * rise * (3 - 2 * rise)]).astype(np.float32)


def _attributes(rig: Rig, cloth: Floats, hair: Floats, light: Floats) -> Floats:
    head = np.zeros((len(rig.chart.template), ATTRIBUTES), np.float32)
    head[:, :2] = rig.chart.uv(rig.chart.template)
    special = np.abs(rig.local).sum(1) > 0
    ball = rig.local[:, 3] != 0
    head[ball, :2] = rig.local[ball, :2]
    head[special, 2], head[special, 6] = rig.local[special, 2], rig.local[special, 3]
    rest = np.zeros((len(cloth) + len(hair), ATTRIBUTES), np.float32)
    rest[:, :2] = np.concatenate([cloth, hair])
    shadow = 0.35 + 0.65 * np.clip(cloth[:, 1] * 6, 0, 1)
    rest[:, 3] = np.concatenate([0.9 * shadow, light])
    rest[:, 4:6] = rest[:, 3:4]
    return np.concatenate([head, rest])


def _plain(person: Person) -> Floats:
    out = np.zeros((8, 3), np.float32)
    out[surface.TEETH] = linear(person.teeth) * 0.92
    out[surface.GUMS] = (0.42, 0.13, 0.13)
    out[surface.TONGUE] = (0.50, 0.19, 0.18)
    out[surface.HAIR] = linear(person.hair) * 1.25
    out[surface.CLOTH] = linear(person.cloth)
    out[surface.FRAME] = linear(person.glasses_colour)
    return out


def lit(actor_: Actor, turn: Floats) -> tuple[Floats, Floats]:
    """Light of one frame for a head turned by (3, 3): harmonics (9, 3) in picture space, and for the head's vertices
    how much of sky, key and rim they see (V, 3)."""
    rig, lights = actor_.rig, actor_.lights
    at = directions()
    sky = np.clip(harmonics(at @ turn.T) @ _radiance(lights.sky), 0, None)
    lobes = np.stack([np.exp(14 * (at @ (turn.T @ lamp) - 1)) for lamp in lights.lamps], 1)
    want = rig.hiding.basis @ np.concatenate([sky.mean(1, keepdims=True), lobes], 1).astype(np.float32)
    share = (rig.hiding.seen @ want) / np.maximum(rig.hiding.bare @ want, 1e-2)
    return irradiance(lights.sky), np.clip(share, 0, 1)


def _radiance(sky: Floats) -> Floats:
    """A sky through its own low frequencies (9, 3), so that it can be looked up in any direction."""
    return (harmonics(directions()).T @ sky * (4 * np.pi / len(sky))).astype(np.float32)
