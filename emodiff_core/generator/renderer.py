"""The diffusion model behind its lanes: windows of frames in, their pictures out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.generator.conditions import Conditions, from_guides
from emodiff_core.generator.lanes import Lanes
from emodiff_core.generator.lanes import Request as Lane
from emodiff_core.generator.model import Generator
from emodiff_core.generator.sampler import Denoiser, Guidance
from emodiff_core.generator.span import Request
from emodiff_core.generator.windows import WINDOWS, Name

Floats = NDArray[np.float32]
BUILTIN = Path(__file__).parents[1] / "weights" / "generator"


class DiffusionRenderer:
    """A saved generator; see `span.Renderer`. batch, steps and guidance change pixels and belong in fingerprints."""

    def __init__(self, model: Generator, batch: int = 8, steps: int = 1, guidance: Guidance | None = None) -> None:
        self.model: Denoiser = model.eval()
        self.size: int = model.config["size"]
        self.batch, self.steps, self.guidance = batch, steps, guidance
        self.device = next(model.parameters()).device

    def __call__(self, requests: Sequence[Request], seed: int) -> list[Floats]:
        """Answers (S, S, 3) float32 in [0, 1] in the order of requests; noise is of seed and window, so that all
        frames of a span share it."""
        lanes = Lanes(self.model, self.batch, self.steps, self.guidance)
        for name in WINDOWS:
            rows = [(k, request) for k, request in enumerate(requests) if request.name == name]
            for k, request in rows:
                conditions = _conditions([request], name).to(self.device)
                lanes.add(Lane(job="", span=0, window=name, conditions=conditions, first=k, seed=seed))
        answers: dict[int, Floats] = {}
        with torch.inference_mode():
            for done in lanes.drain():
                answers[done.frame] = ((done.picture + 1) / 2).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
        return [answers[k] for k in range(len(requests))]


def _conditions(requests: list[Request], name: Name) -> Conditions:
    return from_guides(
        [r.guide for r in requests],
        np.stack([r.identity for r in requests]),
        np.stack([r.expression for r in requests]),
        name,
        audio=np.stack([r.audio for r in requests]),
    )


def load_renderer(
    weights: Path = BUILTIN, batch: int = 8, steps: int = 1, audio: float = 1.0, emotion: float = 1.0
) -> DiffusionRenderer:
    """The generator saved in a folder, on the GPU where there is one; audio, emotion: guidance weights, 1 is plain."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Generator.from_pretrained(weights).to(device)
    return DiffusionRenderer(model, batch, steps, Guidance(audio, emotion))
