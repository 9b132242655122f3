"""The card of the emotion model, written by the run that made it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from emodiff_core.emotion.model import EmotionModel
from emodiff_core.synthetic.corpus import LANGUAGES, VARIANTS
from emodiff_core.training.emotion.clips import Clip
from emodiff_core.training.emotion.measures import Figures, measure

_TEXT = """# Emotion model

{sound} to 53 expression codes: what the words do to the mouth, and what each of
eight emotions adds. Bidirectional LSTMs with discriminators after EMOdiffhead (arXiv 2409.07255), {members}{size} kB.
Trained by this project on its own synthetic speech. Free to use under the project's licence. Speech by espeak-ng
(its output is not bound by its licence), {recorded}; lip openings are measured on the mean head of ICT-FaceKit (MIT,
USC Institute for Creative Technologies).

Held out: voices {voices} and clauses never trained on; 25 frames a second.

{figures}

`studio` is a line said near a microphone, as dubbing stems are; `hard` one or two lines with emotion, through rooms,
noise, other people's voices, telephones and equalisers; `recorded` a man's voice of Flite (CMU ARCTIC rms), English.
mouth_corr: correlation of the lip opening with the phoneme-driven truth, mean over clips; clip_corr_p10: what nine of
ten clips exceed; mouth_error: centimetres; closed: shares of such frames.

Limits: the voices it learned from are synthetic; a real voice is followed less exactly (see `recorded`), and singing,
shouting or music under the words were never heard.

| | |
|---|---|
{rows}

Again: `emodiff train emotion --preset demo`, or `python -m emodiff_core.training.emotion --out <folder>` with the
settings above.
"""


def write_card(out: Path, runs: Sequence[tuple[Any, int]], held_out: Mapping[str, Sequence[Clip]]) -> None:
    """Write `card.md` beside the weights in `out`: settings, seeds, digests, and figures on each held-out set.

    runs: settings and steps of each network that the model was joined of.
    """
    weights = out / "model.safetensors"
    model = EmotionModel.load(out)
    facts = {
        "steps run": _told(step for _, step in runs),
        **{name: _told(getattr(settings, name) for settings, _ in runs) for name in asdict(runs[0][0])},
        "languages": ", ".join(LANGUAGES),
        "voices trained on": len(VARIANTS["train"]),
        **({"digest of the speech model": model.network.shape.digest} if model.network.shape.digest else {}),
        "sha256 of model.safetensors": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    heard = "Log-mel sound" if not model.network.shape.digest else f"Rows of the speech model {runs[0][0].features}"
    several = f"{len(runs)} networks that were trained apart and whose mouths are averaged, "
    text = _TEXT.format(
        members=several if len(runs) > 1 else "",
        sound=f"{heard} ({model.network.shape.bins} values, 100 rows a second)",
        size=weights.stat().st_size // 1000,
        rows="\n".join(f"| {k} | {v} |" for k, v in facts.items()),
        recorded="and by Flite's kal, awb and slt (CMU)"
        if any(settings.recorded for settings, _ in runs)
        else "no recording of a person was used",
        voices=", ".join(VARIANTS["held_out"]),
        figures=_table({f"{name}, {len(clips)} clips": measure(model, clips) for name, clips in held_out.items()}),
    )
    (out / "card.md").write_text(text, "utf8")


def _told(values: Iterable[Any]) -> str:
    """What is the same for all once, else each."""
    return ", ".join(dict.fromkeys(str(value) for value in values))


def _table(columns: Mapping[str, Figures]) -> str:
    """Figures down, sets across."""
    rows = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for field in fields(Figures):
        values = [getattr(figures, field.name) for figures in columns.values()]
        shown = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in values)
        rows.append(f"| {field.name} | " + " | ".join(shown) + " |")
    return "\n".join(rows)
