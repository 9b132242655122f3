"""Shards: pairs on disk, one folder a person, read back as batches that depend on seed and step alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emodiff_core.codes import ARKIT
from emodiff_core.faces.warp import FACE, INTERIOR, LIPS
from emodiff_core.generator.conditions import Conditions, joined
from emodiff_core.generator.windows import WINDOWS
from emodiff_core.training.pairs import Pairs

WINDOW_SHARES = (0.25, 0.40, 0.175, 0.175)
"""How often each window is drawn: mouths are where there is most to repair."""
_OTHER_SIDE = {"_L": "_R", "_R": "_L", "Left": "Right", "Right": "Left"}
MIRROR_CODES = np.array([
    ARKIT.index(next((n.removesuffix(a) + b for a, b in _OTHER_SIDE.items() if n.endswith(a)), n)) for n in ARKIT
])  # fmt: skip
_PICTURES = ("guide", "valid", "masks", "normals", "identity", "known")
_MIRROR_WINDOWS = (0, 1, 3, 2)


@dataclass(frozen=True)
class Batch:
    """Conditions of N windows and their true pictures (N, 3, S, S) in [-1, 1]."""

    conditions: Conditions
    truth: Tensor

    def to(self, device: str) -> "Batch":
        """The same on a device."""
        return Batch(self.conditions.to(device), self.truth.to(device))

    def at(self, index: Tensor | slice) -> "Batch":
        """Some of the windows."""
        return Batch(self.conditions.at(index), self.truth[index])

    @staticmethod
    def joined(parts: "Sequence[Batch]") -> "Batch":
        """Batches one after another."""
        return Batch(joined([p.conditions for p in parts]), torch.cat([p.truth for p in parts]))


def write(folder: Path, name: str, pairs: Pairs) -> None:
    """One shard; it appears whole or not at all."""
    part = folder / f".{name}"
    part.mkdir(parents=True, exist_ok=True)
    np.save(part / "windows.npy", pairs.windows)
    np.savez(
        part / "rest.npz",
        identity=pairs.identity,
        expression=pairs.expression.astype(np.float32),
        tokens=pairs.tokens.astype(np.float16),
    )
    (part / "shard.json").write_text(json.dumps({"frames": len(pairs.windows), "footage": pairs.footage}))
    part.rename(folder / name)


def number_of(shard: Path) -> int | None:
    """The number of the synthetic person that a shard shows, None for a shot of a film."""
    return int(shard.name[1:]) if shard.name.startswith("p") else None


def shards(folder: Path) -> list[Path]:
    """The finished shards of a folder in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def draw(folders: Sequence[Path], count: int, seed: int, step: int, side: int = 128, per_person: int = 4) -> Batch:
    """A batch of `count` windows, `per_person` of one person at a time; the same for the same seed and step.

    side: less than a window cuts a square about its middle, which trains faster (Wang et al. 2023, Patch Diffusion).
    """
    random = np.random.default_rng([seed, step])
    chosen = random.choice(len(folders), -(-count // per_person), replace=len(folders) < count)
    parts = [_some(folders[k], per_person, random) for k in chosen]
    batch = Batch.joined(parts).at(slice(0, count))
    return cut(_footage(coloured(batch, random), random), side, random)


def read(folder: Path, frames: NDArray[np.intp], windows: NDArray[np.intp]) -> Batch:
    """Windows of a shard by frame and window numbers, both (N,)."""
    stored = np.load(folder / "windows.npy", mmap_mode="r")
    layers = stored[frames, windows]
    with np.load(folder / "rest.npz") as rest:
        identity, expression, tokens = rest["identity"][windows], rest["expression"][frames], rest["tokens"][frames]
    unit = torch.from_numpy(layers).float() / 255
    count = len(frames)
    yes = torch.ones(count, dtype=torch.bool)
    conditions = Conditions(
        guide=unit[:, 3:6] * 2 - 1,
        valid=unit[:, 6:7],
        masks=unit[:, 7:12],
        normals=unit[:, 12:15] * 2 - 1,
        identity=torch.from_numpy(identity).float() / 127.5 - 1,
        known=torch.zeros(count, 1, *unit.shape[2:]),
        expression=torch.from_numpy(expression).float(),
        window=torch.from_numpy(windows.astype(np.int64)),
        audio=torch.from_numpy(tokens).float(),
        has_expression=yes,
        has_audio=yes.clone(),
    )
    return Batch(conditions, unit[:, :3] * 2 - 1)


def cut(batch: Batch, side: int, random: np.random.Generator) -> Batch:
    """A square of every window, near its middle where lips and eyes are, anywhere in a face."""
    room = batch.truth.shape[-1] - side
    if room <= 0:
        return batch
    count = len(batch.truth)
    anywhere = random.uniform(0, room, (count, 2))
    middle = random.normal(room / 2, room / 5, (count, 2))
    face = (batch.conditions.window == 0).numpy()[:, None]
    corners = np.clip(np.where(face, anywhere, middle), 0, room).astype(int)

    def square(pictures: Tensor) -> Tensor:
        rows = zip(pictures, corners, strict=True)
        return torch.stack([one[:, y : y + side, x : x + side] for one, (y, x) in rows])

    c = batch.conditions
    parts = {name: square(getattr(c, name)) for name in _PICTURES}
    return Batch(replace(c, **parts), square(batch.truth))


def mirrored(batch: Batch) -> Batch:
    """The same in a mirror: left eyes become right eyes."""
    c = batch.conditions
    flip = {name: getattr(c, name).flip(-1) for name in _PICTURES}
    flip["normals"] = flip["normals"] * torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    window = torch.tensor(_MIRROR_WINDOWS)[c.window]
    changed = replace(c, **flip, expression=c.expression[:, MIRROR_CODES], window=window)
    return Batch(changed, batch.truth.flip(-1))


def _some(folder: Path, count: int, random: np.random.Generator) -> Batch:
    frames = json.loads((folder / "shard.json").read_text())["frames"]
    windows = random.choice(len(WINDOWS), count, p=WINDOW_SHARES)
    batch = read(folder, random.integers(0, frames, count), windows)
    return mirrored(batch) if random.random() < 0.5 else batch


def coloured(batch: Batch, random: np.random.Generator) -> Batch:
    """Other exposures and white balances, the same for all pictures of a window."""
    count = len(batch.truth)
    gamma = torch.from_numpy(np.exp(random.normal(0, 0.18, (count, 1, 1, 1)))).float()
    gain = torch.from_numpy(np.exp(random.normal(0, 0.12, (count, 3, 1, 1)))).float()

    def change(picture: Tensor) -> Tensor:
        return (((picture + 1) / 2).clamp(0, 1) ** gamma * gain).clamp(0, 1) * 2 - 1

    c = batch.conditions
    motion = None if c.motion is None else torch.cat([change(one) for one in c.motion.split(3, 1)], 1)
    told = replace(c, guide=change(c.guide), identity=change(c.identity), motion=motion)
    return Batch(told, change(batch.truth))


def _footage(batch: Batch, random: np.random.Generator, share: float = 0.15) -> Batch:
    """In some windows all but the lower face is known: the model re-voices footage as well as it animates portraits."""
    c = batch.conditions
    size = batch.truth.shape[-1]
    hidden = torch.nn.functional.max_pool2d(c.masks[:, FACE : FACE + 1], 9, 1, 4)
    level = torch.from_numpy(random.uniform(0.35, 0.6, (len(batch.truth), 1, 1, 1))).float() * size
    lower = (torch.arange(size)[None, None, :, None] > level) & (c.window == 0)[:, None, None, None]
    hidden = hidden * torch.where((c.window == 0)[:, None, None, None], lower.float(), 1.0)
    hidden = torch.maximum(hidden, c.masks[:, (LIPS, INTERIOR)].amax(1, keepdim=True))
    used = torch.from_numpy(random.random((len(batch.truth), 1, 1, 1)) < share).float()
    known = used * (1 - hidden).round()
    guide = torch.where(known > 0.5, batch.truth, c.guide)
    return Batch(replace(c, guide=guide, valid=torch.maximum(c.valid, known), known=known), batch.truth)
