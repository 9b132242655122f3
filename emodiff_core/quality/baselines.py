"""What diffusion has to beat: the plain warp, and a network of the same size that was taught without noise."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emodiff_core.generator.conditions import Conditions
from emodiff_core.generator.model import Generator
from emodiff_core.generator.renderer import DiffusionRenderer
from emodiff_core.generator.span import Request

Floats = NDArray[np.float32]


class GuideAlone:
    """A renderer that answers with the guide: the plain warp, the baseline that diffusion has to beat."""

    size = 128

    def __call__(self, requests: Sequence[Request], seed: int) -> list[Floats]:
        return [request.guide.image for request in requests]


class Regressor(DiffusionRenderer):
    """A generator trained as a regression, `Plan(form="regression")`: it is asked once, and never sees noise."""

    def __init__(self, model: Generator, batch: int = 8) -> None:
        super().__init__(model, batch, steps=1)
        self.model = Silent(model)


class Silent(nn.Module):
    """A generator that answers the same whatever the noise."""

    def __init__(self, model: Generator) -> None:
        super().__init__()
        self.inner = model.eval()

    def forward(self, state: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """The clean state (N, 3, H, W)."""
        clean: Tensor = self.inner(torch.zeros_like(state), torch.ones_like(time), conditions)
        return clean

    def picture_of(self, state: Tensor, conditions: Conditions) -> Tensor:
        """See `Generator.picture_of`."""
        return self.inner.picture_of(state, conditions)
