"""The stages as data: where each is found, what it reads, and which fields of the job decide its output."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from tasks.stage import Stage


@dataclass(frozen=True)
class Step:
    """One stage in the route.

    where: `module:Class`; after: stages whose artifacts it reads; files: the job's files that it reads; fields: values
    of the job that decide its output; per_span: one item for each span instead of one for the job.
    """

    stage: str
    where: str
    after: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    per_span: bool = False


Catalog = Mapping[str, Step]


def catalog(*steps: Step) -> Catalog:
    """Steps by name, in the order given."""
    return {step.stage: step for step in steps}


# A stage's input is what its fingerprint holds: languages of one title share crop and expression because neither reads
# the speech, and an emotion changes no track.
STAGES = catalog(
    Step("crop", "tasks.crop:Crop", files=("picture",), fields=("face",)),
    Step("expression", "tasks.expression:Expression", after=("crop",)),
    Step("audio", "tasks.audio:Audio", files=("speech",)),
    Step(
        "generate",
        "tasks.generate:Generate",
        after=("crop", "expression", "audio"),
        files=("picture", "cues", "motion"),
        fields=("emotion", "intensity", "motion", "seed"),
        per_span=True,
    ),
    Step(
        "mux",
        "tasks.mux:Mux",
        after=("crop", "audio", "generate"),
        files=("picture", "cues", "music"),
        fields=("job_id", "language", "title", "emotion", "intensity", "trim", "delivery"),
    ),
    Step(
        "check",
        "tasks.check:Check",
        after=("crop", "audio", "generate", "mux"),
        files=("picture",),
        fields=("language",),
    ),
)


def load(step: Step) -> Stage:
    """A new stage object. Imports its module, which may be heavy: only workers do this."""
    module, name = step.where.split(":")
    return cast(Stage, getattr(import_module(module), name)())


@lru_cache(maxsize=64)
def version(step: Step) -> str:
    """A stage's version, read from its source: the driver plans thousands of jobs without importing torch."""
    module, name = step.where.split(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{module} holds no stage")
    return _constant(Path(spec.origin), name, "version")


def _constant(source: Path, name: str, attribute: str) -> str:
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for line in node.body:
                target = line.target if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [None])[0]
                if isinstance(target, ast.Name) and target.id == attribute:
                    return str(ast.literal_eval(cast(ast.Assign, line).value))
    raise ValueError(f"{source.name}: class {name} states no {attribute}")
