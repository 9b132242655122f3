"""`emodiff run` as its users start it: real processes, real Ray, a real Prefect server, stages that cost nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.state import read_state
from infra.ledger import read_attempts
from infra.storage import open_store
from tests.flows.prefect_server import prefect_server

TIMEOUT = 240
WEB = httpx.Client(timeout=60)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prefect_server(tmp_path_factory.mktemp("prefect") / "home") as url:
        yield url


class Shop:
    """A folder with a sheet, and the command on it."""

    def __init__(self, folder: Path, api: str) -> None:
        self.folder, self.root = folder, folder / "root"
        self.environment = os.environ | {"PREFECT_API_URL": api, "OMP_NUM_THREADS": "1"}
        (folder / "face.png").write_bytes(b"face")
        (folder / "hello.wav").write_bytes(b"hello")

    def sheet(self, *rows: dict[str, Any]) -> None:
        """Write the sheet."""
        base = {"picture": "face.png", "speech": "hello.wav", "language": "en"}
        lines = [json.dumps(base | {"job_id": f"j{index:02}"} | row) for index, row in enumerate(rows)]
        (self.folder / "sheet.jsonl").write_text("\n".join(lines))

    def start(self, *flags: str) -> "subprocess.Popen[str]":
        """Start a run of the sheet as the batch `night`."""
        command = [sys.executable, "-m", "tests.faults.command", str(self.folder / "sheet.jsonl"), str(self.root)]
        out, err = subprocess.PIPE, (self.folder / "stderr.txt").open("a")
        return subprocess.Popen([*command, "night", *flags], stdout=out, stderr=err, env=self.environment, text=True)

    def run(self, *flags: str) -> tuple[int, dict[str, Any]]:
        """Exit code and document of a run."""
        process = self.start(*flags)
        out, _ = process.communicate(timeout=TIMEOUT)
        assert out, (self.folder / "stderr.txt").read_text()
        return process.returncode, json.loads(out)

    def rows(self, stage: str = "") -> list[Any]:
        """Rows of the ledger."""
        return read_attempts(open_store(self.root), "night", stage)


@pytest.fixture
def shop(tmp_path: Path, api: str) -> Shop:
    return Shop(tmp_path, api)


def task_runs(api: str) -> dict[str, dict[str, Any]]:
    """Task runs that the server knows, by name, once it has heard the end of all of them."""
    for _ in range(100):
        found = WEB.post(f"{api}/task_runs/filter", json={"limit": 200}).json()
        if all(run["state_type"] not in ("RUNNING", "PENDING", "SCHEDULED") for run in found):
            break
        time.sleep(0.2)
    return {run["name"]: run for run in found}


def test_one_bad_job_fails_alone_and_prefect_shows_each_job(shop: Shop, api: str) -> None:
    shop.sheet(
        {"job_id": "good"},
        {"job_id": "also-good", "language": "de", "seed": 3},
        {"job_id": "no-file", "picture": "none.png"},
        {"job_id": "no-face", "title": "crop:refuse", "face": "largest"},
        {"job_id": "bad-lips", "title": "check:fail", "seed": 4},
    )
    code, document = shop.run()
    assert code == 1
    found = {job["job_id"]: (job["status"], job["code"]) for job in document["jobs"]}
    assert found == {
        "good": ("shipped", None),
        "also-good": ("shipped", None),
        "no-file": ("failed", "FILE_MISSING"),
        "no-face": ("failed", "NO_FACE"),
        "bad-lips": ("failed", "CHECK_FAILED"),
    }
    delivered = [job for job in document["jobs"] if job["delivery"]]
    assert all(Path(job["delivery"]).is_file() for job in delivered) and len(delivered) == 2
    assert sorted(path.name for path in (shop.root / "deliveries/night").iterdir()) == [
        "also-good.json",
        "also-good.mp4",
        "good.json",
        "good.mp4",
    ]
    _crops_are_shared(shop)
    _prefect_shows(api)


def _crops_are_shared(shop: Shop) -> None:
    """Three jobs have the same picture and face: its crop was computed once."""
    assert [row.status for row in shop.rows("crop")].count("succeeded") == 1


def _prefect_shows(api: str) -> None:
    runs = task_runs(api)
    assert set(runs) == {"good", "also-good", "no-file", "no-face", "bad-lips"}
    states = {name: run["state"]["type"] for name, run in runs.items()}
    assert states["good"] == "COMPLETED" and states["no-face"] == "FAILED"
    assert "NO_FACE" in runs["no-face"]["state"]["message"]
    artifacts = WEB.post(f"{api}/artifacts/filter", json={"limit": 50}).json()
    shown = {one["task_run_id"]: one["data"] for one in artifacts if one["type"] == "markdown"}
    assert "NO_LIPS" in shown[runs["bad-lips"]["id"]]


def test_killed_in_the_middle_the_same_command_goes_on(shop: Shop) -> None:
    shop.sheet(*[{"seed": index, "title": "mux:sleep:0.4"} for index in range(12)])
    first = shop.start()
    deliveries = shop.root / "deliveries" / "night"
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and len(list(deliveries.glob("*.mp4"))) < 3:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = time.time()
    made = {path.parent.name for path in shop.root.glob("artifacts/*/*/artifact.json")}
    assert len(made) > 3
    code, document = shop.run()
    assert code == 0 and document["counts"]["shipped"] == 12
    again = [row.fingerprint for row in shop.rows() if row.status == "succeeded" and row.start > killed]
    assert not made.intersection(again), "finished work was done again"
    state = read_state(open_store(shop.root), "night")
    assert state.counts() == {"shipped": 12} and len(state.jobs) == 12
    assert not list((shop.root / "scratch").iterdir())


def slow_sheet(shop: Shop, jobs: int = 20) -> None:
    """Jobs that share nothing, each with a third of a second in the one media worker."""
    shop.sheet(*[{"seed": k, "title": "audio:sleep:0.3", "speech": f"s{k}.wav"} for k in range(jobs)])
    for k in range(jobs):
        (shop.folder / f"s{k}.wav").write_bytes(bytes([k]))


def until_delivered(shop: Shop, count: int) -> None:
    """Until so many videos are there."""
    deliveries = shop.root / "deliveries" / "night"
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and len(list(deliveries.glob("*.mp4"))) < count:
        time.sleep(0.05)


def test_interrupted_once_it_finishes_what_runs_twice_it_stops_at_once_and_the_next_run_goes_on(shop: Shop) -> None:
    slow_sheet(shop)
    process = shop.start()
    until_delivered(shop, 1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=TIMEOUT)
    document = json.loads(out)
    counts = document["counts"]
    assert process.returncode == 1
    assert counts["shipped"] >= 1 and counts["stopped"] >= 5 and counts["failed"] == 0
    assert read_state(open_store(shop.root), "night").counts().get("shipped") == counts["shipped"]

    process = shop.start()
    until_delivered(shop, counts["shipped"] + 1)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) > 3
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=TIMEOUT) == 128 + signal.SIGINT
    _, alive = psutil.wait_procs(family, timeout=TIMEOUT)
    assert not alive, "Ray's processes end with the driver"

    code, document = shop.run()
    assert code == 0 and document["counts"]["shipped"] == 20
    said = (shop.folder / "stderr.txt").read_text()
    assert "Once more stops at once" in said and "goes on from what was finished" in said


def test_cancelled_in_prefect_it_finishes_what_runs_and_says_what_remains(shop: Shop, api: str) -> None:
    slow_sheet(shop)
    process = shop.start()
    until_delivered(shop, 1)
    ask = {"flow_runs": {"name": {"any_": ["night"]}, "state": {"type": {"any_": ["RUNNING"]}}}}
    # The newest: a run that was stopped at once cannot tell the server, for which it runs on.
    run = WEB.post(f"{api}/flow_runs/filter", json=ask | {"sort": "START_TIME_DESC"}).json()[0]
    cancel = {"state": {"type": "CANCELLING"}, "force": False}
    assert WEB.post(f"{api}/flow_runs/{run['id']}/set_state", json=cancel).status_code < 300
    out, _ = process.communicate(timeout=TIMEOUT)
    counts = json.loads(out)["counts"]
    assert process.returncode == 1 and counts["shipped"] >= 1 and counts["stopped"] >= 5 and counts["failed"] == 0
    assert WEB.get(f"{api}/flow_runs/{run['id']}").json()["state_type"] == "CANCELLED"


def test_two_drivers_of_one_batch_are_one_too_many(shop: Shop) -> None:
    shop.sheet({"title": "audio:sleep:3"})
    first = shop.start()
    lease = shop.root / "batches" / "night" / "lease"
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and not list(lease.glob("*.json")):
        time.sleep(0.05)
    second = shop.start()
    out, _ = second.communicate(timeout=TIMEOUT)
    assert second.returncode == 2 and out == ""
    assert "BATCH_BUSY" in (shop.folder / "stderr.txt").read_text()
    assert first.wait(timeout=TIMEOUT) == 0


def test_without_a_server_it_runs_and_a_second_run_needs_neither_ray_nor_prefect(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "")
    shop.sheet({"seed": 1}, {"seed": 2}, {"job_id": "no-face", "title": "crop:refuse", "face": "largest"})
    code, first = shop.run()
    assert (code, first["counts"]) == (1, {"shipped": 2, "failed": 1, "stopped": 0})
    begun = len(shop.rows())
    code, second = shop.run()
    assert (code, second["counts"]) == (1, first["counts"])
    assert len(shop.rows()) == begun
    (failed,) = [job for job in second["jobs"] if job["status"] == "failed"]
    assert failed["code"] == "NO_FACE" and failed["hint"]
    assert second["seconds"] < first["seconds"] / 3
    report = Path(second["report"]).read_text()
    assert "j00" in report and "2</b> shipped" in report
