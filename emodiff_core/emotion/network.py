"""The generator: bidirectional LSTMs from rows of sound to mouth codes and to what each emotion adds to them.

After the expression generator of EMOdiffhead (arXiv 2409.07255, an LSTM trained with discriminators), with the speech
part and the emotion part apart, so that their sum is exact and an intensity is a factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emodiff_core.audio import SILENCE
from emodiff_core.codes import ARKIT
from emodiff_core.synthetic.emotions import EMOTIONS


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; speech names the codes that speech may move.

    bins: of a row of sound; features: what a row is, log-mel or the name of the speech model it was trained with;
    digest: of that model, see `SpeechModel.digest`.
    """

    speech: tuple[str, ...]
    bins: int = 80
    features: str = "log-mel"
    digest: str = ""
    channels: int = 128
    hidden: int = 96
    emotion_hidden: int = 48
    noise: int = 4

    @property
    def silence(self) -> float:
        """The value of rows where there is no sound."""
        return 0.0 if self.digest else SILENCE


class Network(nn.Module):
    """Everything learned. Rows in and out are 100 a second; inside 50, and 25 for the emotion."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.early = nn.Conv1d(shape.bins, shape.channels, 5, padding=2)
        self.late = nn.Conv1d(shape.channels, shape.channels, 5, stride=2, padding=2)
        self.lstm = nn.LSTM(shape.channels, shape.hidden, 2, batch_first=True, bidirectional=True, dropout=0.1)
        self.join = nn.Conv1d(2 * shape.hidden + shape.channels, shape.hidden, 3, padding=1)
        self.mouth = nn.Conv1d(shape.hidden, len(shape.speech) + 1, 1)
        self.mean = nn.Parameter(torch.zeros(len(EMOTIONS), len(ARKIT)))
        self.feel = nn.LSTM(2 * shape.hidden + shape.noise, shape.emotion_hidden, batch_first=True, bidirectional=True)
        self.residual = nn.Linear(2 * shape.emotion_hidden, len(EMOTIONS) * len(ARKIT))
        nn.init.normal_(self.residual.weight, std=0.01)
        columns = torch.tensor([ARKIT.index(n) for n in shape.speech])
        self.register_buffer("columns", columns, persistent=False)
        self.columns: Tensor

    def forward(self, sound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """sound (B, M, bins) with M a multiple of 4 -> mouth codes (B, M, 53), logits (B, M) that the lips are shut,
        features (B, M / 2, 2 * hidden) for `emotion`."""
        even = F.layer_norm(sound, sound.shape[2:]) if self.shape.digest else normalised(sound)
        early = F.gelu(self.early(even.mT))
        features, _ = self.lstm(F.gelu(self.late(early)).mT)
        wide = torch.cat([features.repeat_interleave(2, 1).mT, early], 1)
        out = self.mouth(F.gelu(self.join(wide))).mT
        codes = out.new_zeros(*out.shape[:2], len(ARKIT)).index_copy(2, self.columns, out[..., :-1])
        return codes, out[..., -1], features

    def emotion(self, features: Tensor, noise: Tensor) -> Tensor:
        """G_e(t) of all eight: features (B, 2 K, .) and noise (B, K, noise), smooth, about N(0, 1) -> (B, K, 8, 53)."""
        slow = F.avg_pool1d(features.mT, 2).mT
        felt, _ = self.feel(torch.cat([slow, noise], 2))
        return 0.3 * torch.tanh(self.residual(felt)).unflatten(2, (len(EMOTIONS), len(ARKIT)))


class Committee(nn.Module):
    """Networks of one shape that were trained apart: their mouths are averaged, the first one feels for all."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.shape = members[0].shape

    @property
    def mean(self) -> Tensor:
        """mu_e (8, 53)."""
        return self._first.mean

    def forward(self, sound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Network.forward`; features are the first one's."""
        told = [member(sound) for member in self.members]
        codes, logit = (torch.stack([one[k] for one in told]).mean(0) for k in (0, 1))
        return codes, logit, told[0][2]

    def emotion(self, features: Tensor, noise: Tensor) -> Tensor:
        """As `Network.emotion`."""
        return self._first.emotion(features, noise)

    @property
    def _first(self) -> Network:
        return cast(Network, self.members[0])


_SECONDS = 2.5
_SCALE = 0.25


def normalised(mel: Tensor) -> Tensor:
    """mel (B, M, 80) less its average over the loud rows within 2.5 s: microphone, room and level fall out."""
    loud = torch.exp(6 * mel.mean(2, keepdim=True))
    reach = round(100 * _SECONDS)
    total = _box(loud, reach)
    return (mel - _box(loud * mel, reach) / total) / _SCALE


def _box(values: Tensor, reach: int) -> Tensor:
    """Sums over rows k - reach to k + reach of values (B, M, C)."""
    sums = F.pad(values.double().cumsum(1), (0, 0, 1, 0))
    index = torch.arange(values.shape[1], device=values.device)
    high, low = (index + reach + 1).clamp(max=values.shape[1]), (index - reach).clamp(min=0)
    return (sums[:, high] - sums[:, low]).to(values.dtype)
