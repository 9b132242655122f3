"""Commands that run: plan, run, retry, reprocess."""

from pathlib import Path
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
    app.command(
        epilog="Example: [bold]emodiff plan night.csv --root out --out night.plan[/bold]; then run --plan night.plan"
    )(plan)
    app.command(epilog="Example: [bold]emodiff retry --root out --batch night --code TIMEOUT[/bold]")(retry)
    app.command(epilog="Example: [bold]emodiff reprocess --root out --batch night --title 'A film' --from mux[/bold]")(
        reprocess
    )


def run(
    sheet: Annotated[str | None, typer.Argument(help="The sheet of jobs, as for plan; or --plan.")] = None,
    root: Root = ROOT,
    batch: NewBatch = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Run exactly what `emodiff plan --out` wrote.", dir_okay=False)
    ] = None,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Run a sheet: what is done already is used again, the rest is made, checked and delivered.

    With --plan nothing runs where a file, a setting or a model is not what it was when the plan was made.
    Ctrl-C once finishes what runs and stops; twice stops at once. The same command goes on where it stopped.
    Exit code 0 all shipped, 1 some jobs failed or were not done, 2 the sheet or the command is wrong.
    """
    from flows.commands.running import prepare, prepare_planned, run_batch

    if plan is not None:
        given = [*set_, *([str(settings)] if settings else []), *([batch] if batch else [])]
        order = prepare_planned(plan, sheet, None if root == ROOT else root, given)
    elif sheet is None:
        raise typer.BadParameter("name a sheet, or a plan with --plan", param_hint="SHEET")
    else:
        order = prepare(sheet, root, batch, set_, settings)
    raise typer.Exit(run_batch(order, json))


def plan(
    sheet: Sheet,
    root: Root = ROOT,
    batch: NewBatch = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep the plan in this file, for `emodiff run --plan`.", dir_okay=False)
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option("--people", help="Look at the footage too: who is in it, with their faces, into this folder."),
    ] = None,
    set_: Set = [],  # noqa: B006
    settings: File = None,
    json: Json = False,
) -> None:
    """Show what a run would do, why, how long it takes, and what is missing, before anything runs.

    Why: which part of what a stage depends on is not what it was when it was last made.
    """
    from flows.commands.planning import show_plan
    from flows.commands.running import prepare

    raise typer.Exit(show_plan(prepare(sheet, root, batch, set_, settings), json, out, people))


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
