"""One piece of work: its row tells the truth whatever happens."""

import errno
import json
from pathlib import Path

import pytest

from emodiff_core.refusal import Refusal
from infra.errors import Retry, TransientError
from infra.rows import Attempt
from infra.settings import Settings
from tasks.execute import Bench, Work, repeatable
from tasks.failures import failure_of
from tasks.jobs import Job
from tests.faults.stages import fault_catalog


def run(folder: Path, title: str = "", **work: object) -> Attempt:
    """The audio stage in this process."""
    bench = Bench(str(folder / "root"), Settings(), fault_catalog(), str(folder / "scratch"))
    job = Job.model_validate({"job_id": "a", "picture": "p", "speech": "s", "language": "en", "title": title or None})
    return bench.run(Work("night", job, "audio", "f" * 64, **work))  # type: ignore[arg-type]


def test_a_success_names_its_output_and_what_it_cost(tmp_path: Path) -> None:
    row = run(tmp_path, "audio:sleep:0.05")
    assert row.ok and 0.05 <= row.end - row.start < 30
    files = list((tmp_path / "root" / row.output).iterdir())
    assert row.bytes == sum(file.stat().st_size for file in files) and len(row.sha256) == 64
    assert row.measured() == {"wrote": 1.0} and row.peak_rss > 0 and row.worker.endswith(str(_pid()))


def _pid() -> int:
    import os

    return os.getpid()


def test_what_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    first, second = run(tmp_path), run(tmp_path, "audio:bug")
    assert (first.status, second.status) == ("succeeded", "reused") and first.output == second.output


def test_a_bug_keeps_its_traceback_and_leaves_nothing_behind(tmp_path: Path) -> None:
    row = run(tmp_path, "audio:bug")
    assert (row.error_code, row.error_kind) == ("BUG", "Bug") and not repeatable(row)
    assert "nobody foresaw this" in json.loads(row.findings)[0]["message"]
    assert not list((tmp_path / "scratch").iterdir()) and not (tmp_path / "root" / "artifacts").exists()


def test_an_input_that_is_gone_may_be_there_later(tmp_path: Path) -> None:
    row = run(tmp_path, artifacts={"crop": ("crop", "0" * 64)})
    assert row.error_code == "STORAGE" and repeatable(row)


@pytest.mark.parametrize(
    ("error", "code", "kind", "retry"),
    [
        (Refusal("NO_FACE", "no face"), "NO_FACE", "InputError", Retry.NEVER),
        (TransientError("STORAGE", "away"), "STORAGE", "TransientError", Retry.BACKOFF),
        (OSError(errno.ENOSPC, "full"), "STORAGE", "TransientError", Retry.BACKOFF),
        (MemoryError(), "OUT_OF_MEMORY", "TransientError", Retry.BACKOFF),
        (ValueError(), "BUG", "Bug", Retry.NEVER),
    ],
)
def test_every_exception_has_its_place_in_the_tree(error: Exception, code: str, kind: str, retry: Retry) -> None:
    failure = failure_of(error)
    assert (failure.code, failure.kind, failure.retry) == (code, kind, retry) and failure.message
