"""A deliverable held against its source, by reading both files and nothing else: one row for each thing compared."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import read_wav, stream_sound
from emodiff_core.quality.conformance import place
from emodiff_core.quality.edit_map import Edit
from emodiff_core.quality.headers import FAIL, NOTE, OK, Row, compare_headers, dubs
from emodiff_core.quality.hearing import RATE, heard, print_offset
from emodiff_core.quality.pairing import Pairs
from emodiff_core.quality.planes import ALTERED, difference
from emodiff_core.quality.reel import Reel, read_reel
from emodiff_core.quality.timecode import Clock, clock_of
from emodiff_core.refusal import Refusal

Mask = NDArray[np.uint8]
LOSSLESS = ("ffv1", "huffyuv", "ffvhuff", "rawvideo", "utvideo", "v210")
LEAST_DB = 50.0
SOUND_S = 0.01
_REACH = 8  # pixels around a changed one that a lossy codec's loop filter may touch


@dataclass(frozen=True)
class Ordered:
    """What is known of the order besides the source. edits: where pixels were to change, None if that is not known;
    mask: of a frame (H, W) as shown, finer than the edits; speech: sound file of the dub; print_: see `sound_print`;
    language: ISO 639-2/T; least_db: of pixels outside, where the codec loses something."""

    edits: Sequence[Edit] | None = None
    mask: Callable[[int], Mask | None] | None = None
    speech: Path | None = None
    print_: Mapping[str, Any] | None = None
    language: str | None = None
    least_db: float = LEAST_DB


@dataclass
class Verdict:
    """rows: in the order in which they were looked at; figures: frames, decibels, offsets."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return all(row.state != FAIL for row in self.rows)


def verify(delivery: Path, source: Path, ordered: Ordered | None = None) -> Verdict:
    """Everything in which a deliverable must be its source, or may not be.

    Memory does not grow with length. A deliverable that cannot be read is a row that fails; raises Refusal where the
    source cannot be read.
    """
    ordered, verdict = ordered or Ordered(), Verdict()
    own = read_reel(source)
    try:
        made = read_reel(delivery)
    except Refusal as refusal:
        verdict.rows.append(Row("READABLE", FAIL, "", "no", refusal.message))
        return verdict
    verdict.rows += compare_headers(own, made, ordered.language)
    verdict.rows += _frames(delivery, source, own, made, ordered, verdict.figures)
    if found := dubs(own, made):
        verdict.rows += _sound(delivery, found[0].index, made, ordered, verdict.figures)
    return verdict


def _frames(
    delivery: Path, source: Path, own: Reel, made: Reel, ordered: Ordered, figures: dict[str, float]
) -> Iterator[Row]:
    """Counts and times of frames, and their pixels."""
    clock = clock_of(own.rate, own.timecode)
    pairs, tally = Pairs(delivery, source, max(own.tick, made.tick) / 2), _Tally(made.codec in LOSSLESS, ordered)
    comparable = not own.interlaced
    try:
        for index, one, other in pairs:
            if comparable:
                tally.add(index, one.time, difference(one.frame, other.frame, tally.mask(index, own)))
    except Refusal as refusal:
        yield Row("STREAM", FAIL, "", "breaks", refusal.message, float(pairs.reached))
    except ValueError as error:
        yield Row("PIXELS", FAIL, "", "", f"the pictures cannot be laid over each other: {error}")
        return
    figures |= {"frames_in": pairs.counts[0], "frames_out": pairs.counts[1]}
    yield from _counted(pairs, made, clock)
    yield from tally.rows(clock) if comparable else [Row("PIXELS", NOTE, "", "", "interlaced: lines are not compared")]
    figures |= tally.figures()


def _counted(pairs: Pairs, made: Reel, clock: Clock) -> Iterator[Row]:
    ours, theirs = pairs.counts
    message = ""
    if pairs.missing:
        message = f"{len(pairs.missing)} missing, first {_at(*pairs.missing[0], clock)}"
    elif pairs.added:
        message = f"{len(pairs.added)} too many, first at {float(pairs.added[0][1]):.3f} s"
    first = pairs.missing[0] if pairs.missing else None
    state = OK if ours == theirs and not message else FAIL
    yield Row("FRAMES", state, str(ours), str(theirs), message, float(first[1]) if first else None)
    if made.counted and made.counted != theirs:
        yield Row("FRAMES_STATED", FAIL, str(made.counted), str(theirs), "the header counts what cannot be decoded")
    late = pairs.moved
    moved = "" if late is None else f"frame {late[0]} is shown {float(late[2]) * 1000:+.3f} ms from its time"
    yield Row("TIMES", OK if late is None else FAIL, "", "", moved, None if late is None else float(late[1]))
    begins, should = pairs.starts[1], pairs.starts[0]
    note = "" if begins == should else "counted from the first frame"
    good = begins is not None and should is not None and (abs(begins - should) <= pairs.tolerance or begins == 0)
    yield Row("START", (NOTE if note else OK) if good else FAIL, _seconds(should), _seconds(begins), note)


def _sound(delivery: Path, index: int, made: Reel, ordered: Ordered, figures: dict[str, float]) -> Iterator[Row]:
    """How much of the dub there is, and where it lies."""
    samples, offset = 0, None
    try:
        if ordered.speech is not None:
            given = read_wav(ordered.speech) if ordered.speech.suffix == ".wav" else stream_sound(ordered.speech, RATE)
            samples, offset = place(heard(delivery, index), given)
        else:
            samples = sum(len(chunk) for chunk in heard(delivery, index))
            if ordered.print_ is not None:
                offset = print_offset(heard(delivery, index), ordered.print_)
    except Refusal as refusal:
        yield Row("SOUND", FAIL, "", "breaks", refusal.message)
        return
    lasts = Fraction(samples, RATE)
    figures["sound_seconds"] = float(lasts)
    if made.seconds is not None and lasts < made.start + made.seconds - 1 / made.rate:
        yield Row("SOUND_BREAKS_OFF", FAIL, _seconds(made.seconds), _seconds(lasts), "it ends before the picture")
    if offset is None:
        yield Row("SOUND_OFFSET", NOTE, "", "", "not measured: name the dubbed sound, or the record beside the video")
        return
    late = offset - float(made.start)
    figures["sound_offset_ms"] = round(late * 1000, 3)
    side = f"the speech comes {abs(late) * 1000:.1f} ms {'late' if late > 0 else 'early'}"
    yield Row("SOUND_OFFSET", OK if abs(late) <= SOUND_S else FAIL, "0.0 ms", f"{late * 1000:.1f} ms", side, 0.0)


class _Tally:
    """Adds up what differs outside the edits."""

    def __init__(self, lossless: bool, ordered: Ordered) -> None:
        self.lossless, self.ordered = lossless, ordered
        self.squares, self.samples, self.most, self.inside = 0.0, 0, 0.0, 0.0
        self.worst_db, self.worst_at = float("inf"), 0
        self.altered: list[tuple[int, Fraction, tuple[int, int], float]] = []

    def mask(self, index: int, own: Reel) -> Mask | None:
        """Where pixels of a frame may differ (H, W) as shown, None for nowhere."""
        if self.ordered.mask is not None:
            return self.ordered.mask(index)
        boxes = [edit.box for edit in self.ordered.edits or () if edit.start <= index < edit.end]
        if not boxes:
            return None
        (width, height), reach = own.upright, 0 if self.lossless else _REACH
        mask = np.zeros((height, width), np.uint8)
        for x, y, w, h in boxes:
            mask[max(0, y - reach) : y + h + reach, max(0, x - reach) : x + w + reach] = 255
        return mask

    def add(self, index: int, time: Fraction, found: Any) -> None:
        """One frame's difference."""
        self.squares, self.samples = self.squares + found.squares, self.samples + found.samples
        self.most, self.inside = max(self.most, found.most), max(self.inside, found.inside)
        own = _decibels(found.squares, found.samples)
        if own < self.worst_db:
            self.worst_db, self.worst_at = own, index
        if found.most > 0 if self.lossless else found.worst > ALTERED:
            self.altered.append((index, time, found.place, max(found.worst, found.most if self.lossless else 0.0)))

    def figures(self) -> dict[str, float]:
        """For a record; identical pixels have no decibels."""
        db = _decibels(self.squares, self.samples)
        known = {"outside_db": db, "outside_worst_db": self.worst_db}
        found = {name: round(value, 2) for name, value in known.items() if np.isfinite(value)}
        return found | {"outside_identical": float(self.most == 0)}

    def rows(self, clock: Clock) -> Iterator[Row]:
        """What it means."""
        if self.ordered.edits is None and self.ordered.mask is None:
            yield self._unknown(clock)
            return
        db, where = _decibels(self.squares, self.samples), f"worst frame {self.worst_at}: {self.worst_db:.1f} dB"
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
        message = f"first {_at(index, time, clock)}, about {x},{y}, by {by:.0f} of 255"
        return Row("PIXELS_ALTERED", FAIL, "", f"{len(self.altered)} frames", message, float(time))

    def _unknown(self, clock: Clock) -> Row:
        """Without an edit map it can only be said where the film was changed."""
        if not self.altered:
            return Row("PIXELS", NOTE, "", "unchanged", "no edit map given; no frame looks changed")
        (first, at, *_), last = self.altered[0], self.altered[-1][0]
        message = f"no edit map given; changed from {_at(first, at, clock)} to frame {last}"
        return Row("PIXELS", NOTE, "", f"{len(self.altered)} frames changed", message)


def _at(index: int, time: Fraction, clock: Clock) -> str:
    return f"frame {index} ({clock.at(index)}, {float(time):.3f} s)"


def _decibels(squares: float, samples: int) -> float:
    return 10 * log10(255**2 * samples / squares) if squares and samples else float("inf")


def _seconds(value: Fraction | None) -> str:
    return "none" if value is None else f"{float(value):.6f} s"
