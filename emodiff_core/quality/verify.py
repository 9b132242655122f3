"""A deliverable held against its source, by reading both files and nothing else: one row for each thing compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from emodiff_core.audio import read_wav, stream_sound
from emodiff_core.quality.conformance import place
from emodiff_core.quality.headers import FAIL, NOTE, OK, Row, compare_headers, dubs
from emodiff_core.quality.hearing import RATE, Floats, heard, print_offset
from emodiff_core.quality.pairing import Pairs
from emodiff_core.quality.planes import difference
from emodiff_core.quality.reel import Reel, read_reel
from emodiff_core.quality.tally import Ordered, Tally, at
from emodiff_core.quality.timecode import Clock, clock_of
from emodiff_core.refusal import Refusal

LOSSLESS = ("ffv1", "huffyuv", "ffvhuff", "rawvideo", "utvideo", "v210")


@dataclass
class Verdict:
    """rows: in the order in which they were looked at; figures: frames, decibels, offsets; timecode: of the source's
    first frame, None where it states none."""

    rows: list[Row] = field(default_factory=list)
    timecode: str | None = None
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
    verdict.timecode = own.timecode
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
    pairs, tally = Pairs(delivery, source, max(own.tick, made.tick) / 2), Tally(made.codec in LOSSLESS, ordered)
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
        message = f"{len(pairs.missing)} missing, first {at(*pairs.missing[0], clock)}"
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
            samples, offset = place(_since(made.start, heard(delivery, index)), given)
        else:
            samples = sum(len(chunk) for chunk in _since(made.start, heard(delivery, index)))
            if ordered.print_ is not None:
                offset = print_offset(_since(made.start, heard(delivery, index)), ordered.print_)
    except Refusal as refusal:
        yield Row("SOUND", FAIL, "", "breaks", refusal.message)
        return
    lasts = Fraction(samples, RATE)
    figures["sound_seconds"] = float(lasts)
    if made.seconds is not None and lasts < made.seconds - 1 / made.rate:
        yield Row("SOUND_BREAKS_OFF", FAIL, _seconds(made.seconds), _seconds(lasts), "it ends before the picture")
    if offset is None:
        yield Row("SOUND_OFFSET", NOTE, "", "", "not measured: name the dubbed sound, or the record beside the video")
        return
    late = offset
    figures["sound_offset_ms"] = round(late * 1000, 3)
    side = f"the speech comes {abs(late) * 1000:.1f} ms {'late' if late > 0 else 'early'}"
    yield Row(
        "SOUND_OFFSET", OK if abs(late) <= ordered.most_late else FAIL, "0.0 ms", f"{late * 1000:.1f} ms", side, 0.0
    )


def _since(start: Fraction, chunks: Iterator[Floats]) -> Iterator[Floats]:
    """The sound from the picture's first frame on, with which the speech begins."""
    before = round(start * RATE)
    for chunk in chunks:
        yield chunk[max(0, before) :]
        before -= min(max(0, before), len(chunk))


def _seconds(value: Fraction | None) -> str:
    return "none" if value is None else f"{float(value):.6f} s"
