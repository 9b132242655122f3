"""From a training run to built-in weights: half precision, the configuration, and a card written by the run itself.

`python -m emodiff_core.training.publish runs/pairs runs/generator OUT --models FOLDER --ict HEAD.NPZ`
"""

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from emodiff_core.flame import load_builtin, load_ict
from emodiff_core.generator.model import Generator, build, parameters
from emodiff_core.quality.evaluate import Size, World, evaluate
from emodiff_core.quality.scores import COLUMNS
from emodiff_core.training.builder import filmed_on, set_back
from emodiff_core.training.checkpoints import load
from emodiff_core.training.shards import number_of

WEIGHTS = "diffusion_pytorch_model.safetensors"
_CARD = """# The built-in generator

What: the diffusion model of `emodiff_core.generator`, preset `{preset}`: {millions:.1f} M parameters, {size} px, in
patches of {patch} px, trained from nothing on {on}; stored in half precision.

For: rendering windows (face, mouth, eyes) of a face on the guide of a mesh warp. Not for: finding or judging faces.

## How it was made
| | |
|---|---|
| steps | {step} of {batch} windows, {side} px squares of them, on {device}, {hours:.1f} hours by the wall clock{cpu} |
| people | {people}, {windows} windows; train, validation and held out never meet |
| filmed on | {filmed} |
| seed | {seed}; data order, noise and first weights follow from it |
| rate | AdamW {rate}, average of weights {decay} |
| {weights} | sha256 {digest} |

To make it again, a GPU is used where there is one:

    emodiff train generator --preset {preset} --people {numbers} --steps {step} --ict HEAD.NPZ \
        --figures full --baselines{given}
{note}
## Figures
Held-out people, voices and sentences, {clips} clips of {frames} frames at 25 a second, whole pictures after detail
transfer. PSNR in dB inside the face's outline and in the mouth's surroundings; `emodiff evaluate` makes them anew.

{table}

{others}

## Credits
The synthetic people are the project's own (`emodiff_core.synthetic`); for training some were filmed on ICT-FaceKit's
head (MIT, USC Institute for Creative Technologies, https://github.com/USC-ICT/ICT-FaceKit). Codes were fitted through
MediaPipe's face mesh (Apache-2.0). Speech by espeak-ng. {seen}
Licence: {licence}.
"""


def publish(run: Path, out: Path) -> Generator:
    """Write weights and configuration of a run's average; the model as it will be loaded."""
    state = _state(run)
    model = build(state["plan"]["preset"])
    model.load_state_dict(state["average"])
    model.half().save_pretrained(out)
    loaded: Generator = Generator.from_pretrained(out)
    return loaded


def write_card(data: Path, run: Path, out: Path, model: Generator, figures: dict[str, Any], note: str) -> None:
    """`card.md` beside the weights. figures: of `evaluate`, with `clips` and `frames` said."""
    state = _state(run)
    folders = [data / "train" / name for name in state["names"]]
    numbers = [number for folder in folders if (number := number_of(folder)) is not None]
    heads = Counter(filmed_on(number, ["the built-in head", "ICT-FaceKit's head"]) for number in numbers)
    real = len(folders) - len(numbers)
    metrics = figures["metrics"]
    text = _CARD.format(
        **{
            **state["plan"],
            "step": state["step"],
            "hours": state["seconds"] / 3600,
            "cpu": f", {state['cpu_seconds'] / 60:.0f} minutes of a CPU" if state.get("cpu_seconds") else "",
            "device": state.get("device", "cpu"),
        },
        millions=parameters(model) / 1e6,
        size=model.config["size"],
        patch=model.config["patch"],
        people=f"{len(numbers)} synthetic ones" + (f" and {real} shots of real films" if real else ""),
        on="synthetic people and real films" if real else "the project's own synthetic people",
        given=" --footage FILMS" if real else "",
        seen=f"It learned from {real} shots of films that were given."
        if real
        else "No picture of a real person was used.",
        licence="the project's own, and what the films' owners allow" if real else "the project's own",
        numbers=f"{min(numbers)}:{max(numbers) + 1}" if numbers else "0:0",
        windows=4 * sum(json.loads((f / "shard.json").read_text())["frames"] for f in folders),
        filmed=", ".join(f"{count} on {name}" for name, count in heads.most_common()),
        weights=WEIGHTS,
        digest=hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest(),
        clips=figures["clips"],
        frames=figures["frames"],
        table=table(figures["table"]),
        others="\n".join(f"- {key}: {_said(value)}" for key, value in metrics.items() if key not in COLUMNS),
        note=f"\n{note}\n" if note else "",
    )
    (out / "card.md").write_text(text, "utf8")


def table(rows: dict[str, dict[str, float]]) -> str:
    """A Markdown table of named rows of figures."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(_said(row.get(key)) for key in COLUMNS) + " |")
    return "\n".join(lines)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(one)}" for key, one in value.items())
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) and abs(value) < 10 else f"{value:.5g}"


def _state(run: Path) -> dict[str, Any]:
    state = load(run / "checkpoint.pt")
    if state is None:
        raise FileNotFoundError(f"{run} holds no checkpoint.pt: train first")
    return state


def main() -> None:
    """The command line; see the file's first lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "run", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--models", type=Path, required=True, help="folder with the face models")
    parser.add_argument("--ict", type=Path, help="ICT-FaceKit's head.npz, to evaluate on its people too")
    parser.add_argument("--clips", type=int, default=Size.clips)
    parser.add_argument("--frames", type=int, default=Size.frames)
    parser.add_argument("--twin", type=Path, help="folder of a generator trained with --form regression")
    parser.add_argument("--note", default="", help="a sentence for the card")
    given = parser.parse_args()
    model = publish(given.run, given.out).eval()
    world = World([load_builtin()] + ([set_back(load_ict(given.ict))] if given.ict else []), given.models)
    with torch.inference_mode():
        twin = Generator.from_pretrained(given.twin).eval() if given.twin else None
        figures = evaluate(model, world, Size(given.clips, given.frames), twin, sheets=given.run / "evaluation")
    (given.run / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", "utf8")
    write_card(given.data, given.run, given.out, model, figures, given.note)
    print(table(figures["table"]))


if __name__ == "__main__":
    main()
