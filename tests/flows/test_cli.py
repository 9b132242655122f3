"""The command line: help, exit codes, and one JSON document on stdout."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ["run", "plan", "status", "why", "retry", "reprocess", "report", "models", "doctor", "settings"]


def emodiff(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    command = [sys.executable, "-m", "flows.cli", *arguments]
    path = {"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=path, timeout=120)
    return done.returncode, done.stdout, done.stderr


def document(*arguments: str, folder: Path) -> tuple[int, Any]:
    """Exit code and the JSON document, which must be all there is on stdout."""
    code, out, _ = emodiff(*arguments, "--json", folder=folder)
    return code, json.loads(out)


def test_help_is_there_at_once_and_names_every_command(tmp_path: Path) -> None:
    start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    code, out, _ = emodiff("--help", folder=tmp_path)
    assert code == 0 and resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start < 1.5
    assert all(name in out for name in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = "import flows.cli, sys; print([m for m in ('torch', 'ray', 'prefect', 'av', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["run", "plan", "status", "why", "retry", "reprocess", "report", "doctor", "settings"]
)
def test_every_command_shows_an_example(command: str) -> None:
    from typer.testing import CliRunner

    from flows.cli import app

    assert "Example: emodiff" in CliRunner().invoke(app, [command, "--help"]).output


def test_a_sheet_with_errors_of_form_is_refused_with_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("job_id,picture,speech,language\na b,p.png,s.wav,en\nc,p.png,s.wav,xx-!!\n")
    code, said = document("run", "s.csv", folder=tmp_path)
    assert code == 2 and said["error"]["code"] == "SHEET"
    assert {(fault["row"], fault["column"]) for fault in said["error"]["faults"]} >= {(2, "job_id"), (3, "language")}
    assert not (tmp_path / "emodiff-data").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "no-such-sheet.csv"), "SHEET"),
        (("status",), "NO_SUCH_BATCH"),
        (("settings", "--set", "generate.stepz=4"), "SETTINGS"),
        (("run", "s.csv", "--batch", "../up"), "BATCH_NAME"),
        (("run", "s.csv", "--root", "ftp://x"), "STORAGE_ROOT"),
        (("run",), "USAGE"),
        (("run", "s.csv", "--plan", "s.csv"), "PLAN_ALONE"),
        (("run", "--plan", "s.csv"), "PLAN_FILE"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_its_document(
    tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    (tmp_path / "s.csv").write_text("job_id,picture,speech,language\na,p.png,s.wav,en\n")
    end, said = document(*arguments, folder=tmp_path)
    assert (end, said["error"]["code"]) == (2, code)


def test_plan_shows_what_is_missing_before_the_night(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(b"x")
    (tmp_path / "s.wav").write_bytes(b"x")
    (tmp_path / "s.csv").write_text("job_id,picture,speech,language\na,p.png,s.wav,en\nb,none.png,s.wav,en\n")
    code, said = document("plan", "s.csv", folder=tmp_path)
    assert code == 1 and said["counts"] == {"run": 1, "reuse": 0, "blocked": 1}
    blocked = next(row for row in said["rows"] if row["action"] == "blocked")
    assert blocked["job"] == "b" and "none.png does not exist" in blocked["reason"]
    assert not (tmp_path / "emodiff-data" / "artifacts").exists()


def test_settings_say_where_each_value_comes_from(tmp_path: Path) -> None:
    code, said = document("settings", "--set", "generate.steps=4", folder=tmp_path)
    entry = next(one for one in said["settings"] if one["path"] == "generate.steps")
    assert code == 0 and (entry["value"], entry["origin"], entry["unit"]) == (4, "flag", "steps")


def test_models_are_listed_with_licence_and_a_missing_one_fails_the_check(tmp_path: Path) -> None:
    assert all(one["licence"] for one in document("models", "list", folder=tmp_path)[1]["models"])
    code, said = document("models", "check", folder=tmp_path)
    assert code == 1 and said["models"]["face_detection"] == "missing"


def test_doctor_says_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    code, said = document("doctor", folder=tmp_path)
    signs = {sign["what"]: sign for sign in said["signs"]}
    assert code == 1 and signs["face models"]["remedy"] == "emodiff models fetch"
    assert signs["storage"]["state"] == "ok"
