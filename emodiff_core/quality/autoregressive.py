"""The paper's own form at work (Stypulkowski et al. 2024, on which EMOdiffhead builds): no guide, each frame told of
the identity picture and of the two frames that were made before it."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emodiff_core.faces.warp import window_view
from emodiff_core.flame import HeadModel
from emodiff_core.generator.detail import laid
from emodiff_core.generator.model import Generator
from emodiff_core.generator.sampler import sample, span_noise
from emodiff_core.generator.windows import rest_points, window_matrix
from emodiff_core.quality.held_out import Clip
from emodiff_core.training.history import unguided as told

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@torch.inference_mode()
def unguided(model: Generator, clip: Clip, head: HeadModel, steps: int) -> Bytes:
    """(N, H, W, 3) uint8 of a clip by a model with motion frames; the face's window is laid into the still picture.

    The window goes with the head, as in training, so that the model is spared its motion. Frames are made one after
    the other; before the first two stands the identity.
    """
    size = model.config["size"]
    picture = clip.picture.astype(np.float32) / np.float32(255)
    target = clip.target(head)
    own = window_matrix(rest_points(head, clip.source)[0], "face", size)
    identity = _tensor(window_view(picture, own, size))
    noise = span_noise(1, "", 0, "face", size)[None]
    last = [identity, identity]
    frames = []
    for k, rest in enumerate(rest_points(head, target)):
        expression = torch.from_numpy(target.expression[k : k + 1]).float()
        audio = torch.from_numpy(clip.plan.tokens[k : k + 1]).float()
        answer = sample(model, told(identity, torch.cat(last, 1), expression, audio), noise, steps)
        last = [answer, last[0]]
        seen = ((answer[0] + 1) / 2).permute(1, 2, 0).numpy()
        frames.append(laid(picture, window_matrix(rest, "face", size), seen))
    return np.round(np.stack(frames) * 255).astype(np.uint8)


def _tensor(view: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1)))[None] * 2 - 1
