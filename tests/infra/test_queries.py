"""What `infra/queries.md` tells people to ask is run here as it is written there, on a ledger as untidy as they get."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from infra.ledger import Reader, write_plan
from infra.parts import encode, new_part
from infra.rows import JOB, Attempt, Key, to_table
from infra.storage import Store

TEXT = (Path(__file__).parents[2] / "infra" / "queries.md").read_text()
FINDINGS = json.dumps([{"level": "warning", "code": "SOFT", "message": "soft", "time": 1.0}])


def _blocks(language: str, root: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return [block.replace("ROOT", root) for block in found]


def _rows(chance: random.Random, count: int) -> list[Attempt]:
    """Tries in any order: failures after successes, changed inputs, clocks that jump, spans and none."""
    return [
        Attempt(
            "night",
            chance.choice("abcde"),
            chance.choice(["crop", "generate", JOB]),
            chance.choice(["succeeded", "failed", "reused", "shipped", "stopped"]),
            span=chance.choice([None, 0, 1]),
            attempt=chance.randint(1, 3),
            fingerprint=chance.choice(["f", "g"]),
            error_code=chance.choice(["", "NO_FACE", "TIMEOUT"]),
            start=100.0,
            end=chance.choice([101.0, 103.0, 90.0]),
            findings=chance.choice(["[]", FINDINGS]),
        )
        for _ in range(count)
    ]


@pytest.fixture
def untidy(store: Store) -> Store:
    """Rows in several parts of each stage, some of them twice, and two plans."""
    chance = random.Random(11)
    rows = _rows(chance, 200)
    for sent in (rows[:120], rows[80:], rows[:3]):
        for stage in {row.stage for row in sent}:
            store.create(new_part("night", stage), encode(to_table(row for row in sent if row.stage == stage)))
    for action in ("run", "reuse"):
        write_plan(store, "night", [{"job": job, "stage": "job", "action": action} for job in "abc"])
    return store


def _standing(store: Store) -> dict[Key, str]:
    return {key: row.id for key, row in Reader(store, "night").refresh().current().items()}


def _span(value: float | None) -> int | None:
    return None if value is None or value != value else int(value)


@pytest.mark.parametrize("store", ["local"], indirect=True)
def test_duckdb_answers_as_the_ledger_itself(untidy):
    base = duckdb.connect()
    views, *questions = _blocks("sql", untidy.root)
    base.execute(views)
    found = base.execute("SELECT job, stage, span, id FROM standing").fetchall()
    assert {Key(*row[:3]): row[3] for row in found} == _standing(untidy) and len(found) == len(_standing(untidy))
    stand, failed, spent, findings, plans = (base.execute(question).fetchall() for question in questions)
    rows = [row for row in Reader(untidy, "night").refresh().current().values() if row.stage == JOB]
    assert {row[1]: row[2] for row in stand} == Counter(row.status for row in rows)
    assert {row[1]: row[2] for row in failed} == Counter(row.error_code for row in rows if row.status == "failed")
    assert {row[0] for row in spent} == {"crop", "generate"} and all(row[1] > 0 for row in spent)
    assert [row[0] for row in findings] == ["SOFT"]
    assert plans == [("night", "job", "reuse", 3)], "the newest plan, and not the one before"


def test_pandas_answers_as_the_ledger_itself(untidy, capsys, monkeypatch):
    if not untidy.root.startswith("/"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", untidy.options.endpoint)
    (code,) = _blocks("python", untidy.root)
    names: dict[str, object] = {}
    exec(code, names)
    frame = names["standing"]
    found = {
        Key(job, stage, _span(span)): row for job, stage, span, row in frame[["job", "stage", "span", "id"]].to_numpy()
    }
    assert found == _standing(untidy)
    assert "shipped" in capsys.readouterr().out
