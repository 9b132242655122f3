"""Commands that only look: status, why, report. They read the storage; no server need be up."""

from typing import Annotated

import typer

from flows.options import ROOT, Json, OldBatch, Root, Set


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: [bold]emodiff status --root out --batch demo[/bold]")(status)
    app.command(epilog="Example: [bold]emodiff why maria-de --root out[/bold]")(why)
    app.command(epilog="Example: [bold]emodiff report --root out --batch demo[/bold]")(report)


def status(root: Root = ROOT, batch: OldBatch = None, json: Json = False) -> None:
    """How a batch stands: jobs, stages, and what failed."""
    from flows.commands.looking import show_status

    raise typer.Exit(show_status(root, batch, json))


def why(
    job: Annotated[str, typer.Argument(help="Id of the job.")],
    root: Root = ROOT,
    batch: OldBatch = None,
    json: Json = False,
) -> None:
    """Everything the ledger knows about one job: each attempt, each finding, and what to do."""
    from flows.commands.looking import show_why

    raise typer.Exit(show_why(job, root, batch, json))


def report(root: Root = ROOT, batch: OldBatch = None, set_: Set = [], json: Json = False) -> None:  # noqa: B006
    """Write the report of a batch anew, one page that needs nothing else."""
    from flows.commands.looking import write_report_again

    raise typer.Exit(write_report_again(root, batch, json))
