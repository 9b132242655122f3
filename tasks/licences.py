"""What a batch is settled on before anything runs: which reader says the expressions, that licences allow it, and
that its models fit each other.
"""

from pathlib import Path
from typing import Literal

from emodiff_core.refusal import Refusal
from infra.errors import RightsError, SetupError
from infra.models import REGISTRY, folder, model_path, require
from infra.settings import Expression, Settings

Reader = Literal["mesh", "deca"]

DECA = ("deca", "flame2020")
"""DECA's codes mean something on the head it was trained with only."""


def settled(settings: Settings) -> Settings:
    """The settings with `auto` decided, so that every machine of a batch reads expressions alike.

    Raises RightsError LICENCE where a file's licence does not cover the stated use, SetupError HEAD_MISSING,
    MODEL_MISSING, MODEL_DAMAGED, WEIGHTS_MISSING or FEATURES.
    """
    _require_head(settings)
    _require_ear(settings)
    reader = reader_of(settings)
    if reader == "deca":
        for name in DECA:
            model_path(name, settings)
    group = Expression(**settings.expression.model_dump() | {"codes": reader})
    return settings.model_copy(update={"expression": group})


def reader_of(settings: Settings) -> Reader:
    """Who reads the expressions; auto is DECA where its files are installed and their licence covers the use."""
    if settings.expression.codes != "auto":
        return settings.expression.codes
    try:
        for name in DECA:
            require(name, settings.run.use)
    except RightsError:
        return "mesh"
    there = all((folder(settings) / REGISTRY[name].file).is_file() for name in DECA)
    return "deca" if there else "mesh"


def _require_head(settings: Settings) -> None:
    """A FLAME file is known by its name; one of another name is taken for the most restricted."""
    head = settings.expression.head
    if head == "builtin":
        return
    path = Path(head).expanduser()
    if not path.exists():
        raise SetupError("HEAD_MISSING", f"There is no head at {path}", "set expression.head to builtin or to a file")
    if path.suffix == ".pkl":
        known = {entry.file: entry.name for entry in REGISTRY.values()}
        require(known.get(path.name, "flame2020"), settings.run.use)


def _require_ear(settings: Settings) -> None:
    """The emotion model hears what the audio stage leaves it."""
    folder, features = settings.generate.emotion, settings.audio.features
    if folder == "builtin":
        if features != "log-mel":
            hint = f"train one: emodiff train emotion --features {features}; and set generate.emotion to its folder"
            message = f"audio.features is {features}, which the built-in emotion model ignores"
            raise SetupError("FEATURES", message, hint)
        return
    # Imported here: torch costs seconds that the built-in model's batch does not need to begin.
    from emodiff_core.emotion import shape_of

    try:
        shape = shape_of(Path(folder).expanduser())
    except Refusal as refusal:
        raise SetupError(refusal.code, refusal.message, refusal.hint) from refusal
    if shape.digest and features == "log-mel":
        message = f"The emotion model in {folder} was trained to hear {shape.features}, and audio.features is log-mel"
        raise SetupError("FEATURES", message, f"set audio.features={shape.features}, or to where that model lies here")
