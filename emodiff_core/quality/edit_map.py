"""The edit map: which frames of a deliverable are not the source's, and where; as JSON and as a CMX 3600 list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from emodiff_core.quality.timecode import Clock, clock_of

VERSION = 1
_MOST = 999  # events have three digits
_WIDE = 60

Box = tuple[int, int, int, int]
Outline = tuple[tuple[tuple[int, int], ...], ...]
"""Polygons (x, y) along the outermost pixels that may have been changed in one frame."""


@dataclass(frozen=True)
class Edit:
    """Frames [start, end) in which pixels of one rectangle (x, y, w, h) were changed; why: speech, rest, ...

    outlines: of its first, middle and last frame, by their numbers, where they are known.
    """

    start: int
    end: int
    box: Box
    why: str = "speech"
    outlines: Mapping[int, Outline] = field(default_factory=dict, hash=False)

    @property
    def marks(self) -> tuple[int, int, int]:
        """Its first, middle and last frame."""
        return self.start, (self.start + self.end) // 2, self.end - 1


def edits_of(frames: Iterable[tuple[int, Box | None, str]]) -> list[Edit]:
    """Edits of frames in order, each (number, rectangle that was changed or None, why).

    Neighbours are one edit for as long as the reason stays.
    """
    found: list[Edit] = []
    for number, box, why in frames:
        if box is None:
            continue
        last = found[-1] if found else None
        if last is not None and last.end == number and last.why == why:
            found[-1] = Edit(last.start, number + 1, union(last.box, box), why)
        else:
            found.append(Edit(number, number + 1, box, why))
    return found


def union(one: Box, other: Box) -> Box:
    """The smallest rectangle that holds both."""
    x, y = min(one[0], other[0]), min(one[1], other[1])
    right, bottom = max(one[0] + one[2], other[0] + other[2]), max(one[1] + one[3], other[1] + other[3])
    return x, y, right - x, bottom - y


def as_json(edits: Sequence[Edit], clock: Clock, times: Sequence[Fraction], rate: Fraction) -> dict[str, Any]:
    """The edit map as a document. times: seconds of every frame of the deliverable; out is the frame after the last."""
    ends = [*times[1:], (times[-1] if times else Fraction(0)) + 1 / rate]
    events = [
        {
            "event": k,
            "first_frame": edit.start,
            "last_frame": edit.end - 1,
            "in": clock.at(edit.start),
            "out": clock.at(edit.end),
            "start_seconds": round(float(times[edit.start]), 6),
            "end_seconds": round(float(ends[edit.end - 1]), 6),
            "rectangle": list(edit.box),
            "why": edit.why,
            "outlines": {str(frame): outline for frame, outline in edit.outlines.items()},
        }
        for k, edit in enumerate(edits, 1)
    ]
    about = {"version": VERSION, "rate": str(rate), "drop_frame": clock.drop, "start": clock.at(0)}
    return about | {"frames": len(times), "changed_frames": sum(e.end - e.start for e in edits), "events": events}


def from_json(document: Mapping[str, Any]) -> list[Edit]:
    """The edits of a document that `as_json` made. Raises ValueError for anything else."""
    try:
        if document["version"] != VERSION:
            raise ValueError(f"an edit map of version {document['version']}")
        return [_edit(event) for event in document["events"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no edit map: {error!r}") from error


def _edit(event: Mapping[str, Any]) -> Edit:
    x, y, w, h = (int(value) for value in event["rectangle"])
    outlines = {
        int(frame): tuple(tuple((int(x), int(y)) for x, y in polygon) for polygon in outline)
        for frame, outline in event.get("outlines", {}).items()
    }
    return Edit(int(event["first_frame"]), int(event["last_frame"]) + 1, (x, y, w, h), str(event["why"]), outlines)


def as_edl(edits: Sequence[Edit], clock: Clock, title: str, clip: str) -> str:
    """The edits as a CMX 3600 list, for an editor who conforms them: each is a cut to the dubbed picture.

    title: of the programme; clip: name of the deliverable's file. At most 999 events fit; the list says what it left.
    """
    lines = [f"TITLE: {_plain(title)}", f"FCM: {'' if clock.drop else 'NON-'}DROP FRAME", ""]
    for k, edit in enumerate(edits[:_MOST], 1):
        start, end = clock.at(edit.start), clock.at(edit.end)
        lines += [
            f"{k:03}  AX       V     C        {start} {end} {start} {end}",
            f"* FROM CLIP NAME: {_plain(clip)}",
            f"* COMMENT: {_plain(edit.why)} {edit.box[2]}X{edit.box[3]} AT {edit.box[0]},{edit.box[1]}",
        ]
    if len(edits) > _MOST:
        lines.append(f"* COMMENT: {len(edits) - _MOST} MORE EDITS DO NOT FIT INTO THIS FORMAT")
    return "\n".join(lines) + "\n"


def edl_of(document: Mapping[str, Any], title: str, clip: str) -> str:
    """The list of a document that `as_json` made. Raises ValueError for anything else."""
    edits = from_json(document)
    return as_edl(edits, clock_of(Fraction(document["rate"]), document["start"]), title, clip)


def _plain(text: str) -> str:
    """Upper-case ASCII of at most 60 letters, all that old readers take."""
    kept = "".join(c if 32 <= ord(c) < 127 else "?" for c in text)
    return kept.upper()[:_WIDE]
