"""Where each setting comes from: a flag, else the environment, else a file, else the default."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from infra.errors import SetupError
from infra.settings import Settings

FILE = "emodiff.toml"
PREFIX = "EMODIFF_"


@dataclass(frozen=True)
class Entry:
    """One setting as `emodiff settings` prints it. pixels: the stages whose output it changes."""

    path: str
    value: Any
    default: Any
    unit: str
    reason: str
    origin: str
    pixels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """Settings, and the origin of every path that is not a default."""

    settings: Settings
    origins: Mapping[str, str]

    def entries(self) -> list[Entry]:
        """Every setting with value, default, unit, reason and origin."""
        return list(_entries("", self.settings, Settings(), self.origins))


def load(flags: Sequence[str] = (), file: Path | None = None) -> Settings:
    """The effective settings. flags: `group.name=value` each; file: TOML, else EMODIFF_SETTINGS, else ./emodiff.toml.

    Raises SetupError SETTINGS, which names every value that does not fit, its origin and what would.
    """
    return load_with_origins(flags, file).settings


def load_with_origins(flags: Sequence[str] = (), file: Path | None = None) -> Loaded:
    """As `load`, and where each value came from."""
    path = _file(file)
    layers = {f"file {path}": _from_file(path), "environment": _from_environment(), "flag": _from_flags(flags)}
    # Laid over the defaults, so that a file may change one field of one pool.
    merged: dict[str, Any] = Settings().model_dump()
    origins: dict[str, str] = {}
    for origin, layer in layers.items():
        _lay(merged, layer, origin, origins)
    try:
        return Loaded(Settings.model_validate(merged), origins)
    except ValidationError as error:
        raise SetupError("SETTINGS", _sentences(error, origins), "`emodiff settings` lists them all") from None


def _file(file: Path | None) -> Path | None:
    named = file or (Path(os.environ["EMODIFF_SETTINGS"]) if os.environ.get("EMODIFF_SETTINGS") else None)
    if named is not None:
        return named
    return Path(FILE) if Path(FILE).is_file() else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError("SETTINGS", f"The settings in {path} cannot be read: {error}") from None


def _from_environment() -> dict[str, Any]:
    groups = [name.upper() for name in Settings.model_fields]
    for name in os.environ:
        group = name.upper().removeprefix(PREFIX).split("__")[0]
        if name.upper().startswith(PREFIX) and "__" in name and group not in groups:
            close = difflib.get_close_matches(group, groups, 1)
            hint = f"Did you mean {PREFIX}{close[0]}__...?" if close else f"Groups: {', '.join(Settings.model_fields)}"
            raise SetupError("SETTINGS", f"The environment variable {name} names no setting", hint)
    try:
        return dict(EnvSettingsSource(Settings)())
    except SettingsError as error:
        raise SetupError("SETTINGS", f"The environment holds a setting that cannot be read: {error}") from None


def _from_flags(flags: Sequence[str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for flag in flags:
        path, equals, text = flag.partition("=")
        if not equals or "." not in path:
            raise SetupError("SETTINGS", f"{flag!r} sets nothing", "Write it as --set generate.steps=4")
        branch = layer
        *groups, name = path.strip().split(".")
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[name] = _literal(text.strip())
    return layer


def _literal(text: str) -> Any:
    """Lists, tables and quoted strings as in TOML; anything else as it is, which the field's type then reads."""
    if not text.startswith(("[", "{", '"')):
        return None if text == "" else text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise SetupError("SETTINGS", f"{text!r} cannot be read: {error}") from None


def _lay(base: dict[str, Any], layer: Mapping[str, Any], origin: str, origins: dict[str, str], at: str = "") -> None:
    for name, value in layer.items():
        if isinstance(value, Mapping) and isinstance(base.get(name, {}), dict):
            _lay(base.setdefault(name, {}), value, origin, origins, f"{at}{name}.")
        else:
            base[name] = value
            origins[f"{at}{name}"] = origin


def _entries(at: str, branch: Any, default: Any, origins: Mapping[str, str]) -> Iterator[Entry]:
    for name, info in type(branch).model_fields.items():
        value, usual, path = getattr(branch, name), getattr(default, name, None), f"{at}{name}"
        if isinstance(value, BaseModel):
            yield from _entries(f"{path}.", value, usual, origins)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from _entries(f"{path}.{key}.", item, (usual or {}).get(key), origins)
        else:
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            origin = origins.get(path, "default")
            pixels: Any = extra.get("pixels") or ()
            yield Entry(path, value, usual, str(extra.get("unit", "")), info.description or "", origin, tuple(pixels))


def _sentences(error: ValidationError, origins: Mapping[str, str]) -> str:
    return "; ".join(_sentence(entry, origins) for entry in error.errors(include_url=False, include_context=False))


def _sentence(entry: Any, origins: Mapping[str, str]) -> str:
    path = ".".join(str(part) for part in entry["loc"])
    origin = f" ({origins[path]})" if path in origins else ""
    if entry["type"] == "extra_forbidden":
        close = difflib.get_close_matches(path, [e.path for e in Loaded(Settings(), {}).entries()], 1)
        return f"there is no setting {path}{origin}" + (f", did you mean {close[0]}?" if close else "")
    value = "" if isinstance(entry["input"], dict | BaseModel) else f" = {entry['input']!r}"
    return f"{path}{value}{origin}: {entry['msg'].removeprefix('Value error, ')}"
