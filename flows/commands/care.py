"""Commands for the machine: models, doctor, settings."""

import typer

from flows.options import ROOT, File, Json, Root, Set

models = typer.Typer(no_args_is_help=True, help="The model files: which there are, fetch them, check them.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(models, name="models")
    app.command(epilog="Example: [bold]emodiff doctor --root s3://dubs[/bold]")(doctor)
    app.command(epilog="Example: [bold]emodiff settings --set generate.steps=4[/bold]")(settings)


@models.command("list", epilog="Example: [bold]emodiff models list --json[/bold]")
def list_(set_: Set = [], settings: File = None, json: Json = False) -> None:  # noqa: B006
    """Every model file with its licence, state and source."""
    from flows.commands.caring import list_models

    raise typer.Exit(list_models(set_, settings, json))


@models.command(epilog="Example: [bold]emodiff models fetch --set models.source=./mediapipe.whl[/bold]")
def fetch(set_: Set = [], settings: File = None, json: Json = False) -> None:  # noqa: B006
    """Fetch the two small face models and check their digests; does nothing where they are."""
    from flows.commands.caring import fetch_models

    raise typer.Exit(fetch_models(set_, settings, json))


@models.command(epilog="Example: [bold]emodiff models check[/bold]")
def check(set_: Set = [], settings: File = None, json: Json = False) -> None:  # noqa: B006
    """Check every model file that is here against its digest. Exit code 1 if one is missing or damaged."""
    from flows.commands.caring import check_models

    raise typer.Exit(check_models(set_, settings, json))


def doctor(root: Root = ROOT, set_: Set = [], settings: File = None, json: Json = False) -> None:  # noqa: B006
    """Look at this machine: versions, models, ffmpeg, storage, memory. Exit code 1 if a batch could not run."""
    from flows.commands.doctoring import examine

    raise typer.Exit(examine(root, set_, settings, json))


def settings(set_: Set = [], settings: File = None, json: Json = False) -> None:  # noqa: B006
    """The effective settings with unit, default and where each comes from."""
    from flows.commands.caring import show_settings

    raise typer.Exit(show_settings(set_, settings, json))
