"""Where a film is cut: hard cuts, fades through black or white, dissolves, told from motion, flashes and other light.

Each frame is looked at very small. Two frames are compared by structure, each block where it fits best within reach,
so that a pan or a walk is no change and brightness counts for nothing, and by their colours. A frame begins a shot
where it differs from the one before by far more than frames around it do, and the picture does not come back right
after. After a dissolve the first frame that is no mixture begins one, see `dissolve`; where things move so much that
it is not found, the faces on its two sides are still told apart by their looks.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.dissolve import AFTER, LENGTHS, DissolveFinder

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
T = TypeVar("T")

WIDTH, HEIGHT = 64, 36
BLOCK, REACH = 12, 6
_BINS = 6
AROUND = AFTER
"""Frames to either side of one that are looked at before it is decided; a flash is over by then."""
STEP = 0.28  # two pictures that share nothing differ by .4 to .8, neighbours in a shot by less than .12
RATIO = 3.0  # over the median of the steps around it: what hand-held cameras and fast gestures stay below
LONE = 0.1  # enough where nothing else moves so: a cut to the same person, only closer
SAME = 0.26
FAINT = 6.0
"""Standard deviation of a picture (of 255) below which it shows nothing where it is also black or white."""


@dataclass(frozen=True)
class Glance:
    """A frame seen very small: grey (H, W) float32 0 to 255, colours: (BINS ** 3,) shares; empty: nothing but
    black or white, the bottom of a fade or the top of a flash; clear: far from that."""

    grey: Floats
    colours: Floats
    empty: bool
    clear: bool


def glance(picture: Picture) -> Glance:
    """What cuts are found by, of a picture (H, W, 3) uint8 RGB."""
    small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    edges = [0, 256, 100, 156, 100, 156]
    lab[..., 1:] = np.clip(lab[..., 1:], 100, 155)
    counts = cv2.calcHist([lab], [0, 1, 2], None, [_BINS, _BINS, _BINS], edges)
    smooth = cv2.GaussianBlur(counts.reshape(_BINS, -1), (0, 0), 0.6).ravel()
    spread, level = float(grey.std()), float(grey.mean())
    empty = spread < FAINT and not 20 < level < 235
    return Glance(grey, (smooth / smooth.sum()).astype(np.float32), empty, not empty and spread > FAINT)


def difference(one: Glance, other: Glance) -> float:
    """0 the same picture, whatever moved a little or grew brighter; about .7 for two that share nothing."""
    return 0.7 * _structure(one.grey, other.grey) + 0.3 * _colours(one.colours, other.colours)


def _colours(one: Floats, other: Floats) -> float:
    return float(1 - np.minimum(one, other).sum())


def _structure(one: Floats, other: Floats) -> float:
    """1 less the correlation of each block with the best fitting place near it, weighed by what there is to see."""
    around = cv2.copyMakeBorder(one, REACH, REACH, REACH, REACH, cv2.BORDER_REPLICATE)
    lost, weight = 0.0, 1e-6
    for y in range(0, HEIGHT - BLOCK + 1, BLOCK):
        for x in range(0, WIDTH - BLOCK + 1, BLOCK):
            block = other[y : y + BLOCK, x : x + BLOCK]
            place = around[y : y + BLOCK + 2 * REACH, x : x + BLOCK + 2 * REACH]
            fit = float(cv2.matchTemplate(place, block, cv2.TM_CCOEFF_NORMED).max())
            seen = float(min(block.std(), 30.0)) + 0.02
            lost += seen * (1 - max(0.0, min(1.0, fit)))
            weight += seen
    return lost / weight


class CutFinder:
    """Finds the cuts of one film, in constant memory: feed it frame after frame, AROUND ahead of its answers.

    dissolves: [first, end) of the frames that are mixtures of two shots, those that were found so far.
    """

    def __init__(self) -> None:
        self.dissolves: list[tuple[int, int]] = []
        self._mixtures, self._past = DissolveFinder(), deque[Glance](maxlen=LENGTHS[-1] + AROUND + 1)
        self._decided, self._plain = 0, 0
        self._seen: deque[Glance] = deque(maxlen=2 * AROUND + 1)
        self._steps: deque[float] = deque(maxlen=2 * AROUND + 1)
        self._clear: deque[Glance] = deque(maxlen=4)
        self._empty = False
        self._quiet = 0

    def __call__(self, now: Glance | None) -> bool | None:
        """Whether the frame AROUND before this one begins a shot; None while it has not come yet. now: None after the
        film's last frame, AROUND times."""
        last = self._seen[-1] if self._seen else None
        self._steps.append(difference(last, now) if last is not None and now is not None else 0.0)
        self._seen.append(now if now is not None else self._seen[-1])
        self._past.append(self._seen[-1])
        self._mixtures.add(self._seen[-1].grey)
        if len(self._seen) <= AROUND:
            return None
        at = len(self._seen) - 1 - AROUND
        found = self._begins(at) or self._dissolved(at)
        self._decided += 1
        self._plain = 0 if self._seen[at].empty else 1 if found else self._plain + 1
        self._quiet = 0 if found else self._quiet + 1
        return found

    def _begins(self, k: int) -> bool:
        """Whether frame k of those in sight begins a shot."""
        here = self._seen[k]
        if here.empty:
            self._empty = self._empty or bool(self._clear)
            return False
        if self._empty and not here.clear:
            return False
        found = self._changed(k, list(self._clear)) if self._empty else self._hard(k)
        self._empty = False
        if found:
            self._clear.clear()
        self._clear.append(here)
        return found

    def _hard(self, k: int) -> bool:
        if k == 0 or self._quiet < 2:
            return False
        steps = np.array(self._steps)
        others, step = np.delete(steps, k), steps[k]
        lone = step > LONE and step > 4 * others.max(initial=0.0)
        if not lone and step < max(STEP, RATIO * float(np.median(others))):
            return False
        before = [self._seen[j] for j in range(max(0, k - AROUND, k - 1 - self._quiet), k)]
        return self._changed(k, before, min(SAME, 0.7 * step))

    def _dissolved(self, k: int) -> bool:
        """Whether frame k of those in sight is the first after a dissolve."""
        length = None if self._quiet < 2 else self._mixtures.ended(self._plain)
        if length is None or any(one.empty for one in list(self._seen)[k:]):
            return False
        if difference(self._past[-1 - AROUND - length], self._seen[k]) <= STEP:
            return False
        self.dissolves.append((self._decided - length + 1, self._decided))
        self._clear.clear()
        return True

    def _changed(self, k: int, before: Sequence[Glance], same: float = SAME) -> bool:
        """Whether nothing from frame k on is like what was before: a flash, or one frame of black, is no cut."""
        after = [one for one in list(self._seen)[k:] if not one.empty]
        return all(difference(one, other) > same for one in before[::-2] for other in after[::2])


def numbered(frames: Iterable[tuple[T, Picture]], finder: CutFinder | None = None) -> Iterator[tuple[T, Picture, int]]:
    """Frames with whatever belongs to them, and the number of their shot, from 0; AROUND of them are held back.

    finder: a new one, of whom the dissolves are asked afterwards; mixtures belong to the shot before.
    """
    finder, waiting, shot = finder or CutFinder(), deque[tuple[T, Picture]](), 0
    for item in frames:
        waiting.append(item)
        begins = finder(glance(item[1]))
        if begins is not None:
            shot += int(begins)
            yield (*waiting.popleft(), shot)
    for _ in range(AROUND):
        begins = finder(None)
        if begins is not None:
            shot += int(begins)
            yield (*waiting.popleft(), shot)


def runs(shots: NDArray[np.integer], flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, end) of every stretch of frames of one shot that have the flag; shots, flags: (N,)."""
    label = np.where(flags, np.asarray(shots, np.int64) + 1, 0)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(label)) + 1, [len(label)]])
    return [(int(a), int(b)) for a, b in pairwise(edges) if b > a and label[a]]
