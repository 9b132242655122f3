"""Real stages that cost nothing: they write tiny artifacts of the right shape, and misbehave when a job asks for it.

A job asks through its title: `STAGE:BEHAVIOUR` or `STAGE:BEHAVIOUR:ARGUMENT`, such as `audio:sleep:0.5`, `crop:die`,
`crop:die-once:/some/folder`, `mux:refuse`, `generate:hang`, `check:fail`, `expression:bug`, `audio:stumble:/folder`,
`crop:leak:MIB`, `mux:rubbish`, `generate:mute` (an error that cannot be pickled, and cannot even be printed),
`crop:crash:FILM` (a segmentation fault while the film is decoded).

In the fault lab they take a two-thousandth of the time that the real ones took on two cores, and faults strike.
"""

import ctypes
import json
import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import ClassVar
from zlib import crc32

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from safetensors.numpy import save_file

from emodiff_core.refusal import Refusal
from infra.errors import TransientError
from infra.settings import Settings
from tasks.catalog import STAGES, Catalog
from tasks.hearing import HEARD, digests
from tasks.stage import Finding, Item, Result
from tests.faults import injury

SECONDS = 9.0
# Medians of a batch of portraits with the real stages, two workers on two cores.
MEASURED_S = {"crop": 4.2, "expression": 35.7, "audio": 5.5, "generate": 235.9, "mux": 5.1, "check": 3.4}


def fault_catalog() -> Catalog:
    """The real route with these stages in it."""
    from dataclasses import replace

    return {name: replace(step, where=f"{__name__}:{name.capitalize()}") for name, step in STAGES.items()}


class _Stage:
    name: ClassVar[str]
    version: ClassVar[str] = "test"

    def setup(self, settings: Settings) -> None:
        """Nothing to load; in the fault lab, what goes wrong in this worker."""
        injury.enter(Path(settings.storage.cache or "."), "worker")

    def run(self, item: Item) -> Result:
        """Misbehave if asked to, then write the artifact."""
        if injury.CURRENT is not None:
            injury.ran(item.job.job_id, self.name, item.span.index if item.span else None)
            time.sleep(MEASURED_S[self.name] / 2000)
        stage, behaviour, argument = (*(item.job.title or "").split(":", 2), "", "", "")[:3]
        if stage == self.name:
            _misbehave(behaviour, argument, item)
        self.write(item)
        if (stage, behaviour) == (self.name, "rubbish"):
            return Result(figures={"wrote": object()})  # type: ignore[dict-item]
        return Result(figures={"wrote": 1.0})

    def write(self, item: Item) -> None:
        """The artifact."""


def _write_lips(path: Path) -> None:
    """A mouth that opens in every word and is lost from sight for half a second."""
    time = np.arange(int(SECONDS * 25)) / 25
    speaking = np.mod(time, 2) < 1.5
    opening = np.where(speaking, 0.15 + 0.1 * np.sin(time * 17), 0.02)
    found = (time < 4) | (time > 4.5)
    columns = {
        "frame": np.arange(len(time), dtype=np.int32),
        "time": time,
        "opening": pa.array(opening, mask=~found),
        "activity": speaking.astype(np.float32),
        "found": found,
    }
    pq.write_table(pa.table(columns), path)


def _misbehave(behaviour: str, argument: str, item: Item) -> None:
    match behaviour:
        case "sleep":
            time.sleep(float(argument))
        case "hang":
            time.sleep(3600)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die-once" if _first(argument, item):
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang-once" if _first(argument, item):
            time.sleep(3600)
        case "stumble" if _first(argument, item):
            raise TransientError("STORAGE", "The disk was away for a moment")
        case "crash":
            _crash_decoding(Path(argument))
        case "refuse":
            raise Refusal("NO_FACE", f"No face in {item.job.picture}", "Use another picture")
        case "leak":
            _leak(int(argument) * 2**20)
        case "mute":
            raise Mute(threading.Lock())
        case "bug":
            raise ZeroDivisionError("nobody foresaw this")


def _crash_decoding(path: Path) -> None:
    """Decode a film, and in its second frame do what a decoder with a bug does: read where nothing is."""
    from emodiff_core.media import decode

    for number, _ in enumerate(decode(path)):
        if number:
            ctypes.string_at(0)


class Mute(Exception):
    """An error that cannot leave its process, and has no words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def _leak(limit: int) -> None:
    """Take memory until there is no more; the kernel says so at this many bytes over what is held."""
    held: list[bytearray] = []
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + limit, before[1]))
    try:
        while True:
            held.append(bytearray(2**22))
    finally:
        held.clear()
        resource.setrlimit(resource.RLIMIT_AS, before)


def _first(folder: str, item: Item) -> bool:
    """Whether this job asks for the first time, across processes."""
    try:
        (Path(folder) / f"{item.job.job_id}.seen").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class Crop(_Stage):
    name: ClassVar[str] = "crop"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """A portrait's track of one frame."""
        meta = {"emodiff": json.dumps({"kind": "portrait", "width": 64, "height": 64, "rate": "25/1"})}
        table = pa.table({"frame": [0], "time": [0.0]}).replace_schema_metadata(meta)
        pq.write_table(table, item.out / "track.parquet")


class Expression(_Stage):
    name: ClassVar[str] = "expression"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """A file that shows which crop it came from."""
        (item.out / "codes.txt").write_text(item.inputs["crop"].parent.name)


class Audio(_Stage):
    name: ClassVar[str] = "audio"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """Speech that pauses every two seconds; each line of the file is what is said in two of them."""
        rows = np.arange(int(SECONDS * 100))
        said = item.inputs["speech"].read_bytes() if "speech" in item.inputs else b""
        lines = said.split(b"\n") + [b""] * len(rows)
        loud = np.array([0.6 + 0.4 * crc32(line) / 2**32 for line in lines[: len(rows) // 200 + 1]])
        activity = ((rows % 200 < 150) * loud[rows // 200]).astype(np.float32)
        save_file({"activity": activity, "seconds": digests({"activity": activity})}, item.out / HEARD)
        (item.out / "audio.json").write_text(json.dumps({"samples": int(SECONDS * 48_000)}))


class Generate(_Stage):
    name: ClassVar[str] = "generate"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """The span it was asked for."""
        assert item.span is not None
        (item.out / "take.txt").write_text(f"{item.span.start} {item.span.end}")


class Mux(_Stage):
    name: ClassVar[str] = "mux"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """The takes, one after the other."""
        takes = sorted(name for name in item.inputs if name.startswith("generate/"))
        text = "\n".join((item.inputs[name] / "take.txt").read_text() for name in takes)
        (item.out / "video.mp4").write_text(f"{item.job.job_id}\n{text}\n")
        (item.out / "video.json").write_text(json.dumps({"takes": len(takes)}))


class Check(_Stage):
    name: ClassVar[str] = "check"
    version: ClassVar[str] = "test"

    def write(self, item: Item) -> None:
        """A verdict: pass, unless the job wants to fail."""
        failed = (item.job.title or "").startswith("check:fail")
        findings = [Finding("error", "NO_LIPS", "The lips do not move", 1.0)] if failed else []
        columns = {name: [getattr(f, name) for f in findings] for name in ("level", "code", "message", "time")}
        schema = pa.schema(
            [("level", pa.string()), ("code", pa.string()), ("message", pa.string()), ("time", pa.float64())]
        )
        pq.write_table(pa.table(columns, schema=schema), item.out / "findings.parquet")
        _write_lips(item.out / "lips.parquet")
        if (item.job.title or "").startswith("check:poster"):
            Image.linear_gradient("L").resize((320, 240)).convert("RGB").save(item.out / "poster.jpg")
        (item.out / "check.json").write_text(json.dumps({"verdict": "fail" if failed else "pass", "figures": {}}))
