"""Few-step deterministic sampling of the generator, with one noise for all frames of a span."""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from emodiff_core.generator.conditions import Conditions


class Denoiser(Protocol):
    """What the sampler asks of a model; see `model.Generator`."""

    def __call__(self, state: Tensor, time: Tensor, conditions: Conditions) -> Tensor: ...

    def picture_of(self, state: Tensor, conditions: Conditions) -> Tensor:
        """The picture (N, 3, H, W) in [-1, 1] of a clean state."""
        ...


@dataclass(frozen=True)
class Guidance:
    """Scales of classifier-free guidance; at 1 no second pass is made."""

    audio: float = 1.0
    expression: float = 1.0


@torch.inference_mode()
def sample(
    model: Denoiser, conditions: Conditions, noise: Tensor, steps: int = 1, guidance: Guidance | None = None
) -> Tensor:
    """Pictures (N, 3, H, W) in [-1, 1] by Euler steps along the straight path from noise (N, 3, H, W), t from 1 to 0.

    Raises ValueError for less than one step.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; at least one is needed")
    state = noise
    for k in range(steps):
        now, then = 1 - k / steps, 1 - (k + 1) / steps
        clean = guided(model, state, torch.full((len(state),), now, device=state.device), conditions, guidance)
        state = clean + (then / now) * (state - clean)
    return model.picture_of(state, conditions)


def guided(model: Denoiser, state: Tensor, time: Tensor, conditions: Conditions, guidance: Guidance | None) -> Tensor:
    """The clean state under guidance, one direction a condition (Liu et al. 2022, composed)."""
    clean = model(state, time, conditions)
    if guidance is None:
        return clean
    out = clean
    if guidance.audio != 1:
        out = out + (guidance.audio - 1) * (clean - model(state, time, conditions.without(audio=True)))
    if guidance.expression != 1:
        out = out + (guidance.expression - 1) * (clean - model(state, time, conditions.without(expression=True)))
    return out


def span_noise(seed: int, job: str, span: int, window: str, size: int = 128) -> Tensor:
    """The initial noise (3, size, size) that all frames of one span's window share; it depends on nothing else."""
    digest = hashlib.sha256(f"{seed}/{job}/{span}/{window}".encode()).digest()
    random = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    return torch.randn(3, size, size, generator=random)
