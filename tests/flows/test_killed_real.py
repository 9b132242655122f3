"""A night that is killed while it renders, with the real stages: the same command finishes it."""

import signal
import time
from collections import Counter
from pathlib import Path

from flows.state import read_state
from infra.ledger import read_attempts
from tests.flows.nights import TIMEOUT, Night, portrait
from tests.voice import say


def test_killed_while_it_renders_the_same_command_renders_only_the_rest(tmp_path: Path) -> None:
    night = Night(tmp_path)
    say(tmp_path / "night.wav", "Good night")
    base = {"picture": portrait(tmp_path).name, "speech": "night.wav", "language": "en"}
    night.sheet(*[base | {"job_id": emotion, "emotion": emotion} for emotion in ("neutral", "happy", "angry")])

    process = night.begin()
    _wait_for(night, "generate", 1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed, made = time.time(), _made(night)
    assert len(made) >= 4 and not list(night.root.glob("deliveries/night/angry.*"))

    code, document = night.run()
    assert (code, document["counts"]["shipped"]) == (0, 3)
    rows = [row for row in read_attempts(night.store, "night", "") if row.start > killed]
    assert {row.status for row in rows if row.fingerprint in made and row.stage != "job"} <= {"reused"}
    assert any(row.status == "reused" and row.fingerprint in made for row in rows)
    state = read_state(night.store, "night")
    assert state.counts() == {"shipped": 3}
    assert all(Counter(row.key for row in job.rows).most_common(1)[0][1] == 1 for job in state.jobs)
    assert night.damage() == []


def _wait_for(night: Night, stage: str, count: int) -> None:
    """Until so many artifacts of a stage are there."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and len(list(night.root.glob(f"artifacts/{stage}/*/artifact.json"))) < count:
        time.sleep(0.02)


def _made(night: Night) -> set[str]:
    """Fingerprints of what is finished."""
    return {path.parent.name for path in night.root.glob("artifacts/*/*/artifact.json")}
