"""`emodiff verify`: exit codes, a table for people, one document for programs, whatever it is given."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from flows.cli import app, main
from tests.poison import ffmpeg, good_video


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> tuple[Path, Path]:
    """A source, and the same pictures with another sound."""
    folder = tmp_path_factory.mktemp("films")
    source, dub = good_video(folder / "source.mp4", 1, "64x48"), folder / "dub.mp4"
    sound = ["-f", "lavfi", "-i", "sine=880:r=48000:d=1", "-map", "0:v", "-map", "1:a"]
    ffmpeg("-i", source, *sound, "-c:v", "copy", "-metadata:s:a:0", "language=por", dub)
    return source, dub


def ask(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", *map(str, words)])
    return result.exit_code, result.stdout


def test_two_files_are_enough(films):
    source, dub = films
    code, said = ask(dub, "--source", source)
    assert code == 0 and "dub.mp4: pass" in said and "TIMES" in said
    code, said = ask(dub, "--source", source, "--language", "de", "--json")
    document = json.loads(said)
    assert (code, document["verdict"]) == (1, "fail")
    assert [row["code"] for row in document["checks"] if row["state"] == "FAIL"] == ["LANGUAGE"]


def test_a_record_says_where_pixels_may_differ(films, tmp_path):
    source, dub = films
    record = tmp_path / "dub.json"
    edits = {"version": 1, "rate": "25", "start": "00:00:00:00", "events": []}
    record.write_text(json.dumps({"job": {"language": "pt-BR"}, "edits": edits}))
    code, said = ask(dub, "--source", source, "--record", record, "--json")
    rows = {row["code"]: row["delivery"] for row in json.loads(said)["checks"]}
    assert code == 0 and rows["PIXELS_OUTSIDE"] == "identical" and rows["LANGUAGE"] == "por"


@pytest.mark.parametrize("text", ["", "[]", '{"edits": {"version": 7}}'])
def test_what_is_no_record_is_said_so(text, films, tmp_path, monkeypatch, capsys):
    source, dub = films
    record = tmp_path / "record.json"
    record.write_text(text)
    monkeypatch.setattr("sys.argv", ["emodiff", "verify", str(dub), "--source", str(source), "--record", str(record)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and "RECORD" in capsys.readouterr().err


def test_a_source_that_is_no_film_is_said_so(films, tmp_path, monkeypatch, capsys):
    _, dub = films
    text = tmp_path / "source.mp4"
    text.write_text("not a film")
    monkeypatch.setattr("sys.argv", ["emodiff", "verify", str(dub), "--source", str(text)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and "NOT_MEDIA" in capsys.readouterr().err


def test_a_deliverable_that_is_no_film_fails(films, tmp_path):
    source, _ = films
    text = tmp_path / "dub.mp4"
    text.write_bytes(source.read_bytes()[:300])
    code, said = ask(text, "--source", source)
    assert code == 1 and "READABLE" in said


def test_the_joins_can_be_looked_at(films, tmp_path, monkeypatch, capsys):
    source, dub = films
    event = {"first_frame": 2, "last_frame": 9, "rectangle": [8, 8, 32, 24], "why": "speech"}
    record, sheet = tmp_path / "dub.json", tmp_path / "joins.png"
    record.write_text(json.dumps({"edits": {"version": 1, "rate": "25", "start": "00:00:00:00", "events": [event]}}))
    _, said = ask(dub, "--source", source, "--record", record, "--sheet", sheet, "--json")
    assert json.loads(said)["sheet"] == str(sheet) and Image.open(sheet).width > 200
    monkeypatch.setattr("sys.argv", ["emodiff", "verify", str(dub), "--source", str(source), "--sheet", str(sheet)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and "--record" in capsys.readouterr().err
