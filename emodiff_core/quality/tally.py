"""Pixels of a deliverable outside its edits: how far they are from the source's, and where somebody painted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.quality.edit_map import Edit
from emodiff_core.quality.headers import FAIL, NOTE, OK, Row
from emodiff_core.quality.planes import ALTERED, Difference
from emodiff_core.quality.reel import Reel
from emodiff_core.quality.timecode import Clock

Mask = NDArray[np.uint8]
LEAST_DB = 50.0
MOST_LATE = 0.01
_REACH = 8  # pixels around a changed one that a lossy codec's loop filter may touch


@dataclass(frozen=True)
class Ordered:
    """What is known of the order besides the source. edits: where pixels were to change, None if that is not known;
    mask: of a frame (H, W) as shown, finer than the edits; speech: sound file of the dub; print_: see `sound_print`;
    language: ISO 639-2/T; least_db: of pixels outside, where the codec loses something;
    most_late: seconds by which the dub may come early or late."""

    edits: Sequence[Edit] | None = None
    mask: Callable[[int], Mask | None] | None = None
    speech: Path | None = None
    print_: Mapping[str, Any] | None = None
    language: str | None = None
    least_db: float = LEAST_DB
    most_late: float = MOST_LATE


class Tally:
    """Adds up what differs outside the edits, frame after frame."""

    def __init__(self, lossless: bool, ordered: Ordered) -> None:
        self.lossless, self.ordered = lossless, ordered
        self.squares, self.samples, self.most, self.inside = 0.0, 0, 0.0, 0.0
        self.worst_db, self.worst_at = float("inf"), 0
        self.altered: list[tuple[int, Fraction, tuple[int, int], float]] = []

    def mask(self, index: int, own: Reel) -> Mask | None:
        """Where pixels of a frame may differ (H, W) as shown, None for nowhere."""
        mask = self._exact(index, own)
        if mask is None or self.lossless:
            return mask
        return np.asarray(cv2.dilate(mask, np.ones((2 * _REACH + 1,) * 2, np.uint8)), np.uint8)

    def _exact(self, index: int, own: Reel) -> Mask | None:
        if self.ordered.mask is not None:
            return self.ordered.mask(index)
        boxes = [edit.box for edit in self.ordered.edits or () if edit.start <= index < edit.end]
        if not boxes:
            return None
        mask = np.zeros(own.upright[::-1], np.uint8)
        for x, y, w, h in boxes:
            mask[max(0, y) : y + h, max(0, x) : x + w] = 255
        return mask

    def add(self, index: int, time: Fraction, found: Difference) -> None:
        """One frame's difference."""
        self.squares, self.samples = self.squares + found.squares, self.samples + found.samples
        self.most, self.inside = max(self.most, found.most), max(self.inside, found.inside)
        own = decibels(found.squares, found.samples)
        if own < self.worst_db:
            self.worst_db, self.worst_at = own, index
        if found.most > 0 if self.lossless else found.worst > ALTERED:
            self.altered.append((index, time, found.place, max(found.worst, found.most if self.lossless else 0.0)))

    def figures(self) -> dict[str, float]:
        """For a record; identical pixels have no decibels."""
        db = decibels(self.squares, self.samples)
        known = {"outside_db": db, "outside_worst_db": self.worst_db}
        found = {name: round(value, 2) for name, value in known.items() if np.isfinite(value)}
        return found | {"outside_identical": float(self.most == 0)}

    def rows(self, clock: Clock) -> Iterator[Row]:
        """What it means."""
        if self.ordered.edits is None and self.ordered.mask is None:
            yield self._unknown(clock)
            return
        db, where = decibels(self.squares, self.samples), f"worst frame {self.worst_at}: {self.worst_db:.1f} dB"
        if self.most == 0:
            yield Row("PIXELS_OUTSIDE", OK, "", "identical")
        else:
            good = not self.lossless and db >= self.ordered.least_db
            limit = "identical" if self.lossless else f"{self.ordered.least_db:g} dB"
            yield Row("PIXELS_OUTSIDE", OK if good else FAIL, limit, f"{db:.1f} dB", where)
        yield self._altered(clock)
        if self.ordered.edits and self.inside == 0:
            yield Row("EDITS", FAIL, f"{len(self.ordered.edits)} edits", "none", "no pixel was changed anywhere")

    def _altered(self, clock: Clock) -> Row:
        if not self.altered:
            return Row("PIXELS_ALTERED", OK, "", "none")
        index, time, (x, y), by = self.altered[0]
        message = f"first {at(index, time, clock)}, about {x},{y}, by {by:.0f} of 255"
        return Row("PIXELS_ALTERED", FAIL, "", f"{len(self.altered)} frames", message, float(time))

    def _unknown(self, clock: Clock) -> Row:
        """Without an edit map it can only be said where the film was changed."""
        if not self.altered:
            return Row("PIXELS", NOTE, "", "unchanged", "no edit map given; no frame looks changed")
        (first, time, *_), last = self.altered[0], self.altered[-1][0]
        message = f"no edit map given; changed from {at(first, time, clock)} to frame {last}"
        return Row("PIXELS", NOTE, "", f"{len(self.altered)} frames changed", message)


def at(index: int, time: Fraction, clock: Clock) -> str:
    """A frame as an operator looks for it."""
    return f"frame {index} ({clock.at(index)}, {float(time):.3f} s)"


def decibels(squares: float, samples: int) -> float:
    """Peak signal-to-noise ratio of a sum of squares in codes of 255."""
    return 10 * log10(255**2 * samples / squares) if squares and samples else float("inf")
