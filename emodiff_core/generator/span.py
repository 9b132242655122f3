"""A span of frames: pictures and codes in, finished crops out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT, Codes
from emodiff_core.faces.paste import Matcher
from emodiff_core.faces.warp import Guide, Warp, Warper, guide, head_points, window_view
from emodiff_core.flame import HeadModel
from emodiff_core.generator.bank import MouthBank
from emodiff_core.generator.detail import View, changed, transfer
from emodiff_core.generator.windows import WINDOWS, Name, rest_points, window_matrix

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

LIDS = {
    f"eye_{side.lower()}": np.array(
        [n.startswith(("eyeBlink", "eyeSquint", "eyeWide")) and n.endswith(side) for n in ARKIT]
    )
    for side in "LR"
}
"""Codes (53,) that move the lids of each eye's window."""


BESIDE = 0.1
"""Footage: what lies around the face is drawn along by it over so many widths of the face; more of it stays as it is
than in a portrait, whose head moves as a whole."""


@dataclass(frozen=True)
class Request:
    """One window of one frame for the diffusion model.

    identity: (S, S, 3) float32 in [0, 1], the source picture through its own window; expression: (53,) target codes;
    audio: (T, D) tokens about the frame's time; frame: index in the whole track, for the noise and the order.
    """

    name: Name
    guide: Guide
    identity: Floats
    expression: Floats
    audio: Floats
    frame: int


class Renderer(Protocol):
    """The diffusion model behind its sampler: answers (S, S, 3) float32 in [0, 1], one for each request."""

    size: int

    def __call__(self, requests: Sequence[Request], seed: int) -> list[Floats]: ...


@dataclass(frozen=True)
class Finished:
    """One frame: image (H, W, 3) uint8; mask (H, W) uint8, 0 where the source's pixels stand untouched."""

    image: Picture
    mask: Picture


def render_span(
    pictures: Sequence[Picture],
    source: Codes,
    target: Codes,
    audio: Floats,
    head: HeadModel,
    renderer: Renderer,
    seed: int,
    first: int = 0,
    rendered: NDArray[np.bool_] | None = None,
    chunk: int = 16,
    bank: MouthBank | None = None,
) -> Iterator[Finished]:
    """The frames of target, in order.

    pictures and source: one frame (a portrait) or as many as target has (footage), codes in the pictures' pixels;
    audio: (N, T, D); seed: of job and span, the same noise for all its frames; first: index of the first frame in
    the track; rendered: (N,) False where the source's pixels pass through; chunk: frames rendered together;
    bank: views of the same mouth, for frames that have no interior of their own to show.
    """
    still = len(pictures) == 1
    warper = Warper(pictures[0], source, head) if still else None
    wanted = np.ones(len(target), bool) if rendered is None else rendered
    offered = _offered(bank, target, head)
    matcher = None if still else Matcher(seed, pictures)
    for start in range(0, len(target), chunk):
        rows = range(start, min(start + chunk, len(target)))
        plans: dict[int, _Plan] = {}
        for row in rows:
            if wanted[row]:
                own = source.frames(slice(row, row + 1))
                here = warper or Warper(pictures[row], own, head, BESIDE, cv2.INTER_CUBIC)
                goal = target.frames(slice(row, row + 1))
                plans[row] = _plan(here, goal, audio[row], first + row, renderer.size, bank, offered[row])
        answers = iter(renderer([request for plan in plans.values() for request in plan.requests], seed))
        for row in rows:
            picture = pictures[0 if still else row]
            if row in plans:
                yield _finish(picture, plans[row], [next(answers) for _ in plans[row].requests], matcher)
            else:
                yield Finished(picture, np.zeros(picture.shape[:2], np.uint8))


@dataclass(frozen=True)
class _Plan:
    """A frame that waits for its windows: their requests, matrices and weights; offered: of a bank, what is between the
    lips (H, W, 3) and how much of it is taken (H, W)."""

    warp: Warp
    offered: tuple[Floats, Floats] | None
    requests: list[Request]
    matrices: list[Floats]
    weights: list[float]


def _matrices(head: HeadModel, codes: Codes, size: int) -> list[Floats]:
    points = rest_points(head, codes)[0]
    return [window_matrix(points, name, size) for name in WINDOWS]


def _offered(bank: MouthBank | None, target: Codes, head: HeadModel) -> Floats:
    """(N, V) how much each frame takes of each view of a bank."""
    if bank is None or not bank.views:
        return np.zeros((len(target), 0), np.float32)
    points = [head_points(head, head.posed(target.frames(slice(k, k + 1)))[0]) for k in range(len(target))]
    return bank.plan(np.stack(points), target.expression)


def _plan(
    warper: Warper, goal: Codes, audio: Floats, frame: int, size: int, bank: MouthBank | None, shares: Floats
) -> _Plan:
    warp = warper(goal)
    offered = None
    if bank is not None and shares.any():
        offered = bank.interior(warp, head_points(warper.head, warper.head.posed(goal)[0]), shares)
    plan = _Plan(warp, offered, [], [], [])
    own, there = _matrices(warper.head, warper.source, size), _matrices(warper.head, goal, size)
    for name, at, to in zip(WINDOWS, own, there, strict=True):
        weight = need(name, warper.source.expression[0], goal.expression[0])
        if weight > 0:
            seen, told = window_view(warper.unit, at, size), guide(plan.warp, to, size)
            plan.requests.append(Request(name, told, seen, goal.expression[0], audio, frame))
            plan.matrices.append(to)
            plan.weights.append(weight)
    return plan


def need(name: Name, source: Floats, goal: Floats) -> float:
    """How much a window has to be repaired, 0 to 1 without a step: eyes whose lids stay as they were are not."""
    if name not in LIDS:
        return 1.0
    moved = float(np.abs(goal - source)[LIDS[name]].max())
    return float(np.clip((moved - 0.06) / 0.12, 0, 1))


def _finish(picture: Picture, plan: _Plan, answers: list[Floats], matcher: Matcher | None = None) -> Finished:
    """The frame, its new pixels matched to its own colour and grain where a matcher of the clip is given."""
    if matcher is not None:
        answers = [matcher.levelled(r.name, a, r.guide) for r, a in zip(plan.requests, answers, strict=True)]
    views = [
        View(request.name, matrix, request.guide, answer, weight)
        for request, matrix, answer, weight in zip(plan.requests, plan.matrices, answers, plan.weights, strict=True)
    ]
    image, touched = transfer(plan.warp, views)
    share = changed(plan.warp, touched)
    if plan.offered is not None:
        shown, taken = plan.offered
        image, share = image + taken[..., None] * (shown - image), np.maximum(share, taken)
    if matcher is not None:
        image = matcher.grained(image, picture, plan.warp, share, plan.requests[0].frame)
    mask = np.round(share * 255).astype(np.uint8)
    mixed = picture + share[..., None] * (image * 255 - picture)
    return Finished(np.where(mask[..., None] > 0, np.round(mixed), picture).astype(np.uint8), mask)
