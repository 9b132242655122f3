"""Digests of the model files that a stage's output depends on: new weights re-run what used the old ones, no more."""

from pathlib import Path

import emodiff_core
from infra.fingerprint import Digests
from infra.models import REGISTRY, model_path
from infra.settings import Settings
from tasks.licences import DECA, reader_of

FACES = ("face_detection", "face_landmark", "face_landmark_attention", "iris_landmark")
BUILTIN = Path(emodiff_core.__file__).parent / "weights"
DATA = (".safetensors", ".npz", ".npy", ".json", ".bin", ".pt", ".pkl", ".obj")


def weights(stage: str, settings: Settings, digests: Digests) -> dict[str, str]:
    """Model name to digest, for one stage."""
    if stage in ("crop", "check"):
        return {name: str(REGISTRY[name].sha256) for name in FACES}
    if stage == "expression":
        head = _files("head", settings.expression.head, BUILTIN / "head", digests)
        return head | _deca(settings, digests)
    if stage == "audio" and settings.audio.features != "log-mel":
        return _files("features", settings.audio.features, BUILTIN, digests)
    if stage == "generate":
        generator = _files("generator", settings.generate.weights, BUILTIN / "generator", digests)
        return generator | _files("emotion", settings.generate.emotion, BUILTIN / "emotion", digests)
    return {}


def _deca(settings: Settings, digests: Digests) -> dict[str, str]:
    """DECA's files where it reads the expressions."""
    if reader_of(settings) != "deca":
        return {}
    return {name: digests.of(model_path(name, settings)) for name in DECA}


def _files(name: str, where: str, builtin: Path, digests: Digests) -> dict[str, str]:
    """Digests of all data files at a place; what is no local path stands for itself, such as a name on the hub."""
    place = builtin if where == "builtin" else Path(where).expanduser()
    if place.is_file():
        return {name: digests.of(place)}
    if not place.is_dir():
        return {name: where}
    found = sorted(path for path in place.rglob("*") if path.suffix in DATA)
    return {f"{name}/{path.relative_to(place).as_posix()}": digests.of(path) for path in found}
