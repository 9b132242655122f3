"""What `emodiff status` counts in columns is what the state of the batch says row by row."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from flows.brief import read_brief
from flows.commands.looking import show_status
from flows.commands.planning import show_plan
from flows.state import read_state
from infra.ledger import Writer, write_plan
from infra.logs import COMMANDS
from infra.rows import Attempt
from tests.flows.test_again import ROWS, Night


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A night of four jobs of which one ships, and a second sheet that has two of them and asks one for more."""
    night = Night(tmp_path)
    night.run(night.order(*ROWS))
    return night


@pytest.mark.parametrize("sheet", [ROWS, [ROWS[0] | {"emotion": "sad"}, ROWS[2]]])
def test_figures_are_those_of_the_rows_that_stand_for_the_jobs_of_the_sheet(night: Night, sheet: list[object]) -> None:
    night.run(night.order(*sheet), jobs=[])  # type: ignore[arg-type]
    brief, tallies = read_brief(night.here.store, "night")
    whole = read_state(night.here.store, "night")
    assert brief.counts() == whole.counts() and [one.end for one in brief.jobs] and len(brief.jobs) == len(sheet)
    for one, other in zip(brief.jobs, whole.jobs, strict=True):
        assert (one.job_id, one.status, one.seconds) == (other.job_id, other.status, other.seconds)
        assert (one.end and one.end.id) == (other.end and other.end.id)
    rows = [row for job in whole.jobs for row in job.rows]
    for stage, tally in tallies.items():
        counted = Counter(row.status for row in rows if row.stage == stage)
        took = sum(row.end - row.start for row in rows if row.stage == stage and row.status == "succeeded")
        assert (tally.made, tally.reused, tally.failed) == tuple(counted[s] for s in ("succeeded", "reused", "failed"))
        assert tally.seconds == pytest.approx(took)


EVIL = "a\x1b[2J\x1b]0;owned\x07\u202e\x9b2J"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_plan_names_files_without_their_commands(
    night: Night, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    with pytest.raises(ValueError, match="control character"):
        night.order({"job_id": "a", "picture": f"{EVIL}.png"})
    order = night.order({"job_id": "a"})
    past = [order.jobs[0].model_copy(update={"picture": f"{EVIL}.png", "title": EVIL})]
    show_plan(replace(order, jobs=past), as_json)
    shown = capsys.readouterr().out
    assert "FILE_MISSING" in shown and not COMMANDS.search(shown)
    assert not as_json or EVIL in json.loads(json.loads(shown)["rows"][0]["detail"])["row"]["picture"]


def test_names_that_command_a_terminal_are_shown_without_their_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night, evil = Night(tmp_path), EVIL
    with Writer(night.here.store, "night") as writer:
        writer.add(Attempt("night", evil, "job", "failed", error_code="NO_FACE", message=f"No face in {evil}.png"))
    write_plan(night.here.store, "night", [{"job": evil, "stage": "job", "action": "run"}])
    assert show_status(str(night.here.root), "night", as_json=False) == 1
    shown = capsys.readouterr().out
    assert "NO_FACE" in shown and not COMMANDS.search(shown)
    assert show_status(str(night.here.root), "night", as_json=True) == 1
    document = capsys.readouterr().out
    assert not COMMANDS.search(document) and json.loads(document)["jobs"][0]["job_id"] == evil
