"""What `emodiff models` and `emodiff settings` do."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows import console
from infra import models
from infra.origins import load, load_with_origins


def list_models(flags: Sequence[str], file: Path | None, as_json: bool) -> int:
    """Print every registered model file."""
    settings = load(flags, file)
    states = models.check(settings)
    rows = [_model(entry, states[name]) for name, entry in models.REGISTRY.items()]
    if as_json:
        console.emit({"folder": str(models.folder(settings)), "models": rows})
    else:
        columns = ("name", "state", "stage", "licence", "commercial", "source")
        console.table(str(models.folder(settings)), columns, [[row[name] for name in columns] for row in rows])
    return 0


def fetch_models(flags: Sequence[str], file: Path | None, as_json: bool) -> int:
    """Fetch what is missing. Raises SetupError where it cannot be had."""
    from infra.fetch import fetch_all

    found = fetch_all(load(flags, file))
    if as_json:
        console.emit({"models": {name: str(path) for name, path in found.items()}})
    else:
        console.table("", ("model", "file"), [(name, path) for name, path in found.items()])
    return 0


def check_models(flags: Sequence[str], file: Path | None, as_json: bool) -> int:
    """Check digests. Exit code 1 where a model that is needed is missing or damaged."""
    states = models.check(load(flags, file))
    if as_json:
        console.emit({"models": states})
    else:
        console.table("", ("model", "state"), list(states.items()))
    return 1 if any(state in ("missing", "damaged") for state in states.values()) else 0


def show_settings(flags: Sequence[str], file: Path | None, as_json: bool) -> int:
    """Print the effective settings."""
    entries = load_with_origins(flags, file).entries()
    if as_json:
        console.emit({"settings": [asdict(entry) for entry in entries]})
    else:
        columns = ("setting", "value", "unit", "origin", "default", "what it does")
        rows = [(e.path, e.value, e.unit, e.origin, e.default, e.reason) for e in entries]
        console.table("", columns, rows)
    return 0


def _model(entry: models.ModelFile, state: str) -> dict[str, Any]:
    return {
        "name": entry.name,
        "state": state,
        "stage": entry.stage,
        "file": entry.file,
        "licence": entry.licence,
        "commercial": "yes" if entry.commercial else "no",
        "source": entry.source,
        "optional": entry.optional,
    }
