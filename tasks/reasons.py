"""Why something runs again, said for an operator: which part of its fingerprint is not what it was."""

from collections.abc import Mapping
from typing import Any

from infra.fingerprint import changed

FILES = ("picture", "speech", "cues", "music", "motion")
MOST = 4


def reason(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """A sentence from the parts of two fingerprints of one stage; None: it was never finished, empty: not noted."""
    if not before:
        return "not made yet" if before is None else "made of something else before"
    said = list(dict.fromkeys(_part(name, before.get(name), after.get(name)) for name in changed(before, after)))
    more = f" and {len(said) - MOST} more" if len(said) > MOST else ""
    return "; ".join(said[:MOST]) + more if said else "its artifact is gone"


def _part(name: str, old: Any, new: Any) -> str:
    group, _, rest = name.partition(".")
    if group == "input":
        return _input(rest)
    if group == "job":
        return f"{rest}: {_value(old)} -> {_value(new)}"
    if group == "settings":
        return f"setting {rest}: {_value(old)} -> {_value(new)}"
    if group == "weights":
        return f"weights of {rest.split('/')[0]} changed"
    if name == "version":
        return f"stage version {_value(old)} -> {_value(new)}"
    return "it was cut elsewhere" if name == "span" else f"{name} changed"


def _input(name: str) -> str:
    stage, _, number = name.partition("/")
    if name in FILES:
        return f"{name} changed"
    return f"span {int(number)} changed" if number else "the sound changed" if name == "audio" else f"{stage} changed"


def _value(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
