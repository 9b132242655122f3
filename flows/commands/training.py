"""Commands for the models: train, evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import File, Json, Set

train = typer.Typer(no_args_is_help=True, help="Train the built-in models on the project's own synthetic people.")
Preset = Annotated[str, typer.Option("--preset", help="tiny, demo or large; the paper's form: paper-demo, paper.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the run: checkpoint, curve, sheets, weights, card.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Steps in all, instead of the preset's.")]
Ict = Annotated[Path | None, typer.Option("--ict", help="ICT-FaceKit's head.npz, for people of more kinds.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(train, name="train")
    app.command(epilog="Example: [bold]emodiff evaluate --preset demo --quick --json[/bold]")(evaluate)


@train.command("generator", epilog="Example: [bold]emodiff train generator --preset demo --people 0:150[/bold]")
def generator(
    preset: Preset = "demo",
    out: Out = Path("runs/generator"),
    data: Annotated[Path, typer.Option("--data", help="Folder of the people rendered to learn from.")] = Path(
        "runs/pairs"
    ),
    people: Annotated[
        str,
        typer.Option(
            "--people",
            help="FIRST:LAST people to render where missing. Default: none, or the preset's if there is nobody.",
        ),
    ] = "",
    steps: Steps = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of data order, noise and first weights.")] = None,
    form: Annotated[str, typer.Option("--form", help="diffusion, or regression: the same network without noise.")] = (
        "diffusion"
    ),
    ict: Ict = None,
    footage: Annotated[
        Path | None, typer.Option("--footage", help="Folder of real films: shots with a face are learned from too.")
    ] = None,
    figures: Annotated[str, typer.Option("--figures", help="Evaluation for the card: full, quick or none.")] = "quick",
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Train a regression and the paper's form too, to stand beside it.")
    ] = False,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Train the generator; a run that was killed goes on exactly where its last checkpoint stands."""
    from flows.commands.teaching import teach_generator

    raise typer.Exit(
        teach_generator(
            preset, out, data, people, steps, seed, form, ict, footage, figures, baselines, set_, settings, json
        )
    )


@train.command("emotion", epilog="Example: [bold]emodiff train emotion --preset demo --out runs/emotion/out[/bold]")
def emotion(
    preset: Preset = "demo",
    out: Out = Path("runs/emotion/out"),
    work: Annotated[Path, typer.Option("--work", help="Folder for clips and checkpoints.")] = Path("runs/emotion"),
    steps: Steps = None,
    features: Annotated[
        str, typer.Option("--features", help="log-mel, or a folder or hub name of a wav2vec2 or HuBERT model.")
    ] = "log-mel",
    json: Json = False,
) -> None:
    """Train the emotion model; a run that was killed goes on exactly where its last checkpoint stands.

    One that reads a speech model is used with --set generate.emotion=OUT --set audio.features=FEATURES.
    """
    from flows.commands.teaching import teach_emotion

    raise typer.Exit(teach_emotion(preset, out, work, steps, features, json))


def evaluate(
    preset: Preset = "demo",
    weights: Annotated[Path | None, typer.Option("--weights", help="Folder of weights. Default: the built-in.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A minute's look instead of the whole table.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for figures and picture sheets.")] = Path("evaluation"),
    twin: Annotated[Path | None, typer.Option("--twin", help="Weights trained with --form regression.")] = None,
    paper: Annotated[Path | None, typer.Option("--paper", help="Weights of the paper's form, as a baseline.")] = None,
    ict: Ict = None,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Measure the generator on held-out people, voices and sentences, beside its baselines."""
    from flows.commands.teaching import measure

    raise typer.Exit(measure(preset, weights, quick, out, twin, paper, ict, set_, settings, json))
