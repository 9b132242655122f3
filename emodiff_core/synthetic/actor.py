"""An actor: one person on one head, everything that does not change from frame to frame, made once."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emodiff_core.flame import HeadModel, Part
from emodiff_core.synthetic import shade
from emodiff_core.synthetic.body import garment_of
from emodiff_core.synthetic.brush import Brush, linear
from emodiff_core.synthetic.chart import Chart, chart_of
from emodiff_core.synthetic.hair import hair_of
from emodiff_core.synthetic.interior import paint_eye
from emodiff_core.synthetic.lights import Lights, harmonics, irradiance, lights_of, visibility
from emodiff_core.synthetic.people import Person
from emodiff_core.synthetic.skin import paint_skin
from emodiff_core.synthetic.wrinkles import Fold, folds_of, slopes

Floats = NDArray[np.float32]
_HEADS: dict[str, "Rig"] = {}
_MATERIAL = {
    Part.MOUTH: shade.GUMS, Part.TEETH_UPPER: shade.TEETH, Part.TEETH_LOWER: shade.TEETH, Part.TONGUE: shade.TONGUE,
    Part.SCLERA: shade.EYE, Part.IRIS: shade.EYE,
}  # fmt: skip
ATTRIBUTES = 9  # u, v, third, open sky, key seen, rim seen, and three more by material: see shade.shade


@dataclass(frozen=True)
class Rig:
    """What a head needs to be painted and lit. material: (F,); seen: (V, DIRECTIONS) cosines that the head does not hide;
    bare: the same without hiding; eyes: (V,) -1 right, 1 left, 0 elsewhere; local: (V, 3) in units of the eyeball;
    inside: vertices of the mouth's inside; neck: (V,) 1 where the head leads, 0 where the body does."""

    head: HeadModel
    chart: Chart
    material: NDArray[np.uint8]
    seen: Floats
    bare: Floats
    eyes: Floats
    local: Floats
    inside: NDArray[np.intp]
    neck: Floats


@dataclass(frozen=True)
class Actor:
    """One person on one head at one fineness of detail. Vertices: head, then hair, then garment."""

    person: Person
    rig: Rig
    shape: Floats
    bare: Floats  # (V, 3) head of this identity at rest
    follow: NDArray[np.float32]  # (E, V*3) expression offsets
    faces: NDArray[np.int64]
    material: NDArray[np.uint8]
    solid: int  # faces of the head and garment come first, then the hair's
    rest: Floats  # (V', 3) hair and garment at rest
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
    template, faces, parts = chart.template, head.faces.numpy(), head.parts.numpy()
    flip = template * np.float32([1, -1, 1])
    normals = shade.normals_of(flip, faces)
    seen = visibility(template, normals, faces)
    at = _directions()
    eyes, local = _eyeballs(template, faces, parts)
    mouth = np.isin(parts, (Part.MOUTH, Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE))
    chin = chart.points[152, 1]
    rise = np.clip((template[:, 1] - (chin - 7.5)) / 6.5, 0, 1)
    return Rig(
        head=head,
        chart=chart,
        material=_materials(head, chart),
        seen=seen,
        bare=np.clip(normals @ at.T, 0, 1),
        eyes=eyes,
        local=local,
        inside=np.unique(faces[mouth]),
        neck=(rise * rise * (3 - 2 * rise)).astype(np.float32),
    )


def _directions() -> Floats:
    from emodiff_core.synthetic.lights import directions

    return directions()


def _materials(head: HeadModel, chart: Chart) -> NDArray[np.uint8]:
    parts, faces = head.parts.numpy(), head.faces.numpy()
    out = np.full(len(parts), shade.SKIN, np.uint8)
    for part, kind in _MATERIAL.items():
        out[parts == part] = kind
    tongue = _tongue(head, chart)
    if tongue is not None:
        out[tongue[faces].all(1)] = shade.TONGUE
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


def _eyeballs(template: Floats, faces: NDArray[np.int64], parts: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    side, local = np.zeros(len(template), np.float32), np.zeros_like(template)
    used = np.unique(faces[np.isin(parts, (Part.SCLERA, Part.IRIS))])
    for sign in (-1, 1):
        ball = used[np.sign(template[used, 0]) == sign]
        low, high = template[ball].min(0), template[ball].max(0)
        radius = (high - low)[:2].mean() / 2
        middle = np.array([*(low + high)[:2] / 2, low[2] + radius], np.float32)
        side[ball], local[ball] = sign, (template[ball] - middle) / radius
    return side, local.astype(np.float32)


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
    garment_faces = garment.faces + count
    hair_faces = hair.faces + count + len(garment.vertices)
    solid = np.concatenate([head.faces.numpy(), garment_faces])
    kinds = [rig.material, np.full(len(garment_faces), shade.CLOTH), np.full(len(hair_faces), shade.HAIR)]
    rest = np.concatenate([garment.vertices, _fitted(hair.vertices, chart, bare)])
    return Actor(
        person=person,
        rig=rig,
        shape=shape,
        bare=bare.astype(np.float32),
        follow=_offsets(head.name),
        faces=np.concatenate([solid, hair_faces]),
        material=np.concatenate(kinds).astype(np.uint8),
        solid=len(solid),
        rest=rest.astype(np.float32),
        tangents=hair.tangents,
        attributes=_attributes(rig, garment.uv, hair.uv, hair.open),
        cut=np.concatenate([np.zeros(count + len(garment.uv), np.float32), hair.cut]),
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
    return (hair + (bare - chart.template)[outside[near]].mean(1)).astype(np.float32)  # type: ignore[no-any-return]


def _lead(rig: Rig, rest: Floats, chart: Chart) -> Floats:
    rise = np.clip((rest[:, 1] - (chart.points[152, 1] - 9.0)) / 9.0, 0, 1)
    return np.concatenate([rig.neck, rise * rise * (3 - 2 * rise)]).astype(np.float32)


def _attributes(rig: Rig, cloth: Floats, hair: Floats, light: Floats) -> Floats:
    head = np.zeros((len(rig.chart.template), ATTRIBUTES), np.float32)
    head[:, :2] = rig.chart.uv(rig.chart.template)
    ball = rig.eyes != 0
    head[ball, :3], head[ball, 6] = rig.local[ball], rig.eyes[ball]
    rest = np.zeros((len(cloth) + len(hair), ATTRIBUTES), np.float32)
    rest[:, :2] = np.concatenate([cloth, hair])
    shadow = 0.35 + 0.65 * np.clip(cloth[:, 1] * 6, 0, 1)
    rest[:, 3] = np.concatenate([0.9 * shadow, light])
    rest[:, 4:6] = rest[:, 3:4]
    return np.concatenate([head, rest])


def _plain(person: Person) -> Floats:
    out = np.zeros((8, 3), np.float32)
    out[shade.TEETH] = linear(person.teeth) * 0.92
    out[shade.GUMS] = (0.42, 0.13, 0.13)
    out[shade.TONGUE] = (0.50, 0.19, 0.18)
    out[shade.HAIR] = linear(person.hair) * 1.25
    out[shade.CLOTH] = linear(person.cloth)
    out[shade.FRAME] = linear(person.glasses_colour)
    return out


def lit(actor_: Actor, turn: Floats) -> tuple[Floats, Floats]:
    """Light of one frame for a head turned by (3, 3): harmonics (9, 3) in picture space, and for the head's vertices
    how much of sky, key and rim they see (V, 3)."""
    rig, lights = actor_.rig, actor_.lights
    at = _directions()
    # The sky as the head sees it: radiance looked up in its turned directions through its own low frequencies.
    sky = np.clip(harmonics(at @ turn.T) @ _radiance(lights.sky), 0, None)
    lobes = np.stack([np.exp(14 * (at @ (turn.T @ lamp) - 1)) for lamp in lights.lamps], 1)
    want = np.concatenate([sky.mean(1, keepdims=True), lobes], 1).astype(np.float32)
    share = (rig.seen @ want) / (rig.bare @ want + 1e-3)
    return irradiance(lights.sky), np.clip(share, 0, 1).astype(np.float32)


def _radiance(sky: Floats) -> Floats:
    at = _directions()
    return (harmonics(at).T @ sky * (4 * np.pi / len(sky))).astype(np.float32)
