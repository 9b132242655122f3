"""Every model file that may run: its licence, digest and source, and where it lies on this machine."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from infra.errors import RightsError, SetupError
from infra.settings import Settings

Use = Literal["any", "commercial", "research"]
Origin = Literal["wheel", "user"]

MEDIAPIPE = "mediapipe==0.10.21"
PROJECT = "https://github.com/google-ai-edge/mediapipe"


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    commercial: the licence covers commercial use; sha256 and size (bytes): None where every copy differs;
    origin: wheel (fetched out of the mediapipe wheel, at `member`) or user (put in the cache by who has the right to);
    optional: nothing fails when it is not there.
    """

    name: str
    file: str
    stage: str
    licence: str
    commercial: bool
    source: str
    origin: Origin
    member: str = ""
    sha256: str | None = None
    size: int | None = None
    optional: bool = False


def _mediapipe(name: str, member: str, size: int, sha256: str, optional: bool = False) -> ModelFile:
    file = Path(member).name
    source = f"{PROJECT}, PyPI wheel {MEDIAPIPE}"
    return ModelFile(name, file, "crop", "Apache-2.0", True, source, "wheel", member, sha256, size, optional)


def _restricted(name: str, file: str, licence: str, source: str, commercial: bool = False) -> ModelFile:
    return ModelFile(name, file, "expression", licence, commercial, source, "user", optional=True)


REGISTRY: dict[str, ModelFile] = {
    entry.name: entry
    for entry in (
        _mediapipe(
            "face_detection",
            "mediapipe/modules/face_detection/face_detection_short_range.tflite",
            229_714,
            "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        ),
        _mediapipe(
            "face_landmark",
            "mediapipe/modules/face_landmark/face_landmark.tflite",
            1_242_398,
            "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        ),
        _mediapipe(
            "face_landmark_attention",
            "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
            2_495_106,
            "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
        ),
        _mediapipe(
            "iris_landmark",
            "mediapipe/modules/iris_landmark/iris_landmark.tflite",
            2_640_568,
            "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
            optional=True,
        ),
        _restricted(
            "deca", "deca_model.tar", "MPG non-commercial scientific research", "https://github.com/yfeng95/DECA"
        ),
        _restricted(
            "flame2020", "generic_model.pkl", "MPG non-commercial scientific research", "https://flame.is.tue.mpg.de"
        ),
        _restricted(
            "flame2023_open", "flame2023_Open.pkl", "CC-BY-4.0", "https://flame.is.tue.mpg.de", commercial=True
        ),
    )
}


def folder(settings: Settings | None = None) -> Path:
    """Where model files lie on this machine."""
    return Path((settings or Settings()).models.cache).expanduser() / "models"


def model_path(name: str, settings: Settings | None = None) -> Path:
    """The local file of a model, its digest checked.

    Raises RightsError where the stated use is not covered, SetupError MODEL_MISSING or MODEL_DAMAGED.
    """
    settings = settings or Settings()
    require(name, settings.run.use)
    entry, path = REGISTRY[name], folder(settings) / REGISTRY[name].file
    if not path.is_file():
        raise SetupError("MODEL_MISSING", f"The model {name} is not in {path.parent}", _how_to_get(entry, path))
    if not intact(entry, path):
        hint = "Run `emodiff models fetch`, which replaces it"
        raise SetupError("MODEL_DAMAGED", f"{path} does not have the digest of {name}", hint)
    return path


def require(name: str, use: Use) -> None:
    """Refuse a model whose licence does not cover the use; `any` needs what `commercial` needs. Raises RightsError."""
    entry = REGISTRY.get(name)
    if entry is None:
        raise SetupError("MODEL_UNKNOWN", f"No model is registered as {name!r}", f"Known: {', '.join(REGISTRY)}")
    if use != "research" and not entry.commercial:
        message = f"{name} is licensed for {entry.licence}; the batch states its use as {use}"
        raise RightsError(
            "LICENCE", message, "Use the built-in models, or state `--set run.use=research` if that is true"
        )


def intact(entry: ModelFile, path: Path) -> bool:
    """Whether the file has the registered size and digest; a file without registered digest is taken as it is."""
    if entry.sha256 is None:
        return True
    stat = path.stat()
    return stat.st_size == entry.size and _sha256(str(path), stat.st_size, stat.st_mtime_ns) == entry.sha256


def check(settings: Settings | None = None) -> dict[str, str]:
    """State of every registered file: `ok`, `missing`, `damaged` or `not installed` (optional)."""
    return {name: _state(entry, folder(settings) / entry.file) for name, entry in REGISTRY.items()}


def _state(entry: ModelFile, path: Path) -> str:
    if not path.is_file():
        return "not installed" if entry.optional else "missing"
    return "ok" if intact(entry, path) else "damaged"


def _how_to_get(entry: ModelFile, path: Path) -> str:
    if entry.origin == "wheel":
        return "Run `emodiff models fetch`; offline, name a wheel or folder with `--set models.source=PATH`"
    return f"Get it from {entry.source} under its licence ({entry.licence}) and put it at {path}"


@lru_cache(maxsize=64)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
