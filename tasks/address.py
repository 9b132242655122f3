"""Addresses of everything a job makes, known before it is made: a fingerprint for each stage from what decides it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fingerprint import Digests, Fingerprint, fingerprint
from infra.rows import JOB
from infra.settings import Settings, pixels
from tasks.catalog import Catalog, Step, version
from tasks.execute import Work
from tasks.jobs import Job
from tasks.stage import Span
from tasks.weights import weights


@dataclass(frozen=True)
class Ground:
    """What all jobs of a batch share; settings' and weights' share of each stage is worked out once."""

    batch: str
    settings: Settings
    catalog: Catalog
    pixels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def ground(batch: str, settings: Settings, catalog: Catalog, digests: Digests) -> Ground:
    """The ground of a batch."""
    shares = {stage: pixels(settings, stage) for stage in catalog}
    models = {stage: weights(stage, settings, digests) for stage in catalog}
    return Ground(batch, settings, catalog, shares, models)


@dataclass(frozen=True)
class Addresses:
    """One job's addresses. files: input name to address; digests: the same names to content digests."""

    ground: Ground
    job: Job
    files: Mapping[str, str]
    digests: Mapping[str, str]

    def of(self, stage: str, before: Mapping[str, Sequence[Fingerprint]], span: Span | None = None) -> Fingerprint:
        """The fingerprint of one stage, given those of the stages it comes after."""
        step = self.ground.catalog[stage]
        inputs = {name: self.digests[name] for name in step.files if name in self.digests}
        for earlier in step.after:
            inputs |= {name: print_.value for name, print_ in _named(self.ground.catalog[earlier], before[earlier])}
        more = _fields(step, self.job)
        if span is not None:
            # Of the track's sound and cues only what reaches this span: a change elsewhere leaves its pixels alone.
            inputs["audio"] = span.heard or inputs["audio"]
            if "cues" in inputs and span.cued is not None:
                inputs["cues"] = span.cued
            more |= {"span": [span.start, span.end]}
        shares = self.ground.pixels[stage]
        return fingerprint(stage, version(step), inputs, shares, weights=self.ground.weights[stage], **more)

    def work(
        self, stage: str, before: Mapping[str, Sequence[Fingerprint]], span: Span | None = None
    ) -> tuple[Work, Fingerprint]:
        """The description of one piece of work, with its fingerprint."""
        step, found = self.ground.catalog[stage], self.of(stage, before, span)
        artifacts = {
            name: (earlier, print_.value)
            for earlier in step.after
            for name, print_ in _named(self.ground.catalog[earlier], before[earlier])
        }
        files = {name: self.files[name] for name in step.files if name in self.files}
        parts = json.dumps(dict(found.parts), ensure_ascii=False, default=str)
        return Work(self.ground.batch, self.job, stage, found.value, files, artifacts, span, parts), found

    def whole(self) -> Fingerprint:
        """What decides the job as a whole: its files, its row, and the settings, weights and versions of all stages."""
        steps = self.ground.catalog.values()
        settings = {name: value for share in self.ground.pixels.values() for name, value in share.items()}
        models = {name: value for found in self.ground.weights.values() for name, value in found.items()}
        versions = ".".join(version(step) for step in steps)
        more = {name: value for step in steps for name, value in _fields(step, self.job).items()}
        return fingerprint(JOB, versions, self.digests, settings, weights=models, **more)


def _named(step: Step, prints: Sequence[Fingerprint]) -> list[tuple[str, Fingerprint]]:
    """Input names of a stage's artifacts: the stage's own, or numbered where it has one for each span."""
    if step.per_span:
        return [(f"{step.stage}/{index:03}", found) for index, found in enumerate(prints)]
    return [(step.stage, prints[0])]


def _fields(step: Step, job: Job) -> dict[str, Any]:
    """Values of the job that decide the output; a file's name is not one, its content is among the inputs."""
    values = job.model_dump(mode="json")
    if job.motion not in ("still", "natural"):
        values["motion"] = "file"
    return {f"job.{name}": values[name] for name in step.fields}
