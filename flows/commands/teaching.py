"""What `emodiff train` and `emodiff evaluate` do."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from emodiff_core.refusal import Refusal
from flows import console
from infra.errors import SetupError
from infra.models import model_path
from infra.origins import load

PRESETS = ("tiny", "demo", "large")
TRAINED = (*PRESETS, "paper-demo", "paper")
"""Presets of the generator that can be trained; those of the paper's form are measured as a baseline only."""


def teach_generator(
    preset: str, out: Path, data: Path, people: str, steps: int | None, seed: int | None, form: str, ict: Path | None,
    footage: Path | None, figures: str, baselines: bool, flags: Sequence[str], file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Train the generator. Raises SetupError OPTION and where a model is missing."""
    from emodiff_core.quality.evaluate import QUICK, Size
    from emodiff_core.training import commands

    plan = commands.PLANS[_one_of("--preset", preset, TRAINED)]  # type: ignore[index]
    named = cast(Literal["diffusion", "regression"], _one_of("--form", form, ("diffusion", "regression")))
    plan = replace(commands.with_steps(plan, steps, seed), form=named)
    size = {"full": Size(), "quick": QUICK, "none": None}[_one_of("--figures", figures, ("full", "quick", "none"))]
    material = commands.Material(data, _models(flags, file), ict, _range(people), footage)
    return _done(lambda: commands.train_generator(plan, material, out, size, baselines, console.say), as_json)


def teach_emotion(preset: str, out: Path, work: Path, steps: int | None, features: str, as_json: bool) -> int:
    """Train the emotion model. Raises SetupError OPTION, MODEL_MISSING."""
    from emodiff_core.training import commands

    plans = [replace(one, features=features) for one in commands.EMOTION_PLANS[_one_of("--preset", preset, PRESETS)]]
    plans = plans if steps is None else [replace(one, steps=steps) for one in plans]
    return _done(lambda: commands.train_emotion(plans, work, out, console.say), as_json)


def measure(
    preset: str, weights: Path | None, quick: bool, out: Path, twin: Path | None, paper: Path | None,
    ict: Path | None, flags: Sequence[str], file: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Evaluate weights and print the table. Raises SetupError PRESET and where a model is missing."""
    from emodiff_core.generator.renderer import BUILTIN
    from emodiff_core.training import commands

    name = cast(Any, _one_of("--preset", preset, PRESETS))
    material = commands.Material(Path(), _models(flags, file), ict)
    out.mkdir(parents=True, exist_ok=True)
    return _done(
        lambda: commands.evaluate_generator(weights or BUILTIN, name, material, quick, out, twin, paper, console.say),
        as_json,
    )


def _done(work: Callable[[], dict[str, Any]], as_json: bool) -> int:
    from emodiff_core.quality.scores import COLUMNS

    try:
        found = work()
    except Refusal as refusal:
        raise SetupError(refusal.code, refusal.message, refusal.hint) from refusal
    if as_json:
        console.emit(found)
        return 0
    rows = {**found.get("baselines", {}), "result": found.get("metrics", {})}
    console.table("", ("", *COLUMNS), [[name, *[_said(row.get(c)) for c in COLUMNS]] for name, row in rows.items()])
    others = {**found, **found.get("metrics", {})}
    left = [(k, _said(v)) for k, v in others.items() if k not in (*COLUMNS, "metrics", "baselines")]
    console.table("", ("", ""), left)
    return 0


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(one)}" for key, one in value.items())
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _models(flags: Sequence[str], file: Path | None) -> Path:
    """The folder of the two face models, digests checked. Raises SetupError."""
    settings = load(flags, file)
    model_path("face_detection", settings)
    return model_path("face_landmark_attention", settings).parent


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise SetupError("OPTION", f"{option} {value!r} is not known", f"one of {', '.join(allowed)}")
    return value


def _range(text: str) -> range:
    """FIRST:LAST as a range, nothing where nothing is given. Raises SetupError OPTION."""
    try:
        return range(*map(int, text.split(":"))) if text else range(0)
    except (TypeError, ValueError):
        raise SetupError("OPTION", f"--people {text!r} is no range of numbers", "as in --people 0:150") from None
