"""Old model pickles, opened without running anything: only arrays, sparse columns and containers can come out."""

import codecs
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix, csr_matrix

from emodiff_core.refusal import Refusal


class _Held:
    """Stands for a chumpy array or a sparse matrix of another scipy: keeps the state it was given, runs nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.state = {str(k): v for k, v in state.items()}


class _Sparse(_Held):
    pass


def _reconstruct(kind: object, shape: tuple[int, ...], code: bytes | str) -> NDArray[Any]:
    """numpy's array reconstructor, for plain arrays only."""
    del kind, shape, code
    return np.ndarray.__new__(np.ndarray, (0,), dtype=np.int8)


def _encode(text: str, encoding: str) -> bytes:
    """codecs.encode as protocol 2 writes bytes; nothing but latin1."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding}")
    return codecs.latin_1_encode(text)[0]


_ALLOWED: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): OrderedDict,
    ("copy_reg", "_reconstructor"): lambda kind, *_: kind(),
    ("copyreg", "_reconstructor"): lambda kind, *_: kind(),
    ("__builtin__", "object"): object,
    ("builtins", "object"): object,
    ("__builtin__", "set"): set,
    ("builtins", "set"): set,
}
_UNREADABLE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError, MemoryError, OverflowError,
    RecursionError, ImportError,
)  # fmt: skip
_NUMPY_CORE = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_SPARSE = ("csc_matrix", "csr_matrix", "coo_matrix", "csc_array", "csr_array")


class _Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for: arrays and what they are made of. Raises Refusal HOSTILE_WEIGHTS."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module in _NUMPY_CORE and name == "_reconstruct":
            return _reconstruct
        if module in _NUMPY_CORE and name == "scalar":
            return lambda dtype, data=b"": np.frombuffer(data, dtype)[0]
        if module.split(".")[0] == "chumpy":
            return _Held
        if module.startswith("scipy.sparse") and name in _SPARSE:
            return type(name, (_Sparse,), {})
        raise Refusal(
            "HOSTILE_WEIGHTS",
            f"the file wants to build {module}.{name}, which is no array",
            "use the file from its official home; nothing in it was run",
        )

    def persistent_load(self, pid: Any) -> Any:
        raise Refusal("HOSTILE_WEIGHTS", f"the file refers to an object outside of it ({pid!r})")


def load_arrays(path: Path) -> dict[str, Any]:
    """The dictionary of arrays in a pickle (Python 2 or 3), chumpy and scipy.sparse members as plain arrays.

    Raises Refusal HOSTILE_WEIGHTS where it would build anything else, WEIGHTS_UNREADABLE where it is no such file.
    """
    try:
        with path.open("rb") as file:
            found = _Arrays(file, encoding="latin1").load()
    except Refusal:
        raise
    except _UNREADABLE as error:
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name}: {error}", "download the file again") from error
    if not isinstance(found, dict):
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name} holds no dictionary of arrays")
    return {str(key): _plain(value) for key, value in found.items()}


def _plain(value: object) -> Any:
    """A dense array where the value is a held or sparse one."""
    if isinstance(value, _Sparse):
        return _dense(value)
    if isinstance(value, _Held):
        inner = value.state.get("x")
        return _plain(inner) if inner is not None else np.zeros(0)
    return value


def _dense(value: _Sparse) -> NDArray[Any]:
    state = value.state
    shape = state.get("_shape") or state.get("shape")
    parts = tuple(np.asarray(state[k]) for k in ("data", "indices", "indptr") if k in state)
    if shape is None:
        raise Refusal("WEIGHTS_UNREADABLE", "a sparse matrix without its shape")
    if len(parts) == 3:
        kind = csr_matrix if type(value).__name__.startswith("csr") else csc_matrix
        return np.asarray(kind(parts, shape=tuple(shape)).toarray())
    places = (np.asarray(state["row"]), np.asarray(state["col"]))
    return np.asarray(coo_matrix((np.asarray(state["data"]), places), shape=tuple(shape)).toarray())
