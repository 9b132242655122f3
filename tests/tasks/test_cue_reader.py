"""Parquet cues are opened by a process of their own, which may end."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import InputError
from tasks.cue_reader import Reader, guarded_cues
from tasks.cues import cued, read_cues

COLUMNS = {"start": [0.5, 6.0], "end": [2.0, 8.0], "emotion": ["happy", "sad"], "intensity": [0.25, 1.0]}
DIES = "import os, sys; sys.stdin.readline(); os.abort()"


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    pq.write_table(pa.table(COLUMNS), tmp_path / "c.parquet")
    return tmp_path / "c.parquet"


def test_a_parquet_and_a_text_that_say_the_same_are_addressed_alike(parquet: Path) -> None:
    rows = zip(*COLUMNS.values(), strict=True)
    text = parquet.with_name("c.csv")
    text.write_text("\n".join([",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]))
    assert guarded_cues(parquet) == guarded_cues(text) == read_cues(parquet)
    assert cued(guarded_cues(parquet), 0, 1) != cued(guarded_cues(parquet), 3, 4)


def test_what_is_wrong_with_a_parquet_is_said_as_of_a_text_and_the_next_file_is_read(parquet: Path) -> None:
    broken = parquet.with_name("broken.parquet")
    broken.write_bytes(b"PAR1 and nothing after it")
    with pytest.raises(InputError, match=r"CUES_INVALID: The cue file broken\.parquet: .*damaged Parquet"):
        guarded_cues(broken)
    assert len(guarded_cues(parquet)) == 2


def test_a_file_that_ends_the_process_that_opens_it_is_refused_and_this_one_lives(parquet: Path) -> None:
    reader = Reader((sys.executable, "-c", DIES))
    for _ in range(2):
        with pytest.raises(InputError, match="ended the process"):
            reader(parquet)
