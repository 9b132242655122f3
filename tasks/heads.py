"""The head that a batch fits and renders, by its setting."""

from functools import cache
from pathlib import Path

from emodiff_core.flame import HeadModel, load_builtin, load_ict
from infra.errors import SetupError


@cache
def head_of(name: str) -> HeadModel:
    """The head that `settings.expression.head` names, loaded once per process. Raises SetupError HEAD_MISSING."""
    if name == "builtin":
        return load_builtin()
    path = Path(name).expanduser()
    if not path.is_file():
        raise SetupError("HEAD_MISSING", f"There is no head at {path}", "set expression.head to builtin or to a file")
    return load_ict(path)
