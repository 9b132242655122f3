"""The face mesh with attention (Grishchenko et al. 2020): lips, lids and brows looked at closer, and irises.

MediaPipe's file asks for three operators that LiteRT does not have. They only cut windows out of a feature map, so the
graph is taken apart around them, and the windows are cut here (mediapipe/util/tflite/operations, version 2 of each).
"""

from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from emodiff_core.faces.points import MIRROR

Floats = NDArray[np.float32]

# fmt: off
LIPS = np.array([
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
])
RIGHT_EYE = np.array([
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
    35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
])
# fmt: on
LEFT_EYE = MIRROR[RIGHT_EYE]
"""Points of the mesh that the three closer looks place anew, in the order in which the model says them."""

_WINDOWS = ((LIPS, 61, 291), (RIGHT_EYE, 33, 133), (LEFT_EYE, 362, 263))  # and the two points that are made level
_MAP, _CELLS, _MARGIN = 48, 16, 1.5
_TRUNK = ("output_mesh", "conv_faceflag", "p_re_lu_3")
_CUTS = ("transform_tensor_bilinear_v2", "transform_tensor_bilinear_v2_1", "transform_tensor_bilinear_v2_2")
_CLOSER = ("reshape_1", "reshape_3", "reshape_6", "reshape_4", "reshape_7")  # lips, eyes, irises; right before left


def attention_points(model: Path, crop: Floats) -> tuple[Floats, float]:
    """Points (478, 3) of a crop (192, 192, 3) in [0, 1], in its pixels, and the logit of presence.

    The last ten are the irises, the subject's right one first: its centre and four points of its rim.
    """
    trunk, heads = _opened(model)
    mesh, flag, features = trunk(crop[None])
    points = mesh.reshape(468, 3).copy()
    scale = crop.shape[0] / _MAP
    cuts = [_window(points[:, :2] / scale, *window) for window in _WINDOWS]
    lips, right, left, right_iris, left_iris = heads(*(_cut(features[0], cut)[None] for cut in cuts))
    for (index, _, _), found, cut in zip(_WINDOWS, (lips, right, left), cuts, strict=True):
        points[index, :2] = _place(found[0], cut, scale)
    eyes = ((right_iris, cuts[1], RIGHT_EYE), (left_iris, cuts[2], LEFT_EYE))
    irises = [np.insert(_place(iris[0], cut, scale), 2, points[eye[:16], 2].mean(), 1) for iris, cut, eye in eyes]
    return np.concatenate([points, *irises]), float(flag.ravel()[0])


def _window(points: Floats, index: NDArray[np.intp], right: int, left: int) -> NDArray[np.float64]:
    """(2, 3) cells of the window around points[index] to cells of the feature map; right and left lie level in it."""
    along = (points[left] - points[right]).astype(np.float64)
    c, s = along / max(float(np.linalg.norm(along)), 1e-6)
    turn = np.array([[c, -s], [s, c]])
    level = points[index] @ turn
    low, high = level.min(0), level.max(0)
    scaled = turn * ((high - low) * _MARGIN / _CELLS)
    return np.column_stack([scaled, turn @ (low + high) / 2 - scaled @ (_CELLS / 2, _CELLS / 2)])


def _cut(features: Floats, cut: NDArray[np.float64]) -> Floats:
    """(16, 16, C) of the feature map (48, 48, C), bilinear, zero outside; cells have their centres at +0.5."""
    matrix = cut.copy()
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    x, y = np.meshgrid(np.arange(_CELLS), np.arange(_CELLS))
    at = (np.stack([x, y], -1) @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    outside = np.any((at < 0) | (at > _MAP - 1), axis=-1)
    low = np.clip(np.floor(at).astype(np.intp), 0, _MAP - 2)
    share = (at - low)[..., None]
    (x0, y0), (sx, sy) = (low[..., 0], low[..., 1]), (share[..., 0, :], share[..., 1, :])
    upper = features[y0, x0] * (1 - sx) + features[y0, x0 + 1] * sx
    lower = features[y0 + 1, x0] * (1 - sx) + features[y0 + 1, x0 + 1] * sx
    out = upper * (1 - sy) + lower * sy
    out[outside] = 0
    return out.astype(np.float32)


def _place(found: Floats, cut: NDArray[np.float64], scale: float) -> Floats:
    """Points (K, 2) of a window, in its cells times scale, to the crop's pixels."""
    return (found @ cut[:, :2].T + cut[:, 2] * scale).astype(np.float32)


@cache
def _opened(model: Path) -> "tuple[_Part, _Part]":
    data = model.read_bytes()
    return _Part(data, ("input_1",), _TRUNK), _Part(data, _CUTS, _CLOSER)


class _Part:
    """The piece of a model between named tensors, as a model of its own."""

    def __init__(self, data: bytes, entries: tuple[str, ...], exits: tuple[str, ...]) -> None:
        self._interpreter = Interpreter(model_content=_piece(data, entries, exits), num_threads=1)
        self._interpreter.allocate_tensors()
        self._entries = [int(entry["index"]) for entry in self._interpreter.get_input_details()]
        self._exits = [int(leave["index"]) for leave in self._interpreter.get_output_details()]

    def __call__(self, *values: Floats) -> tuple[Floats, ...]:
        for index, value in zip(self._entries, values, strict=True):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(index) for index in self._exits)


def _piece(data: bytes, entries: tuple[str, ...], exits: tuple[str, ...]) -> bytes:
    """A tflite file of the operators that lead from the entries to the exits and nothing else."""
    whole: Any = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = whole.subgraphs[0]
    number = {tensor.name.decode(): index for index, tensor in enumerate(graph.tensors)}
    maker = {int(output): operator for operator in graph.operators for output in operator.outputs}
    graph.inputs, graph.outputs = ([number[name] for name in names] for names in (entries, exits))
    needed, wanted, seen = set(), list(graph.outputs), set(graph.inputs)
    while wanted:
        tensor = int(wanted.pop())
        if tensor in seen or tensor not in maker:
            continue
        seen.add(tensor)
        needed.add(id(maker[tensor]))
        wanted += [int(entry) for entry in maker[tensor].inputs if entry >= 0]
    graph.operators = [operator for operator in graph.operators if id(operator) in needed]
    whole.signatureDefs = whole.metadata = None
    builder = flatbuffers.Builder(len(data))
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())
