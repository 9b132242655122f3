"""Sheets, cue files and paths that mean harm."""

import io
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import InputError
from infra.fingerprint import Digests
from infra.settings import Settings
from tasks.cues import parse_cues
from tasks.files import digest_files
from tasks.sheet import SheetError, parse_sheet

ROW = {"job_id": "a", "picture": "p.png", "speech": "s.wav", "language": "en"}
DIRTY = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"


def _parquet(columns, **how):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **how)
    return sink.getvalue()


@pytest.mark.parametrize(
    "job_id",
    ["../a", "..", "a/b", "a\\b", "/etc/passwd", "a\0", "C:a", ".hidden", "a.", "-rf", "ａ", "co\nn", "a" * 200],
)
def test_an_id_never_leaves_its_folder(job_id):
    with pytest.raises(SheetError):
        parse_sheet(json.dumps(ROW | {"job_id": job_id}).encode(), "s.jsonl")


@pytest.mark.parametrize(
    "place", ["http://x/p.png", "file:///etc/passwd", "concat://a|b", "rtsp://x", "data://x", "p\0.png"]
)
def test_a_path_is_a_path_and_no_protocol(place):
    with pytest.raises(SheetError):
        parse_sheet(json.dumps(ROW | {"picture": place}).encode(), "s.jsonl")


@pytest.mark.parametrize("column", ["job_id", "picture", "title", "language", "emotion", "cues"])
def test_what_a_refused_sheet_says_commands_no_terminal(column):
    with pytest.raises(SheetError) as caught:
        parse_sheet(json.dumps(ROW | {column: DIRTY}).encode(), "s.jsonl")
    assert not set(str(caught.value)) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_a_broken_line_of_cues_is_quoted_without_its_commands():
    with pytest.raises(InputError) as caught:
        parse_cues(b'{"start": 0.5, \x1b[2J\x07 }\n', "c.jsonl")
    assert not set(caught.value.message) & {"\x1b", "\x07"}


def test_damaged_parquet_is_told_without_the_bytes_that_damage_it():
    data = bytearray(_parquet({"start": [0.5], "end": [1.0], "emotion": ["sad"]}))
    for place in range(4, len(data) - 4, 3):
        bent = bytes(data[:place]) + b"\x1b" + bytes(data[place + 1 :])
        try:
            parse_cues(bent, "c.parquet")
        except InputError as error:
            assert error.message.isprintable(), error.message


def test_a_small_parquet_that_unpacks_to_gigabytes_is_refused_unpacked():
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(900_000, np.int32)), pa.array(["x" * 1_000_000]))
    data = _parquet({"title": text})
    assert len(data) < 2_000_000
    with pytest.raises(SheetError, match="unpacks to"):
        parse_sheet(data, "s.parquet")


def test_a_parquet_of_too_many_rows_is_refused_by_its_header():
    with pytest.raises(SheetError, match="rows of"):
        parse_sheet(_parquet({"job_id": pa.nulls(2_000_000, pa.string())}), "s.parquet")


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + b"x" * 50, b"\x1f\x8b\x08" + b"x" * 50, b"\x80\x04\x95cos\nsystem\n(S'id'\ntR."]
)
@pytest.mark.parametrize("name", ["s.csv", "s.jsonl", "s.parquet", "s.xlsx"])
def test_archives_and_pickles_are_no_sheets(data, name):
    with pytest.raises(SheetError):
        parse_sheet(data, name)


def test_a_device_or_a_pipe_as_input_is_refused_and_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("/dev/zero")
    for place in ("/dev/zero", "/dev/urandom", str(tmp_path / "pipe.png"), str(tmp_path / "link.png")):
        with pytest.raises(InputError) as caught:
            digest_files({"picture": place}, Digests(), Settings())
        assert caught.value.code == "NOT_A_FILE"
