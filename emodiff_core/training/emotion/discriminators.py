"""Two judges of motion: one knows how mouths move to sound, one how feelings move a face. Training only."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.emotions import EMOTIONS


class Judge(nn.Module):
    """Strided convolutions over a sequence (B, K, C) to scores (B, K'), with a projection on a category where given
    (Miyato and Koyama 2018)."""

    def __init__(self, channels: int, categories: int = 0, width: int = 64) -> None:
        super().__init__()
        sizes = [channels, width, width, width]
        self.body = nn.ModuleList(spectral_norm(nn.Conv1d(a, b, 5, stride=2, padding=2)) for a, b in pairwise(sizes))
        self.score = spectral_norm(nn.Conv1d(width, 1, 1))
        self.category = nn.Embedding(categories, width) if categories else None

    def forward(self, motion: Tensor, category: Tensor | None = None) -> Tensor:
        """Scores (B, K') of motion (B, K, C); category: (B,) int."""
        hidden = motion.mT
        for layer in self.body:
            hidden = F.leaky_relu(layer(hidden), 0.2)
        score = self.score(hidden)[:, 0]
        if self.category is not None and category is not None:
            score = score + (self.category(category)[:, :, None] * hidden).sum(1)
        return score


class Judges(nn.Module):
    """The mouth's judge sees motion and sound, the feeling's judge motion and category."""

    def __init__(self, features: int, speech: int) -> None:
        super().__init__()
        self.mouth = Judge(2 * speech + features)
        self.feeling = Judge(2 * len(ARKIT), len(EMOTIONS))

    def forward(self, mouth: Tensor, features: Tensor, feeling: Tensor, category: Tensor) -> tuple[Tensor, Tensor]:
        """mouth (B, K, S) 50 rows a second, features (B, K, .), feeling (B, K / 2, 53), category (B,)."""
        heard = torch.cat([_with_speed(mouth), features], 2)
        return self.mouth(heard), self.feeling(_with_speed(feeling), category)


def _with_speed(codes: Tensor) -> Tensor:
    return torch.cat([5 * codes, 20 * F.pad(codes[:, 1:] - codes[:, :-1], (0, 0, 1, 0))], 2)


def judging_loss(real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]) -> Tensor:
    """The hinge loss of both judges."""
    return torch.stack([F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]).sum()


def pleasing_loss(fake: tuple[Tensor, Tensor]) -> Tensor:
    """What the generator is asked for."""
    return -(fake[0].mean() + fake[1].mean())
