"""DECA's coarse encoder (Feng et al. 2021): a face crop to FLAME codes. The weights are not ours: research only."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.ndimage import map_coordinates
from torch import Tensor, nn

from emodiff_core.faces.points import LEFT_BROW, OVAL, RIGHT_BROW
from emodiff_core.flame import HeadModel
from emodiff_core.refusal import Refusal
from emodiff_core.resnet import ResNet50

SIDE = 224
SCALE = 1.25
"""The crop is 1.25 times the face's box, 224 pixels wide; a box around landmarks is first widened by a tenth."""

COUNTS = {"shape": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "light": 27}
"""The 236 codes in DECA's order."""


@dataclass(frozen=True)
class DecaCodes:
    """Codes of N crops. shape (N, 100), texture (N, 50), expression (N, 50); pose (N, 6): head and jaw, axis-angle in
    radians; camera (N, 3): scale, x, y of the crop in [-1, 1]; light (N, 9, 3) spherical harmonics.
    """

    shape: Tensor
    texture: Tensor
    expression: Tensor
    pose: Tensor
    camera: Tensor
    light: Tensor


class DecaEncoder(nn.Module):
    """ResNet-50 features to 1,024 to 236 codes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet50()
        self.layers = nn.Sequential(nn.Linear(2048, 1024), nn.ReLU(), nn.Linear(1024, sum(COUNTS.values())))

    def forward(self, crops: Tensor) -> Tensor:
        """(N, 236) of crops (N, 3, 224, 224) RGB in [0, 1]."""
        codes: Tensor = self.layers(self.encoder(crops))
        return codes

    @torch.no_grad()
    def codes(self, crops: Tensor) -> DecaCodes:
        """Crops (N, 3, 224, 224) RGB in [0, 1] as codes."""
        shape, texture, expression, pose, camera, light = self(crops).split(list(COUNTS.values()), dim=1)
        return DecaCodes(shape, texture, expression, pose, camera, light.reshape(-1, 9, 3))


def load_deca(path: Path) -> DecaEncoder:
    """The encoder from an official `deca_model.tar` or from what `convert` made of it, ready to use.

    Raises Refusal HOSTILE_WEIGHTS where the file holds more than tensors, WEIGHTS_UNREADABLE where it is no DECA model.
    """
    state = load_file(path) if path.suffix == ".safetensors" else _official(path)
    encoder = DecaEncoder()
    missing, unknown = encoder.load_state_dict(state, strict=False)
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unknown:
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name}: {len(missing)} tensors missing, {len(unknown)} unknown")
    return encoder.eval()


def convert(path: Path, target: Path) -> Path:
    """An official `deca_model.tar` as safetensors, the coarse encoder only. Raises as `load_deca`."""
    encoder = load_deca(path)
    save_file({key: value.contiguous() for key, value in encoder.state_dict().items()}, target)
    return target


def _official(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        hint = "use the file from its official home; nothing in it was run"
        raise Refusal("HOSTILE_WEIGHTS", f"{path.name} holds more than tensors", hint) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name}: {error}", "download the file again") from error
    state = found.get("E_flame") if isinstance(found, dict) else None
    if not isinstance(state, dict):
        raise Refusal("WEIGHTS_UNREADABLE", f"{path.name} holds no E_flame: not a DECA model")
    return {str(key): value for key, value in state.items() if isinstance(value, Tensor)}


def window(points: NDArray[np.floating]) -> tuple[float, float, float]:
    """DECA's square around face-mesh points (468, 3): middle x, y and side in the points' pixels.

    Its box goes around 68 landmarks, from the brows to the chin: of the 468 these are the brows and the lower outline.
    """
    lower = [k for k in OVAL if points[k, 1] > points[list(RIGHT_BROW), 1].mean()]
    face = points[[*lower, *RIGHT_BROW, *LEFT_BROW], :2]
    low, high = face.min(0), face.max(0)
    side = float((high - low).mean() * 1.1)
    middle = (low + high) / 2
    return float(middle[0]), float(middle[1]), float(int(side * SCALE))


def crop(picture: NDArray[np.uint8], square: tuple[float, float, float]) -> Tensor:
    """(1, 3, 224, 224) in [0, 1] of a picture (H, W, 3) RGB; square as `window` gives it; black outside."""
    x, y, side = square
    along = np.arange(SIDE) * side / (SIDE - 1) - side / 2
    rows, columns = np.meshgrid(y - 0.5 + along, x - 0.5 + along, indexing="ij")
    channels = [map_coordinates(picture[..., c] / 255.0, [rows, columns], order=1, cval=0.0) for c in range(3)]
    return torch.from_numpy(np.stack(channels)[None].astype(np.float32))


def performance(codes: DecaCodes) -> NDArray[np.float32]:
    """(N, 50 + 3) the expressions and the jaw's angles: codes of the `flame` space, see spaces.SpaceMap."""
    return torch.cat([codes.expression, codes.pose[:, 3:]], 1).numpy()


def decoded(head: HeadModel, codes: DecaCodes) -> Tensor:
    """Vertices (N, V, 3) in centimetres on a FLAME head: the pose turns head and jaw, neck and eyes rest."""
    turns = codes.pose.new_zeros(len(codes.pose), len(head.parents), 3)
    turns[:, 0], turns[:, 2] = codes.pose[:, :3], codes.pose[:, 3:]
    return head.articulated(codes.shape, codes.expression, turns)


def projected(points: Tensor, camera: Tensor) -> Tensor:
    """Points (N, K, 3) in centimetres in the crop, (N, K, 3) in [-1, 1], y down (orthographic, in metres)."""
    moved = points / 100
    plane = camera[:, None, :1] * (moved[..., :2] + camera[:, None, 1:])
    depth = camera[:, None, :1] * moved[..., 2:]
    return torch.cat([plane[..., :1], -plane[..., 1:], -depth], -1)
