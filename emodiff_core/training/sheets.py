"""A look at a generator in training: figures and a sheet of pictures of people it has not seen."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emodiff_core.faces.warp import EYES, INTERIOR, LIPS
from emodiff_core.generator.model import Generator
from emodiff_core.generator.sampler import sample, span_noise
from emodiff_core.generator.windows import WINDOWS
from emodiff_core.training.shards import Batch, read, shards

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Watch:
    """Windows of people of the validation split, the same at every look."""

    batch: Batch

    def answer(self, model: Generator, steps: int = 1) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1], eight at a time."""
        count = len(self.batch.truth)
        size = self.batch.truth.shape[-1]
        noise = torch.stack([span_noise(0, "watch", 0, WINDOWS[int(w)], size) for w in self.batch.conditions.window])
        parts = [slice(k, min(k + 8, count)) for k in range(0, count, 8)]
        return torch.cat([sample(model, self.batch.conditions.at(p), noise[p], steps) for p in parts])

    def figures(self, model: Generator) -> dict[str, float]:
        """PSNR in dB of one step, and of the guide, in each kind of place."""
        told, answer = self.batch.conditions.guide, self.answer(model)
        out: dict[str, float] = {}
        for name, where in places(self.batch).items():
            out[name] = decibel(answer, self.batch.truth, where)
            out[f"{name}_guide"] = decibel(told, self.batch.truth, where)
        return out

    def sheet(self, model: Generator, path: Path) -> None:
        """Rows: identity, guide, one step, four steps, truth; a column for each of some windows."""
        some = Watch(self.batch.at(slice(0, 16)))
        c = some.batch.conditions
        rows = [c.identity, c.guide, some.answer(model), some.answer(model, 4), some.batch.truth]
        picture = torch.cat([torch.cat(list(row), 2) for row in rows], 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = ((picture.permute(1, 2, 0).numpy() + 1) * 127.5 + 0.5).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(path), pixels[..., ::-1])


def watch(folder: Path, each: int = 8) -> Watch:
    """Windows of the first people of a folder: `each` of one, mouths first."""
    parts = []
    for number, shard in enumerate(shards(folder)[:8]):
        random = np.random.default_rng(number)
        frames = random.integers(0, 16, each)
        parts.append(read(shard, frames, np.array([0, 1, 1, 1, 2, 3, 1, 0])[:each]))
    order = torch.arange(len(parts) * each).reshape(len(parts), each).T.flatten()
    return Watch(Batch.joined(parts).at(order))


def places(batch: Batch) -> dict[str, Tensor]:
    """Where to measure (N, S, S): whole windows by kind, lips with the mouth, its inside, eyes, holes."""
    c = batch.conditions
    window = c.window[:, None, None]
    everywhere = torch.ones_like(c.valid[:, 0])
    mouth = c.masks[:, (LIPS, INTERIOR)].amax(1)
    return {
        "face": everywhere * (window == 0),
        "mouth": mouth * (window == 1),
        "inside": c.masks[:, INTERIOR] * (window == 1),
        "eyes": c.masks[:, EYES] * (window > 1),
        "holes": (1 - c.valid[:, 0]) * (window == 1),
    }


def decibel(result: Tensor, truth: Tensor, where: Tensor) -> float:
    """PSNR of pictures in [-1, 1], weighted by where (N, S, S)."""
    error = ((result - truth) / 2).square().mean(1)
    return float(-10 * torch.log10((error * where).sum() / where.sum().clamp(min=1e-6)))
