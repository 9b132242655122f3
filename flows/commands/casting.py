"""What `emodiff plan --people` does: say who is in the footage, by the numbers that the sheet's column `face` takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows import console
from flows.driver import Order
from infra.artifacts import find_artifact
from tasks.files import files_of
from tasks.plan import BLOCKED, REUSE


def people(order: Order, plan: Sequence[Mapping[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """A document for each footage of an order, and a picture of its people in a folder.

    What crop found is taken from its artifact; other footage is looked at now, which costs what crop costs.
    """
    from tasks.casting import footage_of

    folder.mkdir(parents=True, exist_ok=True)
    files = {job.job_id: files_of(job, order.folder) for job in order.jobs}
    blocked = {row["job"] for row in plan if row["action"] == BLOCKED}
    jobs = [job for job in order.jobs if job.job_id not in blocked]
    films = footage_of(jobs, files, order.settings)
    return [
        _film(order, address, ids, plan, folder / f"{number:03}-{Path(address).stem}.png")
        for number, (address, ids) in enumerate(films.items(), 1)
    ]


def _film(
    order: Order, address: str, ids: Sequence[str], plan: Sequence[Mapping[str, Any]], sheet: Path
) -> dict[str, Any]:
    """One film; a film that cannot be read says why."""
    from emodiff_core.media import write_picture
    from emodiff_core.refusal import Refusal
    from tasks.casting import contact_sheet, look

    console.say(f"looking at {address}")
    try:
        cast = look(address, order.settings, next(_known(order, ids, plan), None))
        if cast.people:
            write_picture(sheet, contact_sheet(cast, order.settings))
    except Refusal as refusal:
        return {"picture": address, "jobs": list(ids), "error": f"{refusal.code}: {refusal.message}", "people": []}
    return cast.as_json() | {"jobs": list(ids), "sheet": str(sheet) if cast.people else None}


def _known(order: Order, ids: Sequence[str], plan: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What crop said of the film of these jobs, where it has run."""
    for row in plan:
        if row["stage"] == "crop" and row["action"] == REUSE and row["job"] in ids:
            artifact = find_artifact(order.store, "crop", row["fingerprint"])
            if artifact is not None and "people.json" in artifact.files:
                yield json.loads(order.store.read(f"{artifact.address}/people.json"))


def show(films: Sequence[Mapping[str, Any]]) -> None:
    """Tables for people."""
    for film in films:
        seen = f"auto takes {film['auto']}, see {film['sheet']}" if film["people"] else "nobody was found"
        title = f"{film['picture']}: {film.get('error', seen)}"
        rows = [(one["face"], f"{one['share']:.0%}", one["point"], _yes(one["talks"])) for one in film["people"]]
        console.table(title, ("face", "in sight", "largest at", "talks"), rows)


def _yes(value: bool) -> str:
    return "yes" if value else ""
