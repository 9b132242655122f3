"""What commands say: tables for people, one JSON document for programs, and errors as both read them."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from infra.errors import EmodiffError
from infra.logs import COMMANDS, harmless

STATUS_STYLE = {"shipped": "green", "failed": "red", "stopped": "yellow", "waiting": "dim", "running": "cyan"}


def emit(document: Any) -> None:
    """The one JSON document of a command; what a terminal would obey is escaped, so that it reads back as it was."""
    text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
    sys.stdout.write(COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A sentence for a person, on stderr."""
    sys.stderr.write(harmless(text) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; a cell that is a status is coloured, and no cell can command the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        cells = [harmless(str("" if cell is None else cell)) for cell in row]
        shown.add_row(*[Text(cell, style=STATUS_STYLE.get(cell, "")) for cell in cells])
    console = Console(width=None if sys.stdout.isatty() else 160)
    if title:
        console.print(Text(harmless(title), style="bold"))
    console.print(shown)


def complain(error: EmodiffError, as_json: bool) -> None:
    """An error that stopped the command."""
    if as_json:
        faults = getattr(error, "as_json", None)
        about = {"code": error.code, "message": error.message, "hint": error.hint}
        emit({"error": about | ({"faults": faults()} if faults else {})})
    say(f"{error.code}: {error.message}" + (f"\n{error.hint}" if error.hint else ""))
