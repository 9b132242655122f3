"""A plan as a file: made by `emodiff plan --out`, and executed exactly so by `emodiff run --plan`, or refused."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.driver import Order
from infra.errors import SetupError
from infra.rows import JOB
from infra.settings import Settings
from infra.storage import open_store
from tasks.jobs import Job

FORMAT = 1
SHOWN = 8
Row = Mapping[str, Any]


def write_plan_file(path: Path, order: Order, plan: Sequence[Row]) -> None:
    """Write what is planned, and the settings it was planned with. Raises SetupError PLAN_FILE."""
    about = {
        "emodiff_plan": FORMAT,
        "batch": order.batch,
        "root": order.store.root,
        "folder": order.folder,
        "settings": order.settings.model_dump(mode="json"),
        "rows": [dict(row) for row in plan],
    }
    try:
        path.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise SetupError("PLAN_FILE", f"The plan cannot be written to {path}: {error.strerror}") from error


def read_plan_file(path: Path, root: str | None = None) -> tuple[Order, list[dict[str, Any]]]:
    """The order and the rows of a plan. root: instead of the one it was made for. Raises SetupError PLAN_FILE."""
    try:
        about = json.loads(path.read_text("utf-8"))
        if about.get("emodiff_plan") != FORMAT:
            raise ValueError("it is of another format")
        settings = Settings.model_validate(about["settings"])
        rows = about["rows"]
        jobs = [Job.model_validate(json.loads(row["detail"])["row"]) for row in rows if row["stage"] == JOB]
        store = open_store(root or about["root"], settings)
        return Order(about["batch"], jobs, about["folder"], store, settings), rows
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        hint = "Make one with `emodiff plan SHEET --out FILE`"
        raise SetupError("PLAN_FILE", f"{path} holds no plan that can be run ({reason})", hint) from None


def refuse_drift(then: Sequence[Row], now: Sequence[Row]) -> None:
    """Raise SetupError PLAN_CHANGED where inputs, weights or code are not those that were planned.

    Work that was made meanwhile does not matter: it has the address that was planned.
    """
    before, after = _addresses(then), _addresses(now)
    moved = [name for name, value in before.items() if not _agree(name, value, after.get(name))]
    if moved:
        shown = "; ".join(_name(name) for name in moved[:SHOWN])
        more = f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else ""
        hint = "Plan again, look at it, and run that"
        raise SetupError("PLAN_CHANGED", f"What was planned is not what would run now: {shown}{more}", hint)


def _addresses(rows: Sequence[Row]) -> dict[tuple[str, str, int | None], str]:
    return {(row["job"], row["stage"], row["span"]): row["fingerprint"] for row in rows}


def _agree(name: tuple[str, str, int | None], before: str, after: str | None) -> bool:
    """A stage that was not known yet may be anything; a job that was blocked must be so still."""
    return before == after if name[1] == JOB or (before and after) else True


def _name(name: tuple[str, str, int | None]) -> str:
    job, stage, span = name
    return job if stage == JOB else f"{job} {stage}" + ("" if span is None else f" {span}")
