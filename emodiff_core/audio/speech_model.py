"""Learned speech features (wav2vec 2.0, Baevski et al. 2020; HuBERT, Hsu et al. 2021) on the rows of log-mel."""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from emodiff_core.audio.mel import RATE, ROWS

Floats = NDArray[np.float32]

_CHUNK, _MARGIN = 20 * RATE, 1 * RATE


class SpeechModel:
    """A saved wav2vec 2.0 or HuBERT. name: a local folder or a name on the hub. Raises OSError where there is none."""

    def __init__(self, name: str | Path, device: str = "cpu") -> None:
        self._model = AutoModel.from_pretrained(name).eval().to(device)
        self._device = device
        config = self._model.config
        if not hasattr(config, "conv_stride"):
            raise OSError(f"{name} is a {config.model_type}, not a wav2vec 2.0 or HuBERT model")
        self.stride = int(np.prod(config.conv_stride))
        self.field = _field(config.conv_kernel, config.conv_stride)
        self.dims = int(config.hidden_size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its weights, by name: the same model wherever it lies."""
        digest = hashlib.sha256()
        for name, value in sorted(self._model.state_dict().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(value.cpu().float().numpy()).tobytes())
        return digest.hexdigest()

    def rows(self, samples: Floats) -> Floats:
        """(M, dims) for samples (n,) at 16 kHz; row k at k/100 s, M = ceil(n / 160), as `log_mel` has them.

        The model's own frames are centred on its receptive field, half of it after they begin; rows between two frames
        are interpolated. Long sounds are heard in pieces of 20 s with a second of company on both sides.
        """
        wanted = np.arange(-(-len(samples) * ROWS // RATE)) / ROWS
        if not len(wanted):
            return np.zeros((0, self.dims), np.float32)
        frames = self._frames(self._normal(samples))
        centres = (np.arange(len(frames)) * self.stride + (self.field - 1) / 2) / RATE
        return _interpolated(wanted, centres, frames)

    def _normal(self, samples: Floats) -> Floats:
        """Zero mean and unit variance, as these models were trained; padded so that one frame is there at least."""
        normal = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        return np.pad(normal, (0, max(0, self.field - len(samples)))).astype(np.float32)

    def _frames(self, samples: Floats) -> Floats:
        """(F, dims); pieces begin on whole strides, so that their frames lie on one grid."""
        step, margin = _CHUNK // self.stride * self.stride, _MARGIN // self.stride * self.stride
        pieces = []
        for start in range(0, max(1, len(samples) - self.field + 1), step):
            first = max(0, start - margin)
            heard = self._hear(samples[first : start + step + margin + self.field])
            skip = (start - first) // self.stride
            pieces.append(heard[skip : skip + step // self.stride])
        return np.concatenate(pieces)

    @torch.inference_mode()
    def _hear(self, samples: Floats) -> Floats:
        hidden = self._model(torch.from_numpy(samples)[None].to(self._device)).last_hidden_state
        return np.asarray(hidden[0].float().cpu().numpy(), np.float32)


def _field(kernels: list[int], strides: list[int]) -> int:
    """Samples that one frame sees: 400 for the published models."""
    field, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field, step = field + (kernel - 1) * step, step * stride
    return field


def _interpolated(wanted: NDArray[np.float64], centres: NDArray[np.float64], frames: Floats) -> Floats:
    place = np.interp(wanted, centres, np.arange(len(frames)))
    low = np.floor(place).astype(np.intp)
    part = (place - low)[:, None].astype(np.float32)
    return np.asarray(frames[low] * (1 - part) + frames[np.minimum(low + 1, len(frames) - 1)] * part, np.float32)
