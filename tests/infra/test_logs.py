"""Lines for people and for machines, and nothing a terminal would obey."""

import io
import json

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from infra.logs import bound, configure, harmless, logger
from infra.settings import Log


@pytest.fixture(autouse=True)
def _restore():
    yield
    structlog.reset_defaults()


def _said(options, *, about=None, **fields):
    stream = io.StringIO()
    configure(options, stream)
    with bound(**(about or {})):
        logger().info("span rendered", **fields)
    return stream.getvalue()


def test_without_a_terminal_each_line_is_json_bound_to_what_it_is_about():
    line = json.loads(_said(Log(), about={"batch": "night", "job": "j1", "stage": "crop"}, seconds=1.5))
    assert line["event"] == "span rendered" and line["level"] == "info" and line["timestamp"].endswith("Z")
    assert (line["batch"], line["job"], line["stage"], line["seconds"]) == ("night", "j1", "crop", 1.5)


def test_a_person_gets_one_line_without_braces():
    line = _said(Log(format="human"), about={"job": "j1"})
    assert line.count("\n") == 1 and "span rendered" in line and "job=j1" in line and "{" not in line


def test_lines_below_the_level_are_not_written():
    assert _said(Log(level="warning")) == ""


def test_an_exception_is_written_with_its_traceback():
    stream = io.StringIO()
    configure(Log(), stream)
    try:
        raise RuntimeError("no \x1b[2J luck")
    except RuntimeError:
        logger().exception("bad")
    line = json.loads(stream.getvalue())
    assert "RuntimeError" in line["exception"] and "\x1b" not in line["exception"]


def test_escapes_in_names_of_files_do_not_reach_the_terminal():
    line = _said(Log(format="human"), about={"job": "a\x1b]0;owned\x07b"}, files=["\x1b[2J.png"], more={"\x9b1m": 1})
    assert "\x1b" not in line and "\x07" not in line and "\x9b" not in line


@given(st.text())
def test_nothing_that_moves_a_cursor_survives(text):
    assert not any((ord(c) < 32 and c not in "\t\n") or 127 <= ord(c) < 160 for c in harmless(text))


@pytest.mark.parametrize(
    "text",
    [
        "s3://KEY:SECRET@bucket/x",
        "https://h/x?X-Amz-Signature=SECRET&y=1",
        "aws_secret_access_key = SECRET",
        "AKIASECRETSECRETSECR",
    ],
)
def test_credentials_are_not_told(text):
    assert "SECRET" not in harmless(text)


def test_lines_go_to_stderr_as_it_is_when_they_are_said(monkeypatch):
    before, after = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", before)
    configure(Log())
    before.close()
    monkeypatch.setattr("sys.stderr", after)
    logger().info("still heard")
    assert "still heard" in after.getvalue()
