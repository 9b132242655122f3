"""The ground of the fault lab: one Ray cluster and one S3 server for all nights, several at a time."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import injury
from tests.faults.forge import Child, Forge
from tests.faults.invariants import Night, diary, violations
from tests.faults.schedule import Schedule, schedule
from tests.infra.proxy import Faults, proxied

RUNS = 7
PATIENCE_S = 300.0
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY",
}
HEALTH = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
    "enable_worker_prestart": False,
    "worker_niceness": 0,
}


@dataclass
class Verdict:
    """How a night came out. wrong: sentences, none is passed; runs: how often its driver was started."""

    seed: int
    kind: str
    store: str
    wrong: list[str]
    seconds: float
    runs: int
    struck: int
    ends: dict[str, int] = field(default_factory=dict)


class Lab:
    """Runs nights. A context; several threads may use it."""

    def __init__(self, lanes: int = 4) -> None:
        self.lanes = lanes
        self._exit = ExitStack()
        self._nodes: list[Any] = []
        self._rented = threading.Lock()
        self._server = threading.Lock()
        self._endpoint = ""

    def __enter__(self) -> "Lab":
        self.folder = Path(tempfile.mkdtemp(prefix="emolab", dir="/tmp"))
        self._exit.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._exit.callback(_restore, dict(os.environ))
        os.environ.update(KEYS | {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"})
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
        self.forge = Forge(self.folder)
        self._exit.callback(self.forge.close)
        self._cluster = self._exit.enter_context(self._ray())
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def run(self, seed: int, store: str) -> Verdict:
        """One night, until every job has come to its end, and what is wrong with how it ended."""
        place = self.folder / f"{store}-{seed}"
        place.mkdir()
        plan, start = schedule(seed, store, str(place)), time.monotonic()
        runs: list[int | None] = []
        try:
            with self._ground(plan, place) as night:
                runs = self._runs(plan, night)
                wrong = violations(plan, night, runs)
        except Exception:
            wrong = [f"the lab itself: {traceback.format_exc()}"]
        struck = sum(line["what"] == "struck" for line in diary(place)) + bool(plan.kind.surprise or plan.kind.title)
        if not wrong:
            shutil.rmtree(place, ignore_errors=True)
        return Verdict(seed, plan.kind.name, store, wrong, time.monotonic() - start, len(runs), struck)

    def many(self, seeds: list[tuple[int, str]]) -> Iterator[Verdict]:
        """Nights side by side; they wait more than they work."""
        pool = ThreadPoolExecutor(self.lanes)
        try:
            for done in as_completed([pool.submit(self.run, *one) for one in seeds]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _runs(self, plan: Schedule, night: Night) -> list[int | None]:
        codes: list[int | None] = []
        for number in range(RUNS):
            if number == RUNS - 1:
                # Whatever was to go wrong has had its chances: the last run is left in peace.
                injury.write(night.folder, [])
            codes += self._run(plan, night, number)
            if codes[-1] in (0, 1) and night.settled(plan):
                break
        return codes

    def _run(self, plan: Schedule, night: Night, number: int) -> list[int | None]:
        surprise = plan.kind.surprise if number < len(plan.delays) else ""
        if plan.kind.surprise == "node":
            self._rent()
        with self._rented if surprise == "node" else ExitStack():
            first = self.forge.driver(str(night.folder), str(number))
            second = self.forge.driver(str(night.folder), f"{number}b") if surprise == "two" else None
            if surprise and surprise != "two" and first.wait(plan.delays[number]) is None:
                self._surprise(plan, first, night)
            return [self._end(child) for child in (second, first) if child is not None]

    def _surprise(self, plan: Schedule, child: Child, night: Night) -> None:
        match plan.kind.surprise:
            case "kill":
                child.kill()
            case "node":
                self._kill_node(night)
            case "stop":
                child.kill(signal.SIGTERM if plan.seed % 2 else signal.SIGINT)
            case "stop twice":
                child.kill(signal.SIGINT)
                time.sleep(0.1)
                child.kill(signal.SIGINT)

    def _end(self, child: Child) -> int | None:
        code = child.wait(PATIENCE_S)
        if code is None:
            child.kill(signal.SIGUSR1)
            time.sleep(0.5)
            child.kill()
        return code

    @contextmanager
    def _ground(self, plan: Schedule, place: Path) -> Iterator[Night]:
        """Files, settings and the store of a night; afterwards nothing of it lives."""
        with ExitStack() as stack:
            root, endpoint = str(place / "root"), None
            if plan.store == "s3":
                root = f"s3://{self._bucket()}/root"
                faults = Faults(down=plan.seed % 3, conflict=plan.seed // 3 % 3, lose=plan.seed // 9 % 3)
                endpoint = stack.enter_context(proxied(self._endpoint, faults))
            for name in {job[column] for job in plan.jobs for column in ("picture", "speech")}:
                (place / name).write_bytes(f"{plan.seed} {name}".encode())
            settings = self._settings(plan, place, endpoint)
            about = {"root": root, "settings": settings, "jobs": list(plan.jobs), "flush": plan.flush}
            (place / "night.json").write_text(json.dumps(about | {"prefect": plan.prefect, "parts": plan.parts}))
            injury.write(place, list(plan.faults))
            try:
                yield Night(place, root, settings)
            finally:
                _sweep(place)

    def _settings(self, plan: Schedule, place: Path, endpoint: str | None) -> dict[str, Any]:
        share = {"cpus": 0.01, "gpus": 0.01 if plan.kind.surprise == "node" else 0.0}
        pools = {
            "media": {"stages": ["crop", "audio", "mux", "check"], **share},
            "model": {"stages": ["expression", "generate"], **share},
        }
        workers = plan.settings | {"address": self._cluster.address, "pools": pools}
        # The workers find their faults by the cache's place.
        return {"workers": workers, "storage": {"endpoint": endpoint, "cache": str(place), "timeout_s": 20.0}}

    @contextmanager
    def _ray(self) -> Iterator[Any]:
        import logging

        import ray._private.utils
        from ray.cluster_utils import Cluster

        logging.getLogger("ray").setLevel(logging.ERROR)
        # Nodes are started from threads, where no signal can be handled; the lab ends them itself.
        ray._private.utils.set_sigterm_handler = lambda *_: None
        memory = {"object_store_memory": 80_000_000, "include_dashboard": False}
        spare = {"include_log_monitor": False, "no_monitor": True}
        with self.forge.executable():
            cluster = Cluster(
                initialize_head=True, head_node_args={"num_cpus": 64, "_system_config": HEALTH, **memory, **spare}
            )
        try:
            yield cluster
        finally:
            with suppress(Exception):
                cluster.shutdown()

    def _rent(self) -> None:
        """Two nodes that may die: the only ones with what such a night's workers ask for. On a busy machine Ray takes
        one for dead by itself at times."""
        with self._rented:
            self._nodes = [node for node in self._nodes if _lives(node)]
            while len(self._nodes) < 2:
                with self.forge.executable():
                    self._nodes.append(self._cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=80_000_000))

    def _kill_node(self, night: Night) -> None:
        """The machine on which most of this night's workers live: its raylet, and everything it started."""
        born = [line for line in diary(night.folder) if line["what"] == "born" and line["role"] == "worker"]
        pids = [line["raylet"] for line in born]
        raylets = {str(_raylet(node)): node for node in self._nodes}
        chosen = max(raylets, key=pids.count)
        self._cluster.remove_node(raylets[chosen], allow_graceful=False)
        self._nodes.remove(raylets[chosen])
        for line in born:
            if line["raylet"] == chosen:
                _kill(line["pid"])

    def _bucket(self) -> str:
        import boto3

        with self._server:
            if not self._endpoint:
                self._endpoint = self._exit.enter_context(_moto())
        name = f"night-{uuid.uuid4().hex[:12]}"
        client = boto3.client("s3", endpoint_url=self._endpoint, region_name="us-east-1")
        client.create_bucket(Bucket=name)
        client.close()
        return name


def _lives(node: Any) -> bool:
    return bool(node.all_processes["raylet"][0].process.poll() is None)


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _sweep(place: Path) -> None:
    """No process of a night outlives it by more than some seconds, but for the lab's own failures."""
    for line in diary(place):
        if line["what"] == "born" and (Path("/proc") / str(line["pid"])).exists():
            _kill(line["pid"])


@contextmanager
def _moto() -> Iterator[str]:
    """An S3 server in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        server.kill()
        server.wait()


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
