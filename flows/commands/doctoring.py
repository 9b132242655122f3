"""What `emodiff doctor` does: find out before the night whether this machine could run a batch."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from flows import console
from infra import models
from infra.errors import EmodiffError
from infra.logs import harmless
from infra.origins import load
from infra.settings import Settings
from infra.storage import LocalStore, open_store
from infra.ulid import ulid

GIB = 2**30
OK, WARN, BAD = "ok", "warning", "bad"


@dataclass(frozen=True)
class Sign:
    """One thing looked at. state: ok, warning, or bad where a batch could not run."""

    what: str
    state: str
    found: str
    remedy: str = ""


def examine(root: str, flags: Sequence[str], file: Path | None, as_json: bool) -> int:
    """Look at everything and print it. Exit code 1 where something is bad."""
    settings = load(flags, file)
    checks: tuple[Callable[[], Sign], ...] = (
        _python,
        _packages,
        _machine,
        _gpu,
        lambda: _ffmpeg(settings),
        lambda: _models(settings),
        lambda: _weights(settings),
        lambda: _storage(root, settings),
        lambda: _space(root),
        _server,
    )
    signs = [look() for look in checks]
    if as_json:
        console.emit({"signs": [asdict(sign) for sign in signs]})
    else:
        rows = [(sign.what, sign.state, sign.found, sign.remedy) for sign in signs]
        console.table("", ("what", "state", "found", "remedy"), rows)
    return 1 if any(sign.state == BAD for sign in signs) else 0


def _python() -> Sign:
    good = sys.version_info >= (3, 11)
    return Sign("python", OK if good else BAD, sys.version.split()[0], "" if good else "Python 3.11 or newer")


def _packages() -> Sign:
    """Together these are known to break: each pair looks installed and fails at run time."""
    traps = [name for name in ("torchvision",) if find_spec(name)]
    found = " ".join(f"{name} {version(name)}" for name in ("prefect", "ray", "torch", "numpy", "av"))
    remedy = "torchvision without CUDA fails at import: uninstall it" if traps else ""
    return Sign("packages", WARN if traps else OK, found, remedy)


def _machine() -> Sign:
    memory = psutil.virtual_memory().total / GIB
    state = OK if memory >= 4 else WARN
    return Sign("machine", state, f"{os.cpu_count()} cores, {memory:.0f} GiB", "" if state == OK else "4 GiB or more")


def _gpu() -> Sign:
    if shutil.which("nvidia-smi") is None:
        return Sign("gpu", OK, "none: the model runs on the CPU")
    asked = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"], capture_output=True, text=True
    )
    return Sign("gpu", OK if asked.returncode == 0 else WARN, (asked.stdout or asked.stderr).strip())


def _ffmpeg(settings: Settings) -> Sign:
    from emodiff_core.media.program import ffmpeg_program, ffmpeg_version
    from emodiff_core.refusal import Refusal

    try:
        program = ffmpeg_program(settings.mux.ffmpeg)
        return Sign("ffmpeg", OK, f"{ffmpeg_version(program)} at {program}")
    except (Refusal, EmodiffError, OSError) as error:
        return Sign("ffmpeg", BAD, str(error), "Install ffmpeg with libx264, or the package imageio-ffmpeg")


def _models(settings: Settings) -> Sign:
    wrong = {name: state for name, state in models.check(settings).items() if state in ("missing", "damaged")}
    found = ", ".join(f"{name} {state}" for name, state in wrong.items()) or str(models.folder(settings))
    return Sign("face models", BAD if wrong else OK, found, "emodiff models fetch" if wrong else "")


def _weights(settings: Settings) -> Sign:
    from tasks.weights import BUILTIN

    folder = BUILTIN if settings.generate.weights == "builtin" else Path(settings.generate.weights).expanduser()
    there = folder.is_dir() and any(folder.rglob("*.safetensors"))
    return Sign("generator", OK if there else BAD, str(folder), "" if there else "Name a folder with generate.weights")


def _storage(root: str, settings: Settings) -> Sign:
    """Write, read, create twice and delete: what a batch does."""
    try:
        store, key = open_store(root, settings), f"doctor/{ulid()}"
        whole = store.create(key, b"a") and not store.create(key, b"b") and store.read(key) == b"a"
        store.delete(key)
    except EmodiffError as error:
        return Sign("storage", BAD, error.message, error.hint)
    remedy = "" if whole else "It ignores conditional writes: two drivers could publish twice"
    return Sign("storage", OK if whole else BAD, store.root, remedy)


def _space(root: str) -> Sign:
    store = open_store(root)
    path = store.path() if isinstance(store, LocalStore) else Path.cwd()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / GIB
    remedy = "" if free > 2 else "Takes are lossless: make room"
    return Sign("disk", OK if free > 2 else WARN, f"{free:.0f} GiB free", remedy)


def _server() -> Sign:
    url = os.environ.get("PREFECT_API_URL")
    return Sign("prefect", OK, f"reports to {harmless(url)}" if url else "a server of its own for each batch")
