"""Timecode of SMPTE ST 12-1: frames counted as an editor reads them, drop-frame at 29.97 and 59.94 a second."""

import re
from dataclasses import dataclass
from fractions import Fraction

_WRITTEN = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)")
_DAY = 24 * 3600


@dataclass(frozen=True)
class Clock:
    """How frames are counted. base: frames that a second counts, 30 at 29.97; drop: whether numbers are left out, the
    first base / 15 of each minute but every tenth; start: the number of the first frame."""

    base: int
    drop: bool
    start: int = 0

    def at(self, frame: int) -> str:
        """The timecode of a frame, 0 is the first; past midnight it begins again."""
        number = (self.start + frame) % self._frames(_DAY // 60)
        if self.drop:
            number += self._left_out(number)
        seconds, rest = divmod(number, self.base)
        mark = ";" if self.drop else ":"
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:02}"

    def number(self, written: str) -> int:
        """How many frames after 00:00:00:00 a timecode is. Raises ValueError for one that does not exist."""
        found = _WRITTEN.fullmatch(written)
        if not found:
            raise ValueError(f"{written!r} is no timecode")
        hours, minutes, seconds, frames = (int(found[k]) for k in (1, 2, 3, 5))
        first = seconds == 0 and minutes % 10 and frames < self._skip
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= self.base or first:
            raise ValueError(f"{written} does not exist at {self.base} frames a second")
        return self._frames(60 * hours + minutes) + seconds * self.base + frames

    @property
    def _skip(self) -> int:
        return self.base // 15 if self.drop else 0

    def _frames(self, minutes: int) -> int:
        """Frames before a whole minute."""
        return minutes * 60 * self.base - self._skip * (minutes - minutes // 10)

    def _left_out(self, frame: int) -> int:
        """Numbers left out before a frame."""
        tens, rest = divmod(frame, self._frames(10))
        return self._skip * (9 * tens + max(0, (rest - self._skip) // self._frames(1)))


def clock_of(rate: Fraction, written: str | None = None) -> Clock:
    """The clock of a film. rate: frames a second; written: timecode of its first frame, as its file states it.

    A semicolon or a point before the frames says drop-frame; where nothing is written, 29.97 and 59.94 count so from
    zero. Raises ValueError for a timecode that does not exist at this rate.
    """
    base = max(1, -((-rate.numerator) // rate.denominator))
    droppable = rate.denominator == 1001 and base % 30 == 0
    if not written:
        return Clock(base, droppable)
    plain = Clock(base, droppable and written[-3:-2] in (";", ".", ","))
    return Clock(base, plain.drop, plain.number(written))
