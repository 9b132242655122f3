"""What the generator is trained to make small."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from emodiff_core.faces.warp import EYES, INTERIOR, LIPS
from emodiff_core.generator.conditions import Conditions
from emodiff_core.generator.model import Generator
from emodiff_core.training.shards import Batch


@dataclass(frozen=True)
class Noised:
    """One step's random part. time: (N,) in (0, 1]; noise: (N, 3, S, S); conditions: some left out."""

    time: Tensor
    noise: Tensor
    conditions: Conditions

    def to(self, device: str) -> "Noised":
        """The same on a device."""
        return Noised(self.time.to(device), self.noise.to(device), self.conditions.to(device))


def noised(batch: Batch, random: torch.Generator, one_step: float = 0.5, left_out: float = 0.1) -> Noised:
    """Times and noise from `random`. one_step: share of frames at t = 1, which is all that a one-step answer sees;
    left_out: chance that the audio, and that the expression, is not told."""
    count = len(batch.truth)
    chance = torch.rand(4, count, generator=random)
    time = torch.where(chance[0] < one_step, 1.0, chance[1].clamp(min=0.02))
    noise = torch.randn(batch.truth.shape, generator=random)
    c = batch.conditions
    kept_audio, kept_expression = chance[2] >= left_out, chance[3] >= left_out
    told = replace(c, has_audio=c.has_audio & kept_audio, has_expression=c.has_expression & kept_expression)
    return Noised(time, noise, told)


def silent(drawn: Noised) -> Noised:
    """The same without noise: what a regression is asked, whatever the time."""
    return replace(drawn, time=torch.ones_like(drawn.time), noise=torch.zeros_like(drawn.noise))


def loss(model: Generator, batch: Batch, drawn: Noised) -> tuple[Tensor, dict[str, float]]:
    """Mean squared error of the clean picture, heavier where there is something to repair, and of its edges."""
    c, t = drawn.conditions, drawn.time[:, None, None, None]
    clean = model.state_of(batch.truth, c)
    answer = model((1 - t) * clean + t * drawn.noise, drawn.time, c)
    weight = attention(c)
    # Karras et al. 2022, equation 8, bounded: small t would otherwise outweigh the rest.
    level = (model.variance(t) / t**2).clamp(max=6.0)
    error = answer - clean
    square = (weight * level * error.square()).mean()
    edges = (weight * _edges(error)).mean()
    return square + 0.35 * edges, {"square": float(square.detach()), "edges": float(edges.detach())}


def attention(conditions: Conditions) -> Tensor:
    """(N, 1, S, S): holes, lips, mouths and eyes count more than skin that the warp has right; known pixels hardly."""
    masks = conditions.masks
    near = torch.nn.functional.max_pool2d(masks[:, (LIPS, INTERIOR, EYES)].amax(1, keepdim=True), 9, 1, 4)
    weight = 1 + 2 * (1 - conditions.valid) + 2 * near
    return weight * (1 - 0.9 * conditions.known)


def _edges(error: Tensor) -> Tensor:
    """Absolute differences of neighbours (N, 3, S, S): what blur costs and a mean square hardly sees."""
    across = torch.nn.functional.pad(error.diff(dim=3).abs(), (0, 1, 0, 0))
    down = torch.nn.functional.pad(error.diff(dim=2).abs(), (0, 0, 0, 1))
    return across + down
