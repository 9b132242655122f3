"""Conditions: all that the diffusion model is told of a frame's window, as tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emodiff_core.audio.window import features_at
from emodiff_core.codes import ARKIT
from emodiff_core.faces.warp import Guide
from emodiff_core.generator.presets import Input
from emodiff_core.generator.windows import WINDOWS, Name

Floats = NDArray[np.float32]

TOKENS, ROWS_PER_TOKEN = 11, 4
TOKEN_WIDTH = ROWS_PER_TOKEN * 80
VECTOR = len(ARKIT) + len(WINDOWS) + 2
"""Expression, window, and a flag each for a left-out expression and left-out audio."""


@dataclass(frozen=True)
class Conditions:
    """N frames of windows, H = W.

    guide, identity: (N, 3, H, W) in [-1, 1]; valid, known: (N, 1, H, W) in [0, 1], known 1 where the guide already
    holds the frame's true pixels; masks: (N, 5, H, W) in [0, 1]; normals: (N, 3, H, W);
    expression: (N, 53); window: (N,) index into WINDOWS; audio: (N, 11, 320), see `audio_tokens`;
    has_expression, has_audio: (N,) bool; motion: (N, 6, H, W) the two frames before, for unguided presets only.
    """

    guide: Tensor
    valid: Tensor
    masks: Tensor
    normals: Tensor
    identity: Tensor
    known: Tensor
    expression: Tensor
    window: Tensor
    audio: Tensor
    has_expression: Tensor
    has_audio: Tensor
    motion: Tensor | None = None

    def __len__(self) -> int:
        return len(self.expression)

    def picture(self, inputs: Sequence[Input]) -> Tensor:
        """The picture-shaped conditions a model asks for, (N, C, H, W). Raises ValueError where one is missing."""
        parts: list[Tensor] = []
        for name in inputs:
            value = getattr(self, name)
            if value is None:
                raise ValueError(f"this model needs the condition {name!r}")
            parts.append(value)
        return torch.cat(parts, 1)

    @property
    def vector(self) -> Tensor:
        """(N, VECTOR); a left-out expression is a flag, not zeros alone, for zeros mean a neutral face."""
        known = self.has_expression.float()[:, None]
        window = torch.nn.functional.one_hot(self.window, len(WINDOWS)).float()
        flags = torch.stack([~self.has_expression, ~self.has_audio], 1).float()
        return torch.cat([self.expression * known, window, flags], 1)

    def at(self, index: Tensor | slice) -> "Conditions":
        """Some of the frames."""
        return self._each(lambda value: value[index])

    def to(self, device: torch.device | str) -> "Conditions":
        """The same on a device."""
        return self._each(lambda value: value.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Conditions":
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        changed: dict[str, Any] = {name: None if value is None else change(value) for name, value in values.items()}
        return Conditions(**changed)

    def without(self, audio: bool = False, expression: bool = False) -> "Conditions":
        """The same frames with the audio or the expression left out, for classifier-free guidance (Ho 2022)."""
        return replace(
            self,
            has_audio=torch.zeros_like(self.has_audio) if audio else self.has_audio,
            has_expression=torch.zeros_like(self.has_expression) if expression else self.has_expression,
        )


def from_guides(
    guides: Sequence[Guide],
    identity: Floats,
    expression: Floats,
    window: Name,
    audio: Floats | None = None,
    known: Floats | None = None,
    truth: Floats | None = None,
) -> Conditions:
    """Conditions of one window over N frames.

    guides: N, all (S, S); identity: (S, S, 3) or (N, S, S, 3) in [0, 1], the source picture in its own window;
    expression: (N, 53); audio: (N, 11, 320), see `audio_tokens`, or None where there is none;
    known: (N, S, S) where truth (N, S, S, 3) in [0, 1], the footage itself, stays as it is.
    """
    count, size = len(guides), guides[0].image.shape[0]
    image = np.stack([g.image for g in guides])
    valid = np.stack([g.valid for g in guides])
    keep = np.zeros((count, size, size), np.float32) if known is None else known
    if truth is not None:
        image = image + keep[..., None] * (truth - image)
        valid = np.maximum(valid, keep)
    return Conditions(
        guide=channels_first(image) * 2 - 1,
        valid=torch.from_numpy(valid)[:, None].float(),
        masks=channels_first(np.stack([g.masks for g in guides])),
        normals=channels_first(np.stack([g.normal for g in guides])),
        identity=channels_first(np.broadcast_to(identity, (count, size, size, 3))) * 2 - 1,
        known=torch.from_numpy(keep)[:, None].float(),
        expression=torch.from_numpy(expression).float(),
        window=torch.full((count,), WINDOWS.index(window)),
        audio=torch.zeros(count, TOKENS, TOKEN_WIDTH) if audio is None else torch.from_numpy(audio).float(),
        has_expression=torch.ones(count, dtype=torch.bool),
        has_audio=torch.full((count,), audio is not None),
    )


def audio_tokens(mel: Floats, times: NDArray[np.float64] | Sequence[Fraction], first: int = 0) -> Floats:
    """(N, 11, 320) tokens of mel rows (M, 80) around times (N,) in seconds: token j is the 40 ms around
    time + (j - 5) / 25 s, so that the sound heard does not depend on the picture's rate. first: see `features_at`."""
    half = TOKENS * ROWS_PER_TOKEN // 2
    rows = features_at(mel, times, half, first=first)[:, : 2 * half]
    return rows.reshape(len(rows), TOKENS, TOKEN_WIDTH)


def joined(several: Sequence[Conditions]) -> Conditions:
    """Conditions one after another; all of one size."""
    values: dict[str, Any] = {}
    for f in fields(Conditions):
        parts = [getattr(c, f.name) for c in several]
        values[f.name] = None if parts[0] is None else torch.cat(parts)
    return Conditions(**values)


def channels_first(images: NDArray[np.float32]) -> Tensor:
    """(N, H, W, C) to (N, C, H, W) float32."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32))
