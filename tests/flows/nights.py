"""`emodiff` as its users start it, with the real stages, on material that is cheap to render."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

from infra.artifacts import RECORD, find_artifact, verify_artifact
from infra.storage import LocalStore, open_store

TIMEOUT = 540
RATE = 12
CHEAP = ("--set", "generate.steps=1", "--set", f"picture.rate={RATE}/1")


def portrait(folder: Path) -> Path:
    """256 pixels of the photograph of Eileen Collins in scikit-image's wheel (public domain)."""
    path = folder / "portrait.png"
    Image.fromarray(np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352])).save(path)
    return path


class Night:
    """A folder with a sheet, a root, and the command on them; the batch is called `night`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_API")}
        self.environment |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

    @property
    def store(self) -> LocalStore:
        store = open_store(self.root)
        assert isinstance(store, LocalStore)
        return store

    def sheet(self, *rows: dict[str, Any]) -> None:
        """Write the sheet."""
        (self.folder / "sheet.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `emodiff ARGUMENTS --root ROOT --batch night --json`."""
        command = [sys.executable, "-m", "flows.cli", *arguments, "--root", str(self.root), "--batch", "night"]
        out, err = subprocess.PIPE, (self.folder / "stderr.txt").open("a")
        return subprocess.Popen([*command, "--json"], stdout=out, stderr=err, env=self.environment, text=True)

    def ask(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and document of a command."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=TIMEOUT)
        assert out, (self.folder / "stderr.txt").read_text()
        return process.returncode, json.loads(out)

    def begin(self, *flags: str) -> "subprocess.Popen[str]":
        """Start a run of the sheet, cheaply."""
        return self.start("run", str(self.folder / "sheet.jsonl"), *CHEAP, *flags)

    def run(self, *flags: str) -> tuple[int, dict[str, Any]]:
        """Exit code and document of a run of the sheet, cheaply."""
        return self.ask("run", str(self.folder / "sheet.jsonl"), *CHEAP, *flags)

    def damage(self) -> list[str]:
        """What is half-written below the root: artifacts without a record or against it, files left over."""
        wrong = [f"{path} is left over" for path in (self.root / "scratch").iterdir()]
        for folder in self.root.glob("artifacts/*/*"):
            artifact = find_artifact(self.store, folder.parent.name, folder.name)
            if artifact is None:
                wrong.append(f"{folder} has no record")
                continue
            wrong += verify_artifact(self.store, artifact, contents=True)
            recorded = {f"{artifact.attempt}/{name}" for name in artifact.files} | {RECORD}
            there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
            wrong += [f"{folder / name} is left over" for name in there - recorded]
        return wrong
