"""The head that a batch fits and renders, by its setting."""

from functools import cache
from pathlib import Path

from emodiff_core.flame import HeadModel, load_builtin, load_ict
from emodiff_core.flame_files import load_flame
from emodiff_core.spaces import fit_map, named
from infra.errors import SetupError


@cache
def head_of(name: str) -> HeadModel:
    """The head that `settings.expression.head` names, with the 53 ARKit expressions, loaded once per process.

    builtin; ICT-FaceKit's `head.npz` or its folder of OBJ files; a FLAME file (.pkl), whose own expressions are mapped.
    Raises SetupError HEAD_MISSING, Refusal HOSTILE_WEIGHTS or WEIGHTS_UNREADABLE.
    """
    if name == "builtin":
        return load_builtin()
    path = Path(name).expanduser()
    if not path.exists():
        raise SetupError("HEAD_MISSING", f"There is no head at {path}", "set expression.head to builtin or to a file")
    if path.suffix != ".pkl":
        return load_ict(path)
    flame = load_flame(path)
    return named(flame, fit_map(load_builtin(), flame))
