"""Frames of two films that are shown at the same time, counted from the first frame of each."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from emodiff_core.quality.reel import Stored, stored


class Pairs:
    """Iterate to get (index in the source, its frame, the deliverable's frame); afterwards what did not pair.

    tolerance: seconds by which two containers' clocks may round differently. missing: (index, time) of source frames
    without a partner; added: of delivered ones; moved: (index, time, by) of the first frame shown at another time;
    counts, starts: of source and deliverable; reached: seconds. One frame of each is held at a time.
    """

    def __init__(self, delivery: Path, source: Path, tolerance: Fraction) -> None:
        self._delivery, self._source, self.tolerance = delivery, source, tolerance
        self.missing: list[tuple[int, Fraction]] = []
        self.added: list[tuple[int, Fraction]] = []
        self.moved: tuple[int, Fraction, Fraction] | None = None
        self.counts, self.reached = (0, 0), Fraction(0)
        self.starts: tuple[Fraction | None, Fraction | None] = (None, None)

    def __iter__(self) -> Iterator[tuple[int, Stored, Stored]]:
        ours, theirs = stored(self._source), stored(self._delivery)
        one, other = self._next(ours, 0), self._next(theirs, 1)
        while one is not None and other is not None:
            self.reached = one.time
            late = self._time(other, 1) - self._time(one, 0)
            if abs(late) <= self._near(one):
                if abs(late) > self.tolerance and self.moved is None:
                    self.moved = (one.index, one.time, late)
                yield one.index, one, other
                one, other = self._next(ours, 0), self._next(theirs, 1)
            elif late > 0:
                self.missing.append((one.index, one.time))
                one = self._next(ours, 0)
            else:
                self.added.append((other.index, other.time))
                other = self._next(theirs, 1)
        while one is not None:
            self.missing.append((one.index, one.time))
            one = self._next(ours, 0)
        while other is not None:
            self.added.append((other.index, other.time))
            other = self._next(theirs, 1)

    def _next(self, frames: Iterator[Stored], side: int) -> Stored | None:
        frame = next(frames, None)
        if frame is not None:
            self.counts = (self.counts[0] + (side == 0), self.counts[1] + (side == 1))
            if self.starts[side] is None:
                self.starts = (frame.time, self.starts[1]) if side == 0 else (self.starts[0], frame.time)
                self._step, self._last = Fraction(0), frame.time
        return frame

    def _time(self, frame: Stored, side: int) -> Fraction:
        return frame.time - (self.starts[side] or 0)

    def _near(self, one: Stored) -> Fraction:
        """Half the shortest distance of frames so far: closer ones are the same frame at another time."""
        step = one.time - self._last
        if step > 0 and (self._step == 0 or step < self._step):
            self._step = step
        self._last = one.time
        return max(self.tolerance, self._step / 2 if self._step else Fraction(1, 120))
