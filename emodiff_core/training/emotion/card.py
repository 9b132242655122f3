"""The card of the emotion model, written by the run that made it."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emodiff_core.emotion.model import EmotionModel
from emodiff_core.synthetic.corpus import LANGUAGES, VARIANTS
from emodiff_core.training.emotion.clips import Clip
from emodiff_core.training.emotion.measures import measure

_TEXT = """# Emotion model

Log-mel sound (80 bands, 100 rows a second) to 53 expression codes: what the words do to the mouth, and what each of
eight emotions adds. Bidirectional LSTMs with discriminators after EMOdiffhead (arXiv 2409.07255), {size} kB.
Trained by this project on its own synthetic speech only: no recording of a person was used. Free to use under the
project's licence. Speech by espeak-ng (its output is not bound by its licence); lip openings are measured on the mean
head of ICT-FaceKit (MIT, USC Institute for Creative Technologies).

| | |
|---|---|
{rows}

| held out: {clips} clips, voices {voices}, clauses never trained on | |
|---|---|
{figures}

mouth_corr: correlation of the lip opening with the phoneme-driven truth, at 25 frames a second, mean over clips.
Limits: the voices it learned from are synthetic; a real voice, singing, shouting or music under the words may be
followed less exactly.

Again: `python -m emodiff_core.training.emotion --out <folder>` with the settings above.
"""


def write_card(out: Path, settings: Any, step: int, held_out: Sequence[Clip]) -> None:
    """Write `card.md` beside the weights in `out`: settings, seeds, digests, and figures on held-out clips."""
    weights = out / "model.safetensors"
    figures = asdict(measure(EmotionModel.load(out), held_out))
    facts = {
        "steps run": step,
        **asdict(settings),
        "languages": ", ".join(LANGUAGES),
        "voices trained on": len(VARIANTS["train"]),
        "sha256 of model.safetensors": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    text = _TEXT.format(
        size=weights.stat().st_size // 1000,
        rows="\n".join(f"| {k} | {v} |" for k, v in facts.items()),
        clips=len(held_out),
        voices=", ".join(VARIANTS["held_out"]),
        figures="\n".join(
            f"| {k} | {v:.3f} |" if isinstance(v, float) else f"| {k} | {v} |" for k, v in figures.items()
        ),
    )
    (out / "card.md").write_text(text, "utf8")
