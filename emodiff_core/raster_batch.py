"""The z-buffer of many frames at once, in torch: on a GPU, or where no frame may wait for the one before it.

Every triangle offers the pixels of its bounding box; each pixel keeps the largest key of depth and face. No kernel is
our own, so nothing is compiled on the user's machine, and who wins does not depend on the order of threads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = torch.iinfo(torch.int64).min
_LOW = 0xFFFFFFFF


@dataclass(frozen=True)
class BatchFragments:
    """What each pixel of N frames sees. face: (N, H, W) int64, -1 where nothing; weights: (N, H, W, 3) barycentric;
    depth: (N, H, W), -inf where nothing."""

    face: Tensor
    weights: Tensor
    depth: Tensor


def rasterize_batch(vertices: Tensor, faces: Tensor, size: tuple[int, int], cull: bool = True) -> BatchFragments:
    """Fragments of N frames at pixel centres, by the rules of `raster.rasterize`, on the device of the vertices.

    vertices: (N, V, 3) float32 pixels, x right, y down, z larger is nearer; faces: (F, 3) int64; size: (height, width).
    Memory: about 150 bytes for each pixel of every triangle's bounding box.
    """
    height, width = size
    corners = vertices[:, faces]
    frame, face, low, span = _boxes(corners, size, cull)
    taken = span.prod(1)
    owner = torch.repeat_interleave(torch.arange(len(taken), device=taken.device), taken)
    place = torch.arange(len(owner), device=owner.device) - (taken.cumsum(0) - taken)[owner]
    x, y = low[owner, 0] + place % span[owner, 0], low[owner, 1] + place // span[owner, 0]
    weights, depth = _barycentric(corners[frame[owner], face[owner]], x, y)
    inside = (weights >= 0).all(1)
    pixel = (frame[owner] * height + y) * width + x
    best = torch.full((len(vertices) * height * width,), NOTHING, dtype=torch.int64, device=vertices.device)
    keys = _ordered(depth[inside]) * (_LOW + 1) + (_LOW - face[owner][inside])
    best.scatter_reduce_(0, pixel[inside], keys, "amax")
    return _seen(best.view(len(vertices), height, width), corners)


def interpolate_batch(fragments: BatchFragments, values: Tensor, faces: Tensor) -> Tensor:
    """Per-vertex values (N, V, C) at each pixel (N, H, W, C); zeros where nothing is seen."""
    frame = torch.arange(len(values), device=values.device)[:, None, None, None]
    of_corners = values[frame, faces[fragments.face.clamp(min=0)]]
    return (fragments.weights[..., None] * of_corners).sum(3)


def _boxes(corners: Tensor, size: tuple[int, int], cull: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of triangles (N, F, 3, 3) that may be seen: frame, face, first pixel (K, 2) and pixels (K, 2) in x and y."""
    area = _area(corners[..., :2])
    most = torch.tensor([size[1] - 1, size[0] - 1], device=corners.device)
    low = torch.ceil(corners[..., :2].amin(2) - 0.5).long().clamp(min=0)
    high = torch.minimum(torch.floor(corners[..., :2].amax(2) - 0.5).long(), most)
    shown = ((area < 0) if cull else (area != 0)) & (high >= low).all(2)
    frame, face = shown.nonzero(as_tuple=True)
    return frame, face, low[frame, face], (high - low)[frame, face] + 1


def _area(corners: Tensor) -> Tensor:
    a, b, c = corners.unbind(-2)
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def _barycentric(corners: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (K, 3) float64 and depth (K,) float32 of pixel centres in triangles (K, 3, 3)."""
    area = _area(corners[..., :2]).double()
    a, b, c = corners.double().unbind(1)
    px, py = x + 0.5, y + 0.5
    first = ((b[:, 0] - px) * (c[:, 1] - py) - (b[:, 1] - py) * (c[:, 0] - px)) / area
    second = ((c[:, 0] - px) * (a[:, 1] - py) - (c[:, 1] - py) * (a[:, 0] - px)) / area
    weights = torch.stack([first, second, 1 - first - second], 1)
    return weights, (weights * corners[..., 2].double()).sum(1).float()


def _ordered(depth: Tensor) -> Tensor:
    """Whole numbers in the order of the float32 they stand for."""
    bits = depth.contiguous().view(torch.int32).long()
    return torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _seen(best: Tensor, corners: Tensor) -> BatchFragments:
    face = torch.where(best == NOTHING, torch.full_like(best, -1), _LOW - (best & _LOW))
    frame, y, x = (face >= 0).nonzero(as_tuple=True)
    found, near = _barycentric(corners[frame, face[frame, y, x]], x, y)
    weights = torch.zeros((*face.shape, 3), device=corners.device)
    depth = torch.full(face.shape, -torch.inf, device=corners.device)
    weights[frame, y, x], depth[frame, y, x] = found.float(), near
    return BatchFragments(face, weights, depth)
