"""Whole trainings from one call: data, loop, weights, figures, card. What `emodiff train` and `emodiff evaluate` do."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from emodiff_core.flame import load_builtin, load_ict
from emodiff_core.generator.model import Generator
from emodiff_core.generator.presets import PRESETS, Name
from emodiff_core.quality.evaluate import QUICK, Size, World, evaluate
from emodiff_core.refusal import Refusal
from emodiff_core.training import builder, films, history
from emodiff_core.training.builder import set_back
from emodiff_core.training.emotion import Settings as EmotionPlan
from emodiff_core.training.emotion import train_several
from emodiff_core.training.generator import Plan, Run
from emodiff_core.training.pairs import eyes_of
from emodiff_core.training.publish import publish, write_card
from emodiff_core.training.shards import number_of, shards

Say = Callable[[str], None]
PLANS: dict[Name, Plan] = {
    "tiny": Plan("tiny", steps=6, batch=4, side=64, every=3, warmup=2),
    "demo": Plan("demo"),
    "paper-demo": Plan("paper-demo", steps=4300),  # as long by the clock as the demo's: its windows are whole
    "paper": Plan("paper", batch=64),
    "large": Plan("large", batch=64, side=512),
}
GUIDED_PRESETS = [name for name, preset in PRESETS.items() if "guide" in preset.inputs]
PEOPLE: dict[Name, int] = {"tiny": 1, "demo": 141, "paper-demo": 141, "paper": 1200, "large": 1200}
"""How many people are rendered where there are none yet and none are named."""
EMOTION_PLANS = {
    "tiny": (EmotionPlan(steps=4, size=4, rows=64, clips=6, held=2, every=2),),
    "demo": (EmotionPlan(), EmotionPlan(clips=4000, recorded=240, steps=4800, shutting=0.5)),
    "large": (EmotionPlan(steps=4000, nonsense=1600, recorded=240),),
}
"""The networks that are trained apart and averaged."""


@dataclass(frozen=True)
class Material:
    """What a generator learns from. data: folder of shards; models: of the face models; ict: ICT-FaceKit's head.npz;
    people: numbers of the people to render where their shards are missing; films: folder of real films to learn from
    too."""

    data: Path
    models: Path
    ict: Path | None = None
    people: range = range(0)
    films: Path | None = None


def train_generator(
    plan: Plan, material: Material, out: Path, size: Size | None, baselines: bool = False, say: Say = print
) -> dict[str, Any]:
    """Build what data is missing, train or go on with the run in `out`, and write weights, figures and card.

    size: of the evaluation that the card shows, None for none; baselines: the same network as a regression and in the
    paper's form are trained too, in out/regression and out/paper, to stand beside it. A model of the paper's form
    itself gets weights alone.
    """
    material = _rendered(plan, material)
    run = _trained(plan, material, out)
    model = publish(out, out / "weights").eval()
    if not model.guided:
        return {"step": run.step, "weights": str(out / "weights"), "metrics": {}}
    twin, paper, note = _baselines(plan, material, out) if baselines else (None, None, "")
    figures = _figures(model, material, size, out, twin, paper, say)
    write_card(material.data, out, out / "weights", model, figures, note)
    return {"step": run.step, "weights": str(out / "weights"), "metrics": figures["metrics"]}


def _trained(plan: Plan, material: Material, out: Path) -> Run:
    run = Run(plan, material.data, out, "cuda" if torch.cuda.is_available() else "cpu")
    run.train().save_pretrained(out / "model")
    return run


def _rendered(plan: Plan, material: Material) -> Material:
    """The material, with all people it names on disk; its preset's number where there are none and none are named."""
    guided = plan.preset in GUIDED_PRESETS
    if material.films is not None:
        if not guided:
            hint = "leave --footage out, or train a preset with a guide"
            raise Refusal("OPTION", "the paper's form learns from synthetic people alone", hint)
        films.build(material.data, material.films, load_builtin(), eyes_of(material.models))
    build = builder.build if guided else history.build
    people = material.people or range(0 if _any(material.data / "train") else PEOPLE[plan.preset])
    build(material.data, "train", people, material.models, material.ict)
    if people or not _any(material.data / "validation"):
        few = range(max(1, min(12, len(people) // 8)))
        build(material.data, "validation", few, material.models, material.ict)
    return material


def _any(folder: Path) -> bool:
    return folder.is_dir() and bool(shards(folder))


def _baselines(plan: Plan, material: Material, out: Path) -> tuple[Generator, Generator, str]:
    """The regression and the paper's form of a plan's size, and a note on how long each learned."""
    regression = _trained(replace(plan, form="regression"), material, out / "regression")
    numbers = sorted(number for path in shards(material.data / "train") if (number := number_of(path)) is not None)
    people = range(numbers[0], numbers[-1] + 1) if numbers else range(PEOPLE["paper-demo"])
    same = Material(out / "histories", material.models, material.ict, people)
    steps = plan.steps if plan.preset == "tiny" else PLANS["paper-demo"].steps
    slow = replace(plan, preset="paper-demo", steps=steps, side=128)
    paper = _trained(slow, _rendered(slow, same), out / "paper")
    note = "; ".join(
        f"`{name}` learned for {run.step} steps of {run.plan.batch}, {run.cpu_seconds / 60:.0f} minutes of a CPU"
        for name, run in {"regression": regression, "paper form": paper}.items()
    )
    return regression.averaged(), paper.averaged(), f"{note[0].upper()}{note[1:]}." if note else ""


def train_emotion(plans: Sequence[EmotionPlan], work: Path, out: Path, say: Say = print) -> dict[str, Any]:
    """Train the emotion model, or go on with the run in `work`; weights and card lie in `out`."""
    train_several(plans, work, out, say)
    return {"steps": sum(plan.steps for plan in plans), "weights": str(out)}


def evaluate_generator(
    weights: Path, preset: Name, material: Material, quick: bool, out: Path | None, twin: Path | None,
    paper: Path | None = None, say: Say = print,
) -> dict[str, Any]:  # fmt: skip
    """`metrics` and `baselines` of saved weights, and pictures in out/sheets; twin and paper: weights of baselines, see
    `evaluate`. Raises Refusal PRESET where the weights are of another size than the preset."""
    model = Generator.from_pretrained(weights).eval()
    if tuple(model.config["channels"]) != PRESETS[preset].channels:
        raise Refusal("PRESET", f"the weights in {weights} are not of the preset {preset}", "name their own preset")
    other, unguided = (Generator.from_pretrained(path).eval() if path else None for path in (twin, paper))
    with torch.inference_mode():
        size = QUICK if quick else Size()
        found = evaluate(model, _world(material), size, other, say, out / "sheets" if out else None, unguided)
    metrics = found["metrics"]
    kept = {name: row for name, row in found["table"].items() if not name.endswith(("step", "steps"))}
    document = {"preset": preset, "weights": str(weights), "metrics": metrics, "baselines": kept}
    if out:
        (out / "figures.json").write_text(json.dumps({**found, **document}, indent=1) + "\n", "utf8")
    return document


def _figures(
    model: Generator, material: Material, size: Size | None, out: Path, twin: Generator | None,
    paper: Generator | None, say: Say,
) -> dict[str, Any]:  # fmt: skip
    if size is None:
        return {"clips": 0, "frames": 0, "metrics": {}, "table": {}}
    with torch.inference_mode():
        figures = evaluate(model, _world(material), size, twin, say, out / "evaluation", paper)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", "utf8")
    return figures


def _world(material: Material) -> World:
    heads = [load_builtin()] + ([set_back(load_ict(material.ict))] if material.ict else [])
    return World(heads, material.models)


def with_steps(plan: Plan, steps: int | None, seed: int | None) -> Plan:
    """A plan of other length or seed."""
    return replace(plan, steps=plan.steps if steps is None else steps, seed=plan.seed if seed is None else seed)
