"""The deployments of infra/deploy/prefect.yaml on a real Prefect server, with a process worker and the real stages."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.state import read_state
from infra.ledger import read_attempts
from infra.storage import open_store
from tests.flows.nights import portrait
from tests.flows.prefect_server import prefect_server
from tests.voice import say

YAML = Path("infra/deploy/prefect.yaml")
MINUTES = 6
WEB = httpx.Client(timeout=60)


class Deployed:
    """A server with the deployments, a worker, an inbox and a root; the night is every minute."""

    def __init__(self, folder: Path, api: str) -> None:
        self.inbox, self.root, self.api = folder / "inbox", folder / "root", api
        self.inbox.mkdir()
        self.log = folder / "prefect.log"
        self.environment = os.environ | {
            "PREFECT_API_URL": api,
            "PREFECT_HOME": str(folder / "client"),
            "DO_NOT_TRACK": "1",
            "EMODIFF_HOME": str(Path.cwd()),
            "EMODIFF_ROOT": str(self.root),
            "EMODIFF_INBOX": str(self.inbox),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
        }
        text = YAML.read_text().replace('cron: "0 1 * * *"', 'cron: "* * * * *"').replace("pause_s: 300", "pause_s: 1")
        self.yaml = folder / "prefect.yaml"
        self.yaml.write_text(text.replace("settings: []", 'settings: ["picture.rate=12/1"]'))

    def prefect(self, *arguments: str) -> None:
        """Run the Prefect command."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A process worker for the length of the block."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "emodiff", "--type", "process"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            # It waits for runs that it has begun, and for a server that may be gone.
            process.kill()
            process.wait(timeout=60)

    def ended(self, flow: str, count: int) -> list[dict[str, Any]]:
        """Runs of a flow that have ended, oldest first, once there are so many."""
        end = time.monotonic() + 60 * MINUTES
        ask = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC", "limit": 50}
        while time.monotonic() < end:
            runs = self.runs(ask)
            over = [run for run in runs if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")]
            if len(over) >= count:
                return over
            time.sleep(1)
        raise AssertionError(self.log.read_text()[-3000:])

    def pause(self, name: str) -> None:
        """No more runs by schedule, and none under way."""
        found = WEB.get(f"{self.api}/deployments/name/{name}/{name}").json()
        WEB.post(f"{self.api}/deployments/{found['id']}/pause_deployment").raise_for_status()
        busy = {"flows": {"name": {"any_": [name]}}, "flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}}
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end and self.runs(busy):
            time.sleep(1)

    def runs(self, ask: dict[str, Any]) -> list[dict[str, Any]]:
        """Flow runs that fit; a server on a busy machine may need more than a minute to say so."""
        for _ in range(5):
            with suppress(httpx.TimeoutException):
                return list(WEB.post(f"{self.api}/flow_runs/filter", json=ask).json())
        raise AssertionError("the server does not answer")

    def made(self) -> list[str]:
        """Stages that were done so far, sorted."""
        rows = read_attempts(open_store(self.root), "monday")
        return sorted(row.stage for row in rows if row.status == "succeeded")


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    with prefect_server(tmp_path / "home", schedules=True) as api:
        yield Deployed(tmp_path, api)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_schedule_fires_and_each_night_runs_what_is_new(deployed: Deployed) -> None:
    row = {"job_id": "anna", "picture": portrait(deployed.inbox).name, "speech": "line.wav", "language": "en"}
    say(deployed.inbox / "line.wav", "Good night")
    sheet = deployed.inbox / "monday.jsonl"
    sheet.write_text(json.dumps(row))
    (deployed.inbox / "broken.csv").write_text("job_id,picture\n1,2\n")
    deployed.prefect("work-pool", "create", "emodiff", "--type", "process")
    deployed.prefect("deploy", "--prefect-file", str(deployed.yaml), "--all")
    with deployed.worker():
        first = deployed.ended("nightly", 1)[0]
        assert first["auto_scheduled"] and first["state_type"] == "FAILED"
        assert "monday: 1 shipped" in first["state"]["message"] and "broken: SHEET" in first["state"]["message"]
        assert (deployed.root / "deliveries/monday/anna.mp4").is_file()
        made = deployed.made()
        (deployed.inbox / "broken.csv").unlink()

        second = deployed.ended("nightly", 2)[1]
        assert (second["auto_scheduled"], second["state_type"]) == (True, "COMPLETED")
        assert deployed.made() == made, "nothing was new"

        sheet.write_text(json.dumps(row | {"title": "A film"}))
        runs = deployed.ended("nightly", 4)
        assert {run["state_type"] for run in runs[2:]} == {"COMPLETED"}
        assert deployed.made() == sorted([*made, "mux", "check"])
        assert read_state(open_store(deployed.root), "monday").job("anna").fields["title"] == "A film"

        deployed.pause("nightly")
        asked = ("--param", "batch=monday", "--param", "from_stage=check")
        deployed.prefect("deployment", "run", "reprocess/reprocess", *asked)
        assert deployed.ended("reprocess", 1)[0]["state_type"] == "COMPLETED"
        assert deployed.made() == sorted([*made, "mux", "check", "check"])
        _a_cancel_drains_it(deployed, row)


def _a_cancel_drains_it(deployed: Deployed, row: dict[str, Any]) -> None:
    """Work in hand is finished and kept, the rest is not begun."""
    jobs = 16
    line = str(Path("examples/speech/premiere-en.flac").absolute())
    rows = [row | {"job_id": f"take-{seed}", "seed": seed, "speech": line} for seed in range(1, jobs + 1)]
    sheet = deployed.inbox / "tuesday.jsonl"
    sheet.write_text("\n".join(json.dumps(one) for one in rows))
    before = len(list(deployed.root.glob("artifacts/generate/*/artifact.json")))
    deployed.prefect("deployment", "run", "batch/batch", "--param", f"sheet={sheet}", "--param", "name=tuesday")
    end = time.monotonic() + 60 * MINUTES
    while time.monotonic() < end and len(list(deployed.root.glob("artifacts/generate/*/artifact.json"))) == before:
        time.sleep(0.2)
    ask = {"flows": {"name": {"any_": ["batch"]}}}
    (run,) = deployed.runs(ask)
    cancel = {"state": {"type": "CANCELLING"}}
    WEB.post(f"{deployed.api}/flow_runs/{run['id']}/set_state", json=cancel).raise_for_status()
    (run,) = deployed.ended("batch", 1)
    assert run["state_type"] == "CANCELLED"
    made = len(list(deployed.root.glob("artifacts/generate/*/artifact.json")))
    assert before < made < before + jobs
    rows = read_attempts(open_store(deployed.root), "tuesday", "generate")
    assert sum(row.status == "succeeded" for row in rows) == made - before, "what was finished is in the ledger"
    assert not list((deployed.root / "scratch").iterdir()), "nothing half-made is left"
