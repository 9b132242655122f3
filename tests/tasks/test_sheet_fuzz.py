"""Whatever bytes come, a sheet and a cue file are read or refused in their own words."""

import csv
import io
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.errors import InputError
from tasks.cues import parse_cues
from tasks.jobs import Emotion, Job
from tasks.sheet import SheetError, parse_sheet

NAMES = st.sampled_from(["s.csv", "s.tsv", "s.jsonl", "s.json", "s.parquet", "s", "s.xlsx"])
CELLS = st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
HEADER = b"job_id,picture,speech,language,intensity,face,deadline,seed\n"
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


def _answered(data, name):
    try:
        jobs = parse_sheet(data, name)
        assert jobs and all(isinstance(job, Job) for job in jobs)
    except SheetError as error:
        assert error.faults
        str(error).encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), NAMES)
@example(b"PAR1PAR1", "s.parquet")
@example(b"\xff\xfe\x00", "s.csv")
@example(b"\r\r\r", "s.csv")
@example(b'"\n"', "s.csv")
@example(b'{"a":' * 3000, "s.jsonl")
def test_any_bytes_are_answered(data, name):
    _answered(data, name)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_under_a_right_header_is_answered(text):
    _answered(HEADER + text.encode("utf-8", "ignore"), "s.csv")


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(list(Job.model_fields)) | st.text(max_size=5), VALUES, max_size=6))
def test_any_json_object_is_answered(record):
    _answered(json.dumps(record).encode(), "s.jsonl")


ROWS = st.fixed_dictionaries(
    {
        "picture": CELLS.map(lambda cell: f"p{cell}"),
        "speech": CELLS.map(lambda cell: f"{cell}.wav"),
        "language": st.sampled_from(["en", "pt-BR", "zh-Hant"]),
        "emotion": st.sampled_from(list(Emotion)).map(str),
        "intensity": st.floats(0, 1),
        "title": CELLS.map(str.strip),
        "seed": st.integers(0, 2**63 - 1),
    }
)


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8))
def test_what_a_csv_writer_wrote_comes_back(rows):
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, ["job_id", *rows[0]])
    writer.writeheader()
    writer.writerows({"job_id": f"j{n}", **row} for n, row in enumerate(rows))
    jobs = parse_sheet(sink.getvalue().encode(), "s.csv")
    for job, row in zip(jobs, rows, strict=True):
        assert (job.picture, job.speech) == (row["picture"].strip(), row["speech"].strip())
        assert (job.intensity, job.seed, job.title or "") == (row["intensity"], row["seed"], row["title"])


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda t: b"start,end,emotion\n" + t.encode("utf-8", "ignore")),
    NAMES,
)
def test_any_cue_file_is_answered(data, name):
    try:
        assert all(cue.end > cue.start for cue in parse_cues(data, name))
    except InputError as error:
        assert error.code == "CUES_INVALID"
        str(error).encode()
