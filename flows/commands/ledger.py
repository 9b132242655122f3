"""Commands for what lasts: ledger verify and compact, gc, publish."""

from typing import Annotated

import typer

from flows.options import ROOT, Json, OldBatch, Root

ledger = typer.Typer(no_args_is_help=True, help="The ledger: does everything hold that it says, fold its parts.")

AllBatches = Annotated[str | None, typer.Option("--batch", help="Only this batch. Default: all, and what is public.")]
Quick = Annotated[bool, typer.Option("--quick", help="Compare sizes only; do not read every file for its digest.")]
Days = Annotated[float, typer.Option("--days", min=0, help="Only what has not changed for so many days.")]
Delete = Annotated[bool, typer.Option("--delete", help="Delete it. Without this it is only listed.")]
Again = Annotated[
    bool, typer.Option("--again", help="Also what an older version held, or with fewer jobs than the newest has.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ledger, name="ledger")
    app.command(epilog="Example: [bold]emodiff gc --root s3://dubs --days 30 --delete[/bold]")(gc)
    app.command(epilog="Example: [bold]emodiff publish 2026-11-21 --root s3://dubs[/bold]")(publish)


@ledger.command(epilog="Example: [bold]emodiff ledger verify --root s3://dubs --json[/bold]")
def verify(root: Root = ROOT, batch: AllBatches = None, quick: Quick = False, json: Json = False) -> None:
    """Check that everything the ledger speaks of is there with its size and digest; list what nothing speaks of.

    Exit code 1 where something is missing or damaged.
    """
    from flows.commands.auditing import verify_ledger

    raise typer.Exit(verify_ledger(root, batch, quick, json))


@ledger.command(epilog="Example: [bold]emodiff ledger compact --root s3://dubs --batch 2026-11-21[/bold]")
def compact(root: Root = ROOT, batch: OldBatch = None, json: Json = False) -> None:
    """Fold the many small parts of a batch into few; also while it runs. A run does so itself when it ends."""
    from flows.commands.auditing import compact_ledger

    raise typer.Exit(compact_ledger(root, batch, json))


def gc(root: Root = ROOT, days: Days = 30.0, delete: Delete = False, json: Json = False) -> None:
    """List artifacts that no batch speaks of any more, nor any published version; delete them where asked to.

    Nothing is deleted while a batch runs, and a batch that begins meanwhile makes it stop.
    """
    from flows.commands.auditing import collect_garbage

    raise typer.Exit(collect_garbage(root, days, delete, json))


def publish(
    batch: Annotated[str, typer.Argument(help="Name of the batch.")],
    root: Root = ROOT,
    again: Again = False,
    json: Json = False,
) -> None:
    """Publish every title's language of a batch whose jobs have all passed check; a run does so itself when it ends.

    Exit code 1 where a title is not complete, or could not be published.
    """
    from flows.commands.auditing import publish_batch

    raise typer.Exit(publish_batch(root, batch, again, json))
