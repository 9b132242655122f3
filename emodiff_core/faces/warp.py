"""Warp: a picture moved by the head's mesh from the codes it shows to other codes, at the picture's own resolution."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emodiff_core.codes import Codes
from emodiff_core.faces.field import combed, extend, feathered
from emodiff_core.faces.mouth import Lining, light
from emodiff_core.faces.outlines import outlines, polygon, slit
from emodiff_core.faces.points import FACE_OVAL, INNER_LOWER_LIP, INNER_UPPER_LIP
from emodiff_core.flame import HeadModel, Part, to_picture
from emodiff_core.raster import Fragments, interpolate, rasterize, vertex_normals

Floats = NDArray[np.float32]
LIPS, INTERIOR, TEETH, EYES, FACE = range(5)
"""Channels of `Warp.masks` and `Guide.masks`."""
_INSIDE = (Part.MOUTH, Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE)
_EYE = (Part.SCLERA, Part.IRIS, Part.LID)
COARSE = 256
"""Pixels along a picture's longer side that are enough to judge its light."""
_REACH = 1.3  # centimetres: how far from the 468 points the fitted surface is trusted


@dataclass(frozen=True)
class Warp:
    """One frame of the warped picture.

    image: (H, W, 3) float32 in [0, 1]; flow: (H, W, 2) source coordinates in pixels; valid: (H, W) in [0, 1], 0 where
    the picture had nothing to show; normal: (H, W, 3) of any length, zeros outside; masks: (H, W, 5) in [0, 1].
    """

    image: Floats
    flow: Floats
    valid: Floats
    normal: Floats
    masks: Floats


@dataclass(frozen=True)
class Guide:
    """What the diffusion model is told of one window: a view of a Warp, all at (size, size); fields as in Warp."""

    image: Floats
    valid: Floats
    normal: Floats
    masks: Floats


class Warper:
    """Moves one picture to other codes of the same person.

    picture: (H, W, 3) uint8 RGB; source: its codes, one frame; around: how far what lies around the face is drawn
    along by it, in widths of the face; how: the picture is read between its pixels, INTER_CUBIC keeps more grain.
    """

    def __init__(
        self,
        picture: NDArray[np.uint8],
        source: Codes,
        head: HeadModel,
        around: float = 0.22,
        how: int = cv2.INTER_LINEAR,
    ) -> None:
        self.picture, self.source, self.head, self.around, self.how = picture, source, head, around, how
        self.size = picture.shape[:2]
        self.faces = warp_faces(head)
        self.inside = np.isin(head.parts.numpy(), _INSIDE)[self.faces]
        self.eyeballs = np.isin(head.parts.numpy(), _EYE)[self.faces]
        self.triangles = head.faces.numpy()[self.faces]
        self.lower_teeth = (head.parts.numpy() == Part.TEETH_LOWER)[self.faces]
        self.teeth = np.isin(head.parts.numpy(), (Part.TEETH_UPPER, Part.TEETH_LOWER))[self.faces]
        self.vertices = head.posed(source)[0]
        self.points = head_points(head, self.vertices)

    @cached_property
    def unit(self) -> Floats:
        """The picture (H, W, 3) float32 in [0, 1]."""
        return self.picture.astype(np.float32) / np.float32(255)

    @cached_property
    def _hold(self) -> Floats:
        """(H, W, 1) 0 at the picture's border and 1 inside: a crop that is laid back must meet what surrounds it."""
        height, width = self.size
        x, y = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in (width, height))
        share = np.clip(np.minimum(x[None], y[:, None]) / (0.08 * min(width, height)), 0, 1)
        return (share * share * (3 - 2 * share))[..., None].astype(np.float32)

    @cached_property
    def _seen(self) -> Fragments:
        return rasterize(self.vertices, self.triangles, self.size)

    @cached_property
    def _front(self) -> Floats:
        """Depth (H, W) of what the source shows, the farthest of each pixel and its neighbours: slopes hide nothing."""
        depth = np.where(np.isfinite(self._seen.depth), self._seen.depth, -1e6).astype(np.float32)
        return cv2.erode(depth, np.ones((3, 3), np.uint8)).astype(np.float32)

    @cached_property
    def _lining(self) -> Lining:
        """What mouths are made of, in the light of this picture."""
        step = max(1, max(self.size) // COARSE)
        seen = self.unit[::step, ::step]
        lips, _, eyes, face = outlines(self.points[:, :2] / step, seen.shape[:2])
        white = light(seen, eyes, face, lips)
        return Lining(self.triangles, self.head.parts.numpy()[self.faces], white)

    @cached_property
    def _rest(self) -> Floats:
        """The 468 points (468, 3) of the source's expression in head space."""
        turned = self.points - np.append(self.source.camera[0, 1:], 0)
        turned = turned / self.source.camera[0, 0] * np.array([1, -1, 1])
        return Rotation.from_rotvec(self.source.rotation[0]).inv().apply(turned).astype(np.float32)

    @cached_property
    def _open(self) -> Floats:
        return polygon(slit(self.points, INNER_UPPER_LIP, INNER_LOWER_LIP), self.size)

    def __call__(self, target: Codes) -> Warp:
        """The picture in the first frame of target."""
        vertices = self.head.posed(target)[0]
        points = head_points(self.head, vertices)
        fragments = rasterize(vertices, self.triangles, self.size)
        masks = self._masks(points, fragments)
        seen = self._surface(vertices, fragments, masks)
        flow = self._flow(vertices, seen, masks, self._rigid(target))
        image = sample(self.picture, flow, self.how).astype(np.float32) / np.float32(255)
        valid = self._valid(flow, fragments, masks, seen)
        hole = masks[..., INTERIOR] * (1 - np.clip(2 * valid - 1, 0, 1))
        turn = Rotation.from_rotvec(target.rotation[0]).as_matrix().astype(np.float32)
        image = self._lining.painted(image, hole, fragments, vertices, seen.normals, points, turn)
        return Warp(image, flow, valid, seen.normal, masks)

    def _rigid(self, target: Codes) -> Floats:
        """Affine (2, 3) from target to source pixels of the head's turn alone, at the depth of the face's outline."""
        there = posed_points(self._rest[FACE_OVAL], target)[:, :2]
        here = self.points[FACE_OVAL, :2]
        design = np.column_stack([there, np.ones(len(there))])
        solution, *_ = np.linalg.lstsq(design, here, rcond=None)
        return solution.T.astype(np.float32)

    def _masks(self, points: Floats, fragments: Fragments) -> Floats:
        lips, interior, eyes, face = outlines(points[:, :2], self.size)
        seen = fragments.face >= 0
        teeth = np.where(seen, self.teeth[fragments.face], False).astype(np.float32) * interior
        return np.stack([lips, interior, cv2.GaussianBlur(teeth, (0, 0), 0.6), eyes, face], -1)

    def _surface(self, vertices: Floats, fragments: Fragments, masks: Floats) -> "_Surface":
        normal = vertex_normals(vertices, self.triangles)
        values = interpolate(fragments, np.hstack([self.vertices, normal]), self.triangles)
        seen = fragments.face >= 0
        # Whose pixel it is, the contours of lips and lids say; where the mesh disagrees its answer is not used.
        bare = self.eyeballs[fragments.face] & (masks[..., EYES] < 0.5)
        skin = seen & ~(seen & (self.inside[fragments.face] | bare)) & (masks[..., INTERIOR] < 0.5)
        area = _areas(self.vertices, self.triangles) / np.maximum(_areas(vertices, self.triangles), 1e-3)
        shrunk = area.astype(np.float32)[fragments.face]
        return _Surface(values[..., :2], values[..., 2], values[..., 3:], normal, skin, shrunk)

    def _flow(self, vertices: Floats, seen: "_Surface", masks: Floats, rigid: Floats) -> Floats:
        """Source coordinates (H, W, 2) of every pixel."""
        grid = pixel_grid(self.size)
        turned = grid @ rigid[:, :2].T + rigid[:, 2]
        opened = masks[..., INTERIOR] > 0.5
        width = float(np.ptp(self.points[FACE_OVAL, 0]))
        flow = turned_head(grid, turned, self._head_ellipse(vertices))
        moved = extend(seen.source - turned, seen.skin, ~opened, falloff=self.around * width)
        flow = flow + combed(feathered(moved, masks[..., FACE], 0.05 * width), opened)
        flow[opened] = self._mouth_flow(vertices, turned[opened], rigid)
        return (grid + self._hold * (flow - grid)).astype(np.float32)

    def _mouth_flow(self, vertices: Floats, turned: Floats, rigid: Floats) -> Floats:
        """Source coordinates (K, 2) inside the lips: upper teeth go with the skull, lower teeth with the jaw.

        A pixel is looked for behind the source's lips first as one of the skull, then as one of the jaw.
        """
        jaw = np.unique(self.triangles[self.lower_teeth])
        moved = (self.vertices[jaw, :2] - (vertices[jaw, :2] @ rigid[:, :2].T + rigid[:, 2])).mean(0)
        lower = turned + moved
        middle = (self.points[13, 1] + self.points[14, 1]) / 2
        use_lower = ~self._was_open(turned) & self._was_open(lower) & (lower[:, 1] > middle)
        return np.where(use_lower[:, None], lower, turned)

    def _was_open(self, at: Floats) -> NDArray[np.bool_]:
        x = np.clip(at[:, 0].astype(np.intp), 0, self.size[1] - 1)
        y = np.clip(at[:, 1].astype(np.intp), 0, self.size[0] - 1)
        return self._open[y, x] > 0.5

    def _head_ellipse(self, vertices: Floats) -> tuple[Floats, float, float]:
        oval = head_points(self.head, vertices)[FACE_OVAL, :2]
        return oval.mean(0), float(np.ptp(oval[:, 0])) / 2, float(np.ptp(oval[:, 1])) / 2

    def _valid(self, flow: Floats, fragments: Fragments, masks: Floats, seen: "_Surface") -> Floats:
        opened = masks[..., INTERIOR]
        was_open = sample(self._open, flow)
        inside = np.clip(was_open * 2 - 1, 0, 1)
        thin = np.clip((seen.area - 0.06) / 0.2, 0, 1)
        around = np.where(seen.skin, self._visible(flow, seen.depth) * thin, 1.0)
        around = around * (1 - np.clip(was_open * 2 - 0.5, 0, 1))
        valid = opened * inside + (1 - opened) * around
        return cv2.GaussianBlur(valid.astype(np.float32), (0, 0), 0.7)

    def _visible(self, flow: Floats, depth: Floats) -> NDArray[np.bool_]:
        """Whether the surface point that a pixel shows was in sight in the source picture."""
        before = sample(self._front, flow, cv2.INTER_NEAREST)
        return before - depth < 0.35 * float(self.source.camera[0, 0])


@dataclass(frozen=True)
class _Surface:
    """What the mesh says at each pixel of the target: where it lay in the source (x, y and depth), how it faces,
    the normals of all vertices, whether it is skin by both mesh and contours, and source over target area."""

    source: Floats
    depth: Floats
    normal: Floats
    normals: Floats
    skin: NDArray[np.bool_]
    area: Floats


def turned_head(grid: Floats, turned: Floats, ellipse: tuple[Floats, float, float]) -> Floats:
    """Source coordinates of the head's turn, full over the head and its hair, fading into what stays still."""
    centre, half_width, half_height = ellipse
    dx = (grid[..., 0] - centre[0]) / (half_width * 1.45)
    dy = (grid[..., 1] - centre[1]) / half_height
    dy = np.where(dy < 0, dy / 1.7, dy / 1.15)
    radius = np.sqrt(dx**2 + dy**2)
    share = np.clip((1.75 - radius) / 0.75, 0, 1)
    share = share * share * (3 - 2 * share)
    return grid + share[..., None] * (turned - grid)


def warp_faces(head: HeadModel) -> NDArray[np.intp]:
    """Indices of the faces that move the picture: what lies near the 468 points, and eyes and mouth behind them."""
    reach = np.sqrt(-np.log(np.clip(head.spread.sum(1), 1e-12, 1))) * 1.2
    near = (reach < _REACH)[head.faces.numpy()].all(1)
    parts = head.parts.numpy()
    behind = np.isin(parts, (*_INSIDE, *_EYE))
    return np.flatnonzero((near | behind) & ~np.isin(parts, (Part.SCALP, Part.NECK)))


def head_points(head: HeadModel, vertices: Floats) -> Floats:
    """The face mesh's points (468, 3) on posed vertices (V, 3)."""
    points = (vertices[head.points_vertices.numpy()] * head.points_weights.numpy()[:, :, None]).sum(1)
    return points.astype(np.float32)


def posed_points(points: Floats, codes: Codes) -> Floats:
    """Head-space points (K, 3) in the pose of the first frame of codes, in picture pixels."""
    turned = Rotation.from_rotvec(codes.rotation[0]).apply(points).astype(np.float32)
    return to_picture(turned[None], codes.camera[:1])[0]


def sample(image: NDArray[Any], flow: Floats, how: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    """An image (H, W) or (H, W, C) read at flow (H, W, 2) pixels; the border goes on outwards."""
    at = np.ascontiguousarray(flow - 0.5, np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], how, borderMode=cv2.BORDER_REPLICATE)


def pixel_grid(size: tuple[int, ...]) -> Floats:
    """Pixel centres (H, W, 2) as x, y."""
    x, y = np.meshgrid(np.arange(size[1], dtype=np.float32) + 0.5, np.arange(size[0], dtype=np.float32) + 0.5)
    return np.stack([x, y], -1)


def window_view(image: Floats, matrix: Floats, size: int) -> Floats:
    """An image (H, W, C) seen through a window, low-passed where the window is coarser than the image."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.8:
        image = cv2.GaussianBlur(image, (0, 0), 0.45 / scale).astype(np.float32)
    shift = matrix.astype(np.float64).copy()
    shift[:, 2] += shift[:, :2] @ [0.5, 0.5] - 0.5  # both sides count from pixel centres
    seen = cv2.warpAffine(image, shift, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return seen.astype(np.float32)


def guide(warp: Warp, matrix: Floats, size: int = 128) -> Guide:
    """One window of a warp; matrix: (2, 3) picture to window pixels."""
    turn = matrix[:, :2] / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)
    normal = _unit(window_view(warp.normal, matrix, size))
    normal[..., :2] = normal[..., :2] @ turn.T
    return Guide(
        window_view(warp.image, matrix, size),
        window_view(warp.valid, matrix, size),
        normal,
        window_view(warp.masks, matrix, size),
    )


def _unit(vectors: Floats) -> Floats:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)).astype(np.float32)


def _areas(vertices: Floats, triangles: NDArray[np.int64]) -> Floats:
    """Area in the picture of each triangle; 0 where it faces away."""
    a, b, c = (vertices[triangles[:, k], :2] for k in range(3))
    signed = (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) - (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1])
    return np.maximum(signed, 0).astype(np.float32)
