"""The contract of a stage: local files in, an empty folder to fill, findings and figures out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from infra.settings import Settings
from tasks.jobs import Job


@dataclass(frozen=True)
class Span:
    """Frames [start, end) of one track that are rendered, checked and retried together.

    heard: digest of the sound that decides their pixels, see `tasks.hearing`; cued: of the cues that do, see
    `tasks.cues`, None where only the whole file is known.
    """

    index: int
    start: int
    end: int
    heard: str = ""
    cued: str | None = None


@dataclass(frozen=True)
class Item:
    """One piece of work for one stage.

    inputs: local paths: `picture`, `speech`, `cues`, `music`, `motion` are the job's; a stage's name the folder
    of that stage's artifact (for generate's takes `generate/000`, `generate/001`, ... in span order);
    out: an empty local folder that becomes the artifact; span: only for generate.
    """

    job: Job
    inputs: Mapping[str, Path]
    out: Path
    settings: Settings
    span: Span | None = None
    batch: str = ""


@dataclass(frozen=True)
class Finding:
    """Something an operator should see about an item. level: info, warning or error; time in seconds of the picture."""

    level: str
    code: str
    message: str
    time: float | None = None


@dataclass(frozen=True)
class Result:
    """What a stage says besides its files: findings, and figures that go into the attempt's row."""

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)


class Stage(Protocol):
    """One verb of the pipeline. Executor-free: a test makes one and calls it.

    name and version are part of every fingerprint; a change of pixels or rows needs a new version.
    """

    name: ClassVar[str]
    version: ClassVar[str]

    def setup(self, settings: Settings) -> None:
        """Load models, once per worker."""

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises only the tree of infra/errors.py or emodiff_core's Refusal; pure but for item.out."""
        ...
