"""A head in the layout of the official FLAME files, made of random numbers and the built-in head, for tests only."""

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from emodiff_core.flame import load_builtin

SHAPES, EXPRESSIONS = 300, 100


def arrays(seed: int = 3) -> dict[str, NDArray[Any]]:
    """FLAME's arrays, metres: the built-in head with random directions, five joints, and a jaw that opens."""
    head = load_builtin()
    rng = np.random.default_rng(seed)
    template = head.template.numpy() / 100
    count = len(template)
    basis = np.concatenate([head.shape_basis.numpy(), head.expression_basis.numpy()]) / 100
    identities = np.einsum("ks,svc->vck", rng.normal(0, 0.15, (SHAPES, len(basis))), basis)
    still = [i for i, name in enumerate(head.expression_names) if not name.startswith("jaw") and name != "mouthClose"]
    expressions = head.expression_basis.numpy()[still] / 100
    mixed = np.einsum("ks,svc->vck", rng.normal(0, 0.2, (EXPRESSIONS, len(still))), expressions)
    return {
        "v_template": template.astype(np.float64),
        "shapedirs": np.concatenate([identities, mixed], 2),
        "posedirs": rng.normal(0, 1e-4, (count, 3, 36)),
        "J_regressor": _regressor(template),
        "weights": _weights(head.expression_basis[26].numpy(), template),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "f": head.faces.numpy().astype(np.uint32),
    }


def _regressor(template: NDArray[np.floating]) -> NDArray[np.float64]:
    centres = np.array([[0, -0.1, 0], [0, -0.05, 0], [0, 0.0, 0.03], [-0.03, 0.035, 0.08], [0.03, 0.035, 0.08]])
    away = np.linalg.norm(template[None] - centres[:, None], axis=2)
    near = np.exp(-((away / 0.03) ** 2))
    return np.asarray(near / near.sum(1, keepdims=True))


def _weights(opening: NDArray[np.floating], template: NDArray[np.floating]) -> NDArray[np.float64]:
    jaw = np.clip(np.linalg.norm(opening, axis=1) / 3.0, 0, 1)
    neck = np.clip((-template[:, 1] - 0.09) / 0.05, 0, 1) * (1 - jaw)
    return np.stack([neck, 1 - jaw - neck, jaw, 0 * jaw, 0 * jaw], 1)


def write(path: Path, content: dict[str, NDArray[Any]] | None = None) -> Path:
    """The arrays as an old pickle: shape directions in a chumpy array, the joints' regressor in sparse columns."""
    content = dict(content or arrays())
    chumpy, inner = ModuleType("chumpy"), ModuleType("chumpy.ch")
    kind = type("Ch", (), {"__module__": "chumpy.ch"})
    inner.Ch = kind  # type: ignore[attr-defined]
    sys.modules.update({"chumpy": chumpy, "chumpy.ch": inner})
    try:
        held = kind()
        held.x = content["shapedirs"]
        with path.open("wb") as file:
            sparse = csc_matrix(content["J_regressor"])
            pickle.dump({**content, "shapedirs": held, "J_regressor": sparse, "bs_type": "lrotmin"}, file, protocol=2)
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]
    return path


def encoder_state(shapes: dict[str, tuple[int, ...]], seed: int = 11) -> dict[str, NDArray[np.float32]]:
    """Numbers for a network's tensors by name, the same on every machine and for every implementation."""
    out: dict[str, NDArray[np.float32]] = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        draw = np.random.default_rng([seed, number])
        if name.endswith("running_var"):
            out[name] = draw.uniform(0.5, 1.5, shape).astype(np.float32)
        elif len(shape) > 1:
            out[name] = (draw.standard_normal(shape) * np.sqrt(0.5 / np.prod(shape[1:]))).astype(np.float32)
        else:
            middle = 1.0 if name.endswith("weight") else 0.0
            out[name] = (middle + 0.1 * draw.standard_normal(shape)).astype(np.float32)
    return out
