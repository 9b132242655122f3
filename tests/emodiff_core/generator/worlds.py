"""Random conditions and a small model for the generator's tests."""

import torch

from emodiff_core.generator.conditions import TOKEN_WIDTH, TOKENS, Conditions
from emodiff_core.generator.model import Generator


def conditions(count: int, size: int = 32, seed: int = 0) -> Conditions:
    random = torch.Generator().manual_seed(seed)

    def draw(channels: int) -> torch.Tensor:
        return torch.rand(count, channels, size, size, generator=random)

    yes = torch.ones(count, dtype=torch.bool)
    return Conditions(
        guide=draw(3) * 2 - 1,
        valid=draw(1),
        masks=draw(5),
        normals=draw(3) * 2 - 1,
        identity=draw(3) * 2 - 1,
        known=torch.zeros(count, 1, size, size),
        expression=torch.rand(count, 53, generator=random),
        window=torch.arange(count) % 4,
        audio=torch.randn(count, TOKENS, TOKEN_WIDTH, generator=random),
        has_expression=yes,
        has_audio=yes.clone(),
    )


def small_model(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    model = Generator(32, 4, (16, 32), (False, True), 1, 2, audio_width=16)
    # A fresh model repeats the guide; a test needs one that answers.
    torch.nn.init.normal_(model.unet.conv_out.weight, std=0.1)
    return model.eval()
