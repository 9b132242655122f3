"""A night on S3, as its users start it: titles are published, and its credentials are nowhere in what it leaves."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from flows.titles import publish_titles
from infra.artifacts import RECORD
from infra.ledger import read_plan, read_table
from infra.publish import versions
from infra.settings import Settings
from infra.storage import Store, open_store
from infra.verify import verify
from tests.flows.here import Here
from tests.flows.nights import Night, portrait
from tests.infra.proxy import Faults, proxied
from tests.voice import say

SECRETS = {
    "AWS_ACCESS_KEY_ID": "quokka-key-identity-5871",
    "AWS_SECRET_ACCESS_KEY": "axolotl-secret-signature-9944",
    "AWS_SESSION_TOKEN": "pangolin-session-token-3310",
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: Ray's sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="e") as name:
        yield Path(name)


def _command(sheet: Path, root: str, environment: dict[str, str], logs: Path) -> "subprocess.CompletedProcess[str]":
    """Run the sheet. logs: a folder for what Ray's processes wrote, which is gone when the run is."""
    command = [sys.executable, "-m", "tests.faults.command", str(sheet), root, "night", "storage.retries=2"]
    process = subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True, env=os.environ | environment)
    done = threading.Event()
    keeping = threading.Thread(target=_keep_logs, args=(process.pid, logs, done))
    keeping.start()
    try:
        out, err = process.communicate(timeout=300)
    finally:
        done.set()
        keeping.join()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _keep_logs(driver: int, logs: Path, done: threading.Event) -> None:
    """A second name for each log, so that all that is ever written to it can still be read at the end."""
    while not done.wait(0.1):
        for path in Path("/tmp").glob(f"emo*/session_*_{driver}/logs/**/*"):
            with suppress(OSError):
                if path.is_file():
                    (logs / f"{driver}-{path.name}").hardlink_to(path)


@pytest.mark.slow
def test_credentials_are_in_nothing_that_a_night_says_or_leaves(endpoint: str, bucket: str, place: Path) -> None:
    for name in ("face.png", "a.wav", "b.wav"):
        (place / name).write_bytes(name.encode())
    jobs = [
        {"job_id": "a", "speech": "a.wav", "title": "Maria"},
        {"job_id": "b", "speech": "b.wav", "title": "check:fail"},
        {"job_id": "c", "speech": "b.wav", "title": "crop:bug", "face": "largest"},
        {"job_id": "d", "speech": f"s3://{bucket}-none/speech.wav"},
    ]
    rows = [{"picture": "face.png", "language": "de"} | job for job in jobs]
    (place / "sheet.jsonl").write_text("\n".join(map(json.dumps, rows)))
    faults = Faults(down=0)
    with proxied(endpoint, faults) as address:
        folders = {"HOME": str(place), "PREFECT_HOME": str(place / "p"), "RAY_TMPDIR": str(place), "TMPDIR": str(place)}
        reached = {
            "EMODIFF_STORAGE__ENDPOINT": address,
            "EMODIFF_CACHE": str(place / "c"),
            "EMODIFF_LOG__LEVEL": "debug",
        }
        environment = folders | reached | SECRETS
        (place / "ray").mkdir()
        done = _command(place / "sheet.jsonl", f"s3://{bucket}/root", environment, place / "ray")
        faults.down = 10_000
        broken = _command(place / "sheet.jsonl", f"s3://{bucket}/root", environment, place / "ray")
    document = json.loads(done.stdout)
    found = {job["job_id"]: job["code"] for job in document["jobs"]}
    assert found["a"] is None and found["b"] == "CHECK_FAILED" and found["c"] and found["d"], document
    assert {one["title"]: one["outcome"] for one in document["titles"]}["Maria"] == "published"
    assert broken.returncode == 2 and "STORAGE" in broken.stderr, broken.stderr
    store = open_store(f"s3://{bucket}/root", Settings(storage={"endpoint": endpoint, "cache": str(place / "d")}))
    assert verify(store).faults == [] and len(versions(store, "Maria", "de")) == 1
    said = {"output": (done.stdout + done.stderr + broken.stdout + broken.stderr).encode()}
    left = said | _stored(store) | _files(place)
    for name in ("report.html", "prefect.db", "raylet.out", "gcs_server.out"):
        assert any(key.endswith(name) for key in left), f"{name} was not looked at"
    assert any("worker-" in key and key.endswith((".out", ".err")) for key in left), sorted(left)
    told = [(name, secret) for name, data in left.items() for secret in SECRETS.values() if secret.encode() in data]
    assert told == []


def _stored(store: Store) -> dict[str, bytes]:
    """Everything in the store, as it is and, of the ledger, as it is read."""
    found = {key: store.read(key) for key in store.sizes()}
    return found | {
        "rows": repr(read_table(store, "night").to_pylist()).encode(),
        "plan": repr(read_plan(store, "night")).encode(),
    }


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_batch_of_quick_stages_makes_the_same_bytes_on_a_disk_and_on_s3(
    local: Store, remote: Store, tmp_path: Path
) -> None:
    made = []
    for store in (local, remote):
        here = Here(store, tmp_path / "sheet")
        here.run(here.job("a", title="Night", language="en"), here.job("b", title="Night", language="en"))
        assert [one.outcome for one in publish_titles(store, "night")] == ["published"]
        made.append(_made(store))
    disk, s3 = made
    assert disk == s3 and len(disk) > 12


def test_a_job_asks_the_storage_for_no_more_than_it_must(endpoint: str, bucket: str, tmp_path: Path) -> None:
    """Jobs of one picture: a look for each stage, its files and its record, the delivery; 29 now, 89 once."""
    faults = Faults()
    with proxied(endpoint, faults) as address:
        store = open_store(f"s3://{bucket}/root", Settings(storage={"endpoint": address, "cache": str(tmp_path / "c")}))
        here, asked = Here(store, tmp_path / "sheet"), []
        for count in (1, 5):
            faults.seen.clear()
            jobs = [here.job(f"{count}-{number}") for number in range(count)]
            assert {end.status for end in here.run(*jobs).values()} == {"shipped"}
            asked.append(faults.seen.total())
    assert (asked[1] - asked[0]) / 4 < 32


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_same_batch_on_a_disk_and_on_s3_makes_the_same_bytes(endpoint: str, bucket: str, tmp_path: Path) -> None:
    """The real stages; every artifact, delivery and published title."""
    say(tmp_path / "night.wav", "Good night")
    row = {"picture": portrait(tmp_path).name, "speech": "night.wav", "language": "en", "title": "Night"}
    made: list[dict[str, Any]] = []
    for root in (tmp_path / "root", f"s3://{bucket}/root"):
        night = Night(tmp_path)
        night.root = root
        night.environment["EMODIFF_STORAGE__ENDPOINT"] = endpoint
        night.environment["EMODIFF_CACHE"] = os.environ.get("EMODIFF_CACHE") or str(Path.home() / ".cache/emodiff")
        night.sheet(*[row | {"job_id": emotion, "emotion": emotion} for emotion in ("neutral", "happy")])
        code, document = night.run()
        assert (code, document["counts"]["shipped"]) == (0, 2), document
        store = open_store(root, Settings(storage={"endpoint": endpoint, "cache": str(tmp_path / "cache")}))
        assert verify(store).faults == []
        made.append(_made(store))
    disk, s3 = made
    assert disk == s3 and len(disk) > 12


def _made(store: Store) -> dict[str, Any]:
    """SHA-256 of every file of every artifact, of deliveries, and of what is published."""
    records = {key: json.loads(store.read(key)) for key in store.keys("artifacts") if key.endswith(f"/{RECORD}")}
    files = {
        f"{record['stage']}/{record['fingerprint']}/{name}": file["sha256"]
        for record in records.values()
        for name, file in record["files"].items()
    }
    deliveries = {key: store.digest(key) for key in store.keys("deliveries")}
    return files | deliveries | {"published": versions(store, "Night", "en")[0].content}
