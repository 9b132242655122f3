"""Commands that run: plan, run, retry."""

from typing import Annotated

import typer

from flows.options import ROOT, File, Json, NewBatch, OldBatch, Root, Set, Sheet


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: [bold]emodiff run night.csv --root s3://dubs --batch 2026-11-21[/bold]")(run)
    app.command(epilog="Example: [bold]emodiff plan night.csv --root out --json[/bold]")(plan)
    app.command(epilog="Example: [bold]emodiff retry --root out --batch night --code TIMEOUT[/bold]")(retry)


def run(
    sheet: Sheet,
    root: Root = ROOT,
    batch: NewBatch = None,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Run a sheet: what is done already is used again, the rest is made, checked and delivered.

    Ctrl-C once finishes what runs and stops; twice stops at once. The same command goes on where it stopped.
    Exit code 0 all shipped, 1 some jobs failed or were not done, 2 the sheet or the command is wrong.
    """
    from flows.commands.running import prepare, run_batch

    raise typer.Exit(run_batch(prepare(sheet, root, batch, set_, settings), json))


def plan(
    sheet: Sheet,
    root: Root = ROOT,
    batch: NewBatch = None,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Show what a run would do, and what is missing, before anything runs."""
    from flows.commands.planning import show_plan
    from flows.commands.running import prepare

    raise typer.Exit(show_plan(prepare(sheet, root, batch, set_, settings), json))


def retry(
    root: Root = ROOT,
    batch: OldBatch = None,
    job: Annotated[list[str], typer.Option("--job", help="Only this job; may be repeated.")] = [],  # noqa: B006
    code: Annotated[list[str], typer.Option("--code", help="Only jobs that failed with this code.")] = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Also jobs whose cause is permanent.")] = False,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Run again what failed or was not done, from the ledger alone: the sheet is not needed.

    Jobs that failed for a permanent cause (no face, a damaged file) are left out unless forced.
    """
    from flows.commands.retrying import run_again

    raise typer.Exit(run_again(root, batch, tuple(job), tuple(code), force, set_, settings, json))
