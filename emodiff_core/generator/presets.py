"""Sizes of the generator: what is built in, what the paper used, what a large machine can carry."""

from dataclasses import dataclass
from typing import Literal

Input = Literal["guide", "valid", "masks", "normals", "identity", "known", "motion"]
CHANNELS: dict[Input, int] = {
    "guide": 3, "valid": 1, "masks": 5, "normals": 3, "identity": 3, "known": 1, "motion": 6,
}  # fmt: skip
"""Channels of each picture-shaped condition; motion is the two frames before."""

GUIDED: tuple[Input, ...] = ("guide", "valid", "masks", "normals", "identity", "known")
UNGUIDED: tuple[Input, ...] = ("identity", "motion")

Name = Literal["tiny", "demo", "paper", "paper-demo", "large"]


@dataclass(frozen=True)
class Preset:
    """One size. size: pixels; patch: side of the square of pixels that one trunk cell holds; attention: per level,
    whether it attends to itself and the audio; in_kernel: of the first convolution."""

    size: int
    patch: int
    channels: tuple[int, ...]
    attention: tuple[bool, ...]
    layers: int
    heads: int
    inputs: tuple[Input, ...]
    audio_width: int
    in_kernel: int


PRESETS: dict[Name, Preset] = {
    # For a look at whether all parts turn; it learns next to nothing.
    "tiny": Preset(128, 4, (16, 32), (False, True), 1, 2, GUIDED, 16, 1),
    # On two Zen 3 threads 54 windows/s forward and 14 in training, beside 44 and 13 for (64, 128, 192), 10.3 M.
    "demo": Preset(128, 4, (64, 96, 160), (False, False, True), 1, 4, GUIDED, 128, 1),
    # Conditions and frames as in the paper, at the demo's size: what the demo is held against.
    "paper-demo": Preset(128, 4, (64, 96, 160), (False, False, True), 1, 4, UNGUIDED, 128, 1),
    # Stypulkowski et al. 2024 (Diffused Heads), on which the paper builds: 256 x (1, 2, 3) channels at 128 px.
    "paper": Preset(128, 1, (256, 512, 768), (False, True, False), 2, 8, UNGUIDED, 1024, 3),
    "large": Preset(512, 4, (192, 384, 576, 768), (False, False, True, True), 2, 8, GUIDED, 768, 3),
}
