"""Options that several commands share, each described once."""

import re
from pathlib import Path
from typing import Annotated

import typer

from infra.errors import SetupError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, everything else on stderr.")]
Root = Annotated[
    str, typer.Option("--root", envvar="EMODIFF_ROOT", help="Where batches live: a folder or s3://bucket/prefix.")
]
Sheet = Annotated[str, typer.Argument(help="The sheet of jobs: CSV, JSONL or Parquet; a path or s3://.")]
NewBatch = Annotated[str | None, typer.Option("--batch", help="Name of the batch. Default: the sheet's name.")]
OldBatch = Annotated[str | None, typer.Option("--batch", help="Name of the batch. Default: the one that ran last.")]
Set = Annotated[list[str], typer.Option("--set", metavar="GROUP.NAME=VALUE", help="A setting; may be repeated.")]
File = Annotated[Path | None, typer.Option("--settings", help="TOML file with settings.", dir_okay=False)]

ROOT = "emodiff-data"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,119}")


def batch_of(sheet: str, named: str | None) -> str:
    """The batch's name: as given, else from the sheet's. Raises SetupError BATCH_NAME."""
    name = named if named is not None else re.sub(r"[^A-Za-z0-9._-]+", "-", Path(sheet).stem).strip("-.") or "batch"
    if not NAME.fullmatch(name):
        hint = "Letters, digits, '.', '_' and '-', at most 120, not beginning with '.' or '-'"
        raise SetupError("BATCH_NAME", f"{name!r} cannot name a batch", hint)
    return name
