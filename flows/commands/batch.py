"""Commands that run: plan, run, retry, reprocess."""

from typing import Annotated

import typer

from flows.options import ROOT, File, Json, NewBatch, OldBatch, Root, Set, Sheet

JobFilter = Annotated[list[str], typer.Option("--job", help="Only this job; may be repeated.")]
TitleFilter = Annotated[list[str], typer.Option("--title", help="Only jobs of this title; may be repeated.")]
StageFilter = Annotated[list[str], typer.Option("--stage", help="Only jobs that failed in this stage.")]
CodeFilter = Annotated[list[str], typer.Option("--code", help="Only jobs that failed with this code.")]
FindingFilter = Annotated[list[str], typer.Option("--finding", help="Only jobs with a finding of this code.")]
Force = Annotated[bool, typer.Option("--force", help="Also jobs whose cause is permanent.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: [bold]emodiff run night.csv --root s3://dubs --batch 2026-11-21[/bold]")(run)
    app.command(epilog="Example: [bold]emodiff plan night.csv --root out --json[/bold]")(plan)
    app.command(epilog="Example: [bold]emodiff retry --root out --batch night --code TIMEOUT[/bold]")(retry)
    app.command(epilog="Example: [bold]emodiff reprocess --root out --batch night --title 'A film' --from mux[/bold]")(
        reprocess
    )


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
    job: JobFilter = [],  # noqa: B006
    title: TitleFilter = [],  # noqa: B006
    stage: StageFilter = [],  # noqa: B006
    code: CodeFilter = [],  # noqa: B006
    finding: FindingFilter = [],  # noqa: B006
    force: Force = False,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Run again what failed or was not done, from the ledger alone: the sheet is not needed.

    Jobs that failed for a permanent cause (no face, a damaged file) are left out unless forced or named.
    """
    from flows.commands.choosing import Filter
    from flows.commands.retrying import Again, run_again

    again = Again(Filter(job, title, stage, code, finding), force)
    raise typer.Exit(run_again(root, batch, again, set_, settings, json))


def reprocess(
    root: Root = ROOT,
    batch: OldBatch = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="STAGE", help="Make this stage and all after it anew.")
    ] = None,
    job: JobFilter = [],  # noqa: B006
    title: TitleFilter = [],  # noqa: B006
    stage: StageFilter = [],  # noqa: B006
    code: CodeFilter = [],  # noqa: B006
    finding: FindingFilter = [],  # noqa: B006
    force: Force = False,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Run jobs of a batch again, shipped ones too: with today's weights and settings, or anew from a stage on.

    What did not change is used again, so without --from a batch whose weights are new runs the generator and what
    follows. Jobs that failed for a permanent cause are left out unless forced or named.
    """
    from flows.commands.choosing import Filter
    from flows.commands.retrying import Again, run_again

    again = Again(Filter(job, title, stage, code, finding), force, shipped=True, anew=from_)
    raise typer.Exit(run_again(root, batch, again, set_, settings, json))
