"""The command `emodiff`."""

import gc
import os
import sys

import typer

from flows.commands import batch, care, ledger, look, training, verifying
from flows.console import complain, emit
from infra.errors import EmodiffError

app = typer.Typer(
    name="emodiff",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Dub talking faces by the night: a sheet of jobs in, one lip-synced, emotional video per job out.",
    epilog="Example: [bold]emodiff run examples/demo.csv --root out[/bold], then open out/batches/demo/report.html",
)
for module in (batch, look, care, ledger, verifying, training):
    module.register(app)


def main() -> None:
    """Exit code 0 all shipped, 1 some jobs failed, 2 usage, sheet or machine."""
    # Imports and rows are hundreds of thousands of objects and no garbage: looking through them often takes a tenth of
    # what a command takes.
    gc.set_threshold(50_000, 20, 20)
    as_json = "--json" in sys.argv[1:]
    for name in ("RAY_USAGE_STATS_ENABLED", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(name, "0" if name.startswith("RAY") else "1")
    try:
        app()
    except EmodiffError as error:
        complain(error, as_json)
        sys.exit(2)
    except SystemExit as end:
        if end.code == 2 and as_json:
            emit({"error": {"code": "USAGE", "message": "The command line is wrong; see stderr", "hint": "--help"}})
        raise


if __name__ == "__main__":
    main()
