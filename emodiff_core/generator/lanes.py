"""Lanes: frames of many spans and windows share one batch of constant shape, the most urgent first."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from emodiff_core.generator.conditions import Conditions, joined
from emodiff_core.generator.sampler import Denoiser, Guidance, sample, span_noise


@dataclass(frozen=True)
class Request:
    """Frames [first, first + N) of one window of one span. urgency: smaller is rendered earlier; seed: the job's."""

    job: str
    span: int
    window: str
    conditions: Conditions
    first: int = 0
    urgency: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Rendered:
    """One finished frame of a window; picture: (3, H, W) float32 in [-1, 1]."""

    job: str
    span: int
    window: str
    frame: int
    picture: Tensor


@dataclass(order=True)
class _Waiting:
    urgency: float
    order: int
    request: Request = field(compare=False)
    noise: Tensor = field(compare=False)
    done: int = field(default=0, compare=False)


class Lanes:
    """Renders requests in batches of exactly `batch` frames, padded where nothing waits.

    A frame's pixels depend on its conditions, its job, span and window's noise, and on `batch`; not on its company.
    """

    def __init__(self, model: Denoiser, batch: int = 8, steps: int = 1, guidance: Guidance | None = None) -> None:
        self.model, self.batch, self.steps, self.guidance = model, batch, steps, guidance
        self._waiting: list[_Waiting] = []
        self._count = 0

    def __len__(self) -> int:
        """Frames that wait."""
        return sum(len(w.request.conditions) - w.done for w in self._waiting)

    def add(self, request: Request) -> None:
        """Put frames in line; those of equal urgency keep the order in which they came."""
        size = request.conditions.identity.shape[-1]
        noise = span_noise(request.seed, request.job, request.span, request.window, size)
        heapq.heappush(self._waiting, _Waiting(request.urgency, self._count, request, noise))
        self._count += 1

    def step(self) -> list[Rendered]:
        """The next batch; empty where nothing waits."""
        lanes = self._take()
        if not lanes:
            return []
        conditions = joined([w.request.conditions.at(slice(a, b)) for w, a, b in lanes])
        noise = torch.cat([w.noise.expand(b - a, -1, -1, -1) for w, a, b in lanes])
        filled = torch.arange(self.batch).clamp(max=len(noise) - 1)
        device = conditions.identity.device
        pictures = sample(
            self.model, conditions.at(filled.to(device)), noise[filled].to(device), self.steps, self.guidance
        )
        frames = [(w.request, frame) for w, a, b in lanes for frame in range(a, b)]
        return [
            Rendered(r.job, r.span, r.window, r.first + frame, picture)
            for (r, frame), picture in zip(frames, pictures, strict=False)
        ]

    def drain(self) -> Iterator[Rendered]:
        """Every waiting frame."""
        while batch := self.step():
            yield from batch

    def _take(self) -> list[tuple[_Waiting, int, int]]:
        """Up to `batch` frames as (waiting, from, to), the most urgent first."""
        taken: list[tuple[_Waiting, int, int]] = []
        room = self.batch
        while room and self._waiting:
            front = self._waiting[0]
            end = min(front.done + room, len(front.request.conditions))
            taken.append((front, front.done, end))
            room -= end - front.done
            front.done = end
            if end == len(front.request.conditions):
                heapq.heappop(self._waiting)
        return taken
