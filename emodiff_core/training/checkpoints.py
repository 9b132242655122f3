"""Checkpoints: all that a run needs to go on bit by bit after it was killed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Average:
    """Exponential moving average of a model's weights; slower the longer it runs, `decay` at last."""

    decay: float
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, model: nn.Module, decay: float = 0.999) -> "Average":
        """An average that begins with the model's weights."""
        return cls(decay, {name: value.detach().clone() for name, value in model.state_dict().items()})

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the model's weights after a step, counted from 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, share)
            else:
                self.weights[name].copy_(value)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; a kill in the middle leaves the one before."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path, device: str = "cpu") -> dict[str, Any] | None:
    """The last checkpoint, or None where there is none yet."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
