"""A sheet is answered as a whole: jobs, or everything that is wrong with its form."""

import io
import json
import pickle
import time
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.settings import Settings
from infra.storage import open_store
from tasks.jobs import Emotion, Job
from tasks.sheet import SHOWN, SheetError, documentation, folder_of, parse_sheet, read_sheet

HEADER = "job_id,picture,speech,language,emotion,intensity\n"


def _faults(text, name="sheet.csv"):
    with pytest.raises(SheetError) as caught:
        parse_sheet(text if isinstance(text, bytes) else text.encode(), name)
    return caught.value.faults


def _said(text, name="sheet.csv"):
    return [(fault.row, fault.column, fault.value, fault.expected) for fault in _faults(text, name)]


def test_a_row_is_a_job_and_empty_cells_are_defaults():
    (job,) = parse_sheet((HEADER + "a,face.png,line.wav,pt-BR,happy,0.5\n").encode(), "s.csv")
    assert job == Job(
        job_id="a", picture="face.png", speech="line.wav", language="pt-BR", emotion="happy", intensity=0.5
    )
    (job,) = parse_sheet((HEADER + "a,face.png,line.wav,en,,\n").encode(), "s.csv")
    assert job.emotion is Emotion.NEUTRAL and job.intensity == 1.0 and job.seed == 0


def test_the_three_formats_give_the_same_jobs(tmp_path):
    row = {"job_id": "a", "picture": "фото 1.png", "speech": "台詞.wav", "language": "ja", "emotion": "sad"}
    row |= {
        "intensity": 0.25,
        "seed": 7,
        "deadline": "2026-11-21T18:00:00+09:00",
        "priority": 2,
        "title": "Film, the 2nd",
    }
    pd.DataFrame([row]).to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "s.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "s.parquet")
    jobs = [read_sheet(tmp_path / f"s.{suffix}") for suffix in ("csv", "jsonl", "parquet")]
    assert jobs[0] == jobs[1] == jobs[2]
    assert jobs[0][0].deadline == datetime(2026, 11, 21, 9, tzinfo=UTC)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_is_read(delimiter, end, encoding):
    head = delimiter.join(["job_id", " picture", "speech ", "language"])
    line = delimiter.join(["ep1", '"Bild ""A"", ; 1.png" ', "  zoë.wav", "de"])
    (job,) = parse_sheet(f"{head}{end}{line}{end}{end}{delimiter * 3}{end}".encode(encoding), "s.csv")
    assert (job.job_id, job.picture, job.speech) == ("ep1", 'Bild "A", ; 1.png', "zoë.wav")


def test_everything_wrong_is_said_at_once_with_row_column_value_and_what_would_be_right():
    said = _said(HEADER + "../x,p,s,en,hapy,2\nb,,s,english,sad,nan\nb,p,s,en_US,sad,x\n")
    assert [(row, column, value) for row, column, value, _ in said] == [
        (2, "job_id", "../x"),
        (2, "emotion", "hapy"),
        (2, "intensity", "2"),
        (3, "picture", ""),
        (3, "language", "english"),
        (3, "intensity", "nan"),
        (4, "language", "en_US"),
        (4, "intensity", "x"),
        (4, "job_id", "b"),
    ]
    assert "did you mean happy?" in said[1][3] and "row 3 has it already" in said[-1][3]
    assert all(expected for *_, expected in said)


def test_unknown_and_missing_columns_are_said_once_and_with_what_was_meant():
    said = _said("job_id,pictur,speech,language,sede\na,p,s,en,1\nb,p,s,en,2\n")
    assert [(row, column) for row, column, _, _ in said] == [(0, "pictur"), (0, "sede"), (0, "picture")]
    assert "did you mean picture?" in said[0][3] and "did you mean seed?" in said[1][3] and "missing" in said[2][3]


def test_a_column_that_is_there_twice_is_refused():
    assert any("twice" in fault.expected for fault in _faults("job_id,picture,speech,language,speech\na,p,s,en,t\n"))


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "s.csv", "no jobs"),
        (HEADER.encode(), "s.csv", "no jobs"),
        (b"\n\n\n", "s.csv", "no jobs"),
        (b"", "s.jsonl", "no jobs"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "s.csv", "not UTF-8"),
        (b"plain \x00 bytes", "s.csv", "binary"),
        (b"PK\x03\x04rest", "s.xlsx", "save it as CSV"),
        (b"PAR1 nothing PAR1", "s.parquet", "damaged Parquet"),
        (b"Dear team,\nhere are the lines.\n", "s.csv", "no sheet of jobs"),
        (b'job_id,picture,speech,language\na,"never closed,s,en\n', "s.csv", "quote"),
        (b"{}\n[1]\nx\n", "s.jsonl", "one JSON object a line"),
        ("naïve".encode("latin-1"), "s.csv", "save it as UTF-8"),
        (b'[{"job_id": "a"}]', "s.jsonl", "one JSON object a line"),
        (b'{"job_id": "a", "job_id": "b"}', "s.jsonl", "twice"),
        (b'{"job_id": "a", "intensity": NaN}', "s.jsonl", "NaN is not a number"),
        (b"[" * 100_000, "s.jsonl", "one JSON object a line"),
    ],
)
def test_a_file_that_is_no_sheet_is_told_what_it_is(data, name, said):
    assert any(said in str(fault) for fault in _faults(data, name))


def test_a_folder_a_missing_file_and_an_unknown_place_are_no_sheets(tmp_path):
    for where, said in ((tmp_path, "folder"), (tmp_path / "none.csv", "no such file"), ("http://h/s.csv", "no such")):
        with pytest.raises(SheetError, match=said):
            read_sheet(where)


@pytest.mark.parametrize(
    "job_id", ["../up", "a/b", "a\\b", ".hidden", "-rf", "a b", "ends.", "é", "", "x" * 121, "a\u202eb", "con\x00"]
)
def test_an_id_that_could_leave_its_folder_or_trick_a_shell_is_refused(job_id):
    row = {"job_id": job_id, "picture": "p", "speech": "s", "language": "en"}
    assert [fault.column for fault in _faults(json.dumps(row), "s.jsonl")] == ["job_id"]


def test_ids_that_differ_in_case_only_are_one_file_on_some_disks():
    assert "row 2 has it already" in str(_faults(HEADER + "Ep1,p,s,en,,\nep1,p,s,en,,\n")[0])


@pytest.mark.parametrize(
    "tag", ["en", "pt-BR", "zh-Hant-TW", "es-419", "sr-Latn", "de-1996", "zh-yue", "i-klingon", "x-ours"]
)
def test_tags_of_the_iana_registry_are_languages(tag):
    assert parse_sheet(f"{HEADER}a,p,s,{tag},,\n".encode(), "s.csv")[0].language == tag


@pytest.mark.parametrize("tag", ["xx", "english", "en_US", "pt-BRA", "e", "en-", "zh-Latin", "123"])
def test_other_words_are_not(tag):
    assert [fault.column for fault in _faults(f"{HEADER}a,p,s,{tag},,\n")] == ["language"]


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("face", ["auto", "largest", "640,360", "12.5, 7"], ["left", "1;2", "-1,2", "nan,1", "1,2,3"]),
        ("deadline", ["2026-11-21", "2026-11-21T18:00Z", "2026-11-21T18:00:00+01:00"], ["tomorrow", "1700000000", "x"]),
        ("seed", ["0", "9223372036854775807"], ["-1", "1.5", "9223372036854775808", "inf"]),
        ("priority", ["-5", "10"], ["high", "1e99"]),
        ("picture", ["s3://bucket/x.png", "/abs/x.png", "../x.png"], ["http://h/x.png", "concat://a", "file:///x"]),
        ("motion", ["still", "natural", "drive.mp4"], ["https://h/x.mp4"]),
        ("intensity", ["0", "1", "1e-3"], ["-0.1", "1.1", "NaN", "inf", "0,5", "50%"]),
        ("title", ["Фильм «А»", "a/b"], []),
    ],
)
def test_each_column_takes_what_it_says_and_nothing_else(column, good, bad):
    row = {"job_id": "a", "picture": "p", "speech": "s", "language": "en"}
    for value in good:
        assert parse_sheet(json.dumps(row | {column: value}).encode(), "s.jsonl")
    for value in bad:
        assert [fault.column for fault in _faults(json.dumps(row | {column: value}), "s.jsonl")] == [column], value


def test_what_an_operator_sees_holds_no_terminal_commands():
    fault = _faults(json.dumps({"job_id": "a\x1b[2J\u202e" + "x" * 500, "picture": "p", "speech": "s"}), "s.jsonl")[1]
    assert "\x1b" not in str(fault) and "\u202e" not in str(fault) and len(fault.value) == 80


def test_a_long_list_is_shown_in_part_and_kept_whole():
    rows = "".join(f"j{n},p,s,xx,,\n" for n in range(100))
    with pytest.raises(SheetError) as caught:
        parse_sheet((HEADER + rows).encode(), "s.csv")
    assert len(caught.value.faults) == 100 and f"and {100 - SHOWN} more" in caught.value.message
    assert pickle.loads(pickle.dumps(caught.value)).faults == caught.value.faults
    assert caught.value.as_json()[0] == {"row": 2, "column": "language", "value": "xx"} | {
        "expected": caught.value.faults[0].expected
    }


def test_a_sheet_in_a_bucket_is_read_from_there(endpoint, bucket):
    settings = Settings(storage={"endpoint": endpoint})
    open_store(f"s3://{bucket}/in", settings).write("s.csv", (HEADER + "a,p,s,en,,\n").encode())
    assert read_sheet(f"s3://{bucket}/in/s.csv", settings)[0].job_id == "a"
    assert folder_of(f"s3://{bucket}/in/s.csv") == f"s3://{bucket}/in"
    with pytest.raises(SheetError, match="no such file"):
        read_sheet(f"s3://{bucket}/in/none.csv", settings)


def _many(count, **changes):
    row = {"job_id": "job-{n}", "picture": "a/{n}.png", "speech": "b/{n}.wav", "language": "pt-BR", "emotion": "happy"}
    row |= {"intensity": "0.5", "deadline": "2026-11-21T10:00:00"} | changes
    line = ",".join(row.values())
    return (",".join(row) + "\n" + "\n".join(line.format(n=n) for n in range(count))).encode()


def test_a_hundred_thousand_rows_are_answered_within_ten_seconds():
    start = time.process_time()
    assert len(parse_sheet(_many(100_000), "s.csv")) == 100_000
    assert time.process_time() - start < 10


def test_a_hundred_thousand_wrong_rows_are_answered_within_ten_seconds_too():
    data = _many(100_000, emotion="hapy", language="xx")
    start = time.process_time()
    with pytest.raises(SheetError) as caught:
        parse_sheet(data, "s.csv")
    assert len(caught.value.faults) == 200_000 and time.process_time() - start < 10


def test_a_parquet_sheet_of_another_tool_with_numbers_for_ids_and_nulls_is_read():
    buffer = io.BytesIO()
    frame = pd.DataFrame(
        {"job_id": [1, 2], "picture": ["p", "q"], "speech": "s", "language": "en", "music": [None, "m"]}
    )
    frame.to_parquet(buffer)
    jobs = parse_sheet(buffer.getvalue(), "s.parquet")
    assert [job.job_id for job in jobs] == ["1", "2"] and jobs[0].music is None


def test_the_documentation_has_every_column_with_its_default():
    text = documentation()
    assert all(f"| `{name}` |" in text for name in Job.model_fields)
    assert "| `job_id` | required |" in text and "| `emotion` | `neutral` |" in text and "surprised" in text
