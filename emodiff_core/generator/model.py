"""The diffusion model: what the guide leaves to be repaired, lit and filled, predicted from noise and conditions."""

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional

from emodiff_core.faces.warp import INTERIOR
from emodiff_core.generator.conditions import TOKEN_WIDTH, TOKENS, VECTOR, Conditions
from emodiff_core.generator.presets import CHANNELS, PRESETS, Input, Name

CAVITY = (-0.40, -0.60, -0.65)
"""Colour in [-1, 1] between that of a dark mouth and that of teeth, in the training data."""


class Generator(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A U-Net over patches of pixels, in diffusers' parts; saved and loaded with save_pretrained and from_pretrained.

    The state z that is diffused is the picture less the guide, over `spread`: nothing to say where the guide is right.
    Without a guide in `inputs` z is the picture itself. Flow matching's straight path (Lipman et al. 2023),
    z_t = (1 - t) z + t noise, and Karras et al. 2022's preconditioning (equation 7, for that path and the small
    `deviation` of z): at t = 1 the network answers with z itself, so that one step is a full answer, at t near 0 with
    what noise is left.
    """

    @register_to_config
    def __init__(
        self,
        size: int = 128,
        patch: int = 4,
        channels: tuple[int, ...] = (64, 96, 160),
        attention: tuple[bool, ...] = (False, False, True),
        layers: int = 1,
        heads: int = 4,
        inputs: tuple[Input, ...] = ("guide", "valid", "masks", "normals", "identity", "known"),
        audio_width: int = 128,
        in_kernel: int = 1,
        spread: float = 0.25,
        deviation: float = 0.3,
    ) -> None:
        super().__init__()
        self.inputs: tuple[Input, ...] = tuple(inputs)
        self.guided = "guide" in self.inputs
        self.spread, self.deviation = (spread, deviation) if self.guided else (1.0, 1.0)
        self.patch = patch
        self.audio = AudioTokens(audio_width)
        self.unet = UNet2DConditionModel(
            sample_size=size // patch,
            in_channels=(3 + sum(CHANNELS[name] for name in self.inputs)) * patch**2,
            out_channels=3 * patch**2,
            block_out_channels=tuple(channels),
            layers_per_block=layers,
            down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention),
            up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)),
            norm_num_groups=16,
            cross_attention_dim=audio_width,
            attention_head_dim=heads,  # diffusers counts heads here, whatever the name
            resnet_time_scale_shift="scale_shift",
            class_embed_type="projection",
            projection_class_embeddings_input_dim=VECTOR,
            conv_in_kernel=in_kernel,
        )
        # A fresh model says what the guide says.
        nn.init.zeros_(self.unet.conv_out.weight)
        nn.init.zeros_(self.unet.conv_out.bias)

    def forward(self, state: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """The clean state (N, 3, H, W) that a noisy state (N, 3, H, W) at time (N,), 0 clean to 1 noise, came from."""
        t = time[:, None, None, None]
        variance = self.variance(t)
        pixels = torch.cat([state / variance.sqrt(), conditions.picture(self.inputs)], 1)
        patches = functional.pixel_unshuffle(pixels, self.patch).contiguous(memory_format=torch.channels_last)
        tokens = self.audio(conditions.audio, conditions.has_audio)
        out = self.unet(patches, time * 1000, tokens, class_labels=conditions.vector).sample
        answer = functional.pixel_shuffle(out.float(), self.patch)
        skip = (1 - t) * self.deviation**2 / variance
        return skip * state + t * self.deviation / variance.sqrt() * answer

    def variance(self, time: Tensor) -> Tensor:
        """Of a noisy state at a time, where clean states have the standard deviation `deviation`."""
        return (1 - time) ** 2 * self.deviation**2 + time**2

    def state_of(self, picture: Tensor, conditions: Conditions) -> Tensor:
        """The clean state of a picture (N, 3, H, W) in [-1, 1]."""
        return (picture - self._base(conditions)) / self.spread

    def picture_of(self, state: Tensor, conditions: Conditions) -> Tensor:
        """The picture (N, 3, H, W) in [-1, 1] of a clean state; known pixels are the guide's own."""
        picture = (self._base(conditions) + self.spread * state).clamp(-1, 1)
        # lerp of 1 is its end to the bit, which a sum would not be.
        return torch.lerp(picture, conditions.guide, conditions.known) if self.guided else picture

    def _base(self, conditions: Conditions) -> Tensor:
        """What a zero state looks like: the guide, and a dark cavity where a mouth opens and the guide shows none. From
        the lips that the warp drags over the opening, photographs in unseen colours came back with blue mouths."""
        if not self.guided:
            return torch.zeros_like(conditions.identity)
        hole = (1 - conditions.valid) * conditions.masks[:, INTERIOR : INTERIOR + 1]
        cavity = conditions.guide.new_tensor(CAVITY)[:, None, None]
        return conditions.guide + hole * (cavity - conditions.guide)


class AudioTokens(nn.Module):
    """Mel rows to tokens for cross-attention: projected, placed in time, or the learned null where there is none."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(TOKEN_WIDTH, width), nn.SiLU(), nn.Linear(width, width))
        self.place = nn.Parameter(torch.randn(TOKENS, width) * 0.02)
        self.null = nn.Parameter(torch.zeros(width))

    def forward(self, audio: Tensor, has_audio: Tensor) -> Tensor:
        """(N, 11, width) of audio (N, 11, 320) and has_audio (N,) bool."""
        return torch.where(has_audio[:, None, None], self.project(audio), self.null) + self.place


def build(preset: Name) -> Generator:
    """A fresh generator of a preset's size."""
    p = PRESETS[preset]
    return Generator(p.size, p.patch, p.channels, p.attention, p.layers, p.heads, p.inputs, p.audio_width, p.in_kernel)


def parameters(model: nn.Module) -> int:
    """How many numbers a model holds."""
    return sum(p.numel() for p in model.parameters())
