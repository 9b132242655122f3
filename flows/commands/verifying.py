"""`emodiff verify`: a deliverable held against its source by reading both files; no ledger, no storage, no settings."""

import json as json_
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.options import Json
from infra.errors import InputError, SetupError

Delivery = Annotated[Path, typer.Argument(help="The delivered video.", exists=True, dir_okay=False)]
Source = Annotated[Path, typer.Option("--source", help="The video it was made from.", exists=True, dir_okay=False)]
Record = Annotated[
    Path | None,
    typer.Option("--record", help="The .json delivered with it: where pixels may differ, and a print of the dub."),
]
Speech = Annotated[
    Path | None, typer.Option("--speech", help="The dubbed sound, to measure its place to the sample.", dir_okay=False)
]
Language = Annotated[str | None, typer.Option("--language", help="Language the dub must be tagged with, as pt-BR.")]
Sheet = Annotated[
    Path | None,
    typer.Option("--sheet", help="Picture to write, with --record: source, dub and difference where edits join."),
]
Least = Annotated[float, typer.Option("--least-db", help="PSNR outside the edits that a lossy codec must reach.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: [bold]emodiff verify anna-pt.mp4 --source anna.mov --record anna-pt.json[/bold]")(
        verify
    )


def verify(
    delivery: Delivery,
    source: Source,
    record: Record = None,
    speech: Speech = None,
    language: Language = None,
    least_db: Least = 50.0,
    sheet: Sheet = None,
    json: Json = False,
) -> None:
    """Hold a deliverable against its source: frames, times, tags, sound, and the pixels outside the face.

    Exit code 1 if anything failed.
    """
    from emodiff_core.quality import verify as quality
    from emodiff_core.refusal import Refusal

    ordered = _ordered(_read(record), speech, language, least_db)
    try:
        verdict = quality.verify(delivery, source, ordered)
        shown = sheet is not None and _show(sheet, delivery, source, verdict.timecode, ordered.edits)
    except Refusal as refusal:
        raise InputError(refusal.code, refusal.message, refusal.hint) from refusal
    word = "pass" if verdict.good else "fail"
    if json:
        files = {"delivery": str(delivery), "source": str(source)} | ({"sheet": str(sheet)} if shown else {})
        console.emit(
            {**files, "verdict": word, "checks": [asdict(r) for r in verdict.rows], "figures": verdict.figures}
        )
    else:
        rows = [(row.code, row.state, row.source, row.delivery, row.message) for row in verdict.rows]
        console.table(f"{delivery.name}: {word}", ("what", "state", "source", "deliverable", "note"), rows)
    raise typer.Exit(0 if verdict.good else 1)


def _show(sheet: Path, delivery: Path, source: Path, timecode: str | None, edits: Any) -> bool:
    """Write the picture of the joins; False where nothing was changed. Raises SetupError SHEET, Refusal."""
    from emodiff_core.media import Limits, probe, write_picture
    from emodiff_core.quality.joins import join_sheet
    from emodiff_core.quality.timecode import clock_of

    if edits is None:
        hint = "Name the .json that came with this video: --record"
        raise SetupError("SHEET", "Without the delivery's record nobody knows where its joins are", hint)
    picture = join_sheet(source, delivery, edits, clock_of(probe(source, Limits(min_side=1)).rate, timecode))
    if picture is not None:
        write_picture(sheet, picture)
    return picture is not None


def _read(record: Path | None) -> dict[str, Any]:
    """A record of a delivery. Raises SetupError RECORD."""
    if record is None:
        return {}
    try:
        document = json_.loads(record.read_text())
        if not isinstance(document, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise SetupError("RECORD", f"{record} cannot be read: {error}", "Name the .json beside the video") from error
    return document


def _ordered(record: dict[str, Any], speech: Path | None, language: str | None, least_db: float) -> Any:
    """What the record and the flags say of the order. Raises SetupError RECORD where its edit map is none."""
    from emodiff_core.media.language import iso639
    from emodiff_core.quality.edit_map import from_json
    from emodiff_core.quality.tally import Ordered

    try:
        edits = from_json(record["edits"]) if record.get("edits") else None
    except ValueError as error:
        raise SetupError("RECORD", str(error), "Name the .json that came with this video") from error
    named = language or (record.get("job") or {}).get("language")
    return Ordered(edits, None, speech, record.get("speech_print"), iso639(named) if named else None, least_db)
