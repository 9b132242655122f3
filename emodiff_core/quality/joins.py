"""Joins to look at: source and dub side by side where new pixels begin, stand and end, and how far they differ."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.media import Limits
from emodiff_core.media.decode import Coded, coded, rgb
from emodiff_core.quality.edit_map import Box, Edit
from emodiff_core.quality.planes import apart
from emodiff_core.quality.timecode import Clock

Picture = NDArray[np.uint8]

ZOOM, GAIN = 2, 8
MOST = 12
_ROOM = 0.25  # of the rectangle, around it
_LINE, _GAP = 22, 6
_YELLOW, _GREY = (255, 210, 0), (40, 40, 40)


def frames_at(edits: Sequence[Edit], most: int = MOST) -> list[tuple[int, Edit]]:
    """Frames to look at, each with its edit: the frame before an edit, its first, middle and last, the frame after.

    A frame that is beside one edit and in another is the other's. Where there are more than `most`, that many of them
    evenly over the film.
    """
    beside = {frame: edit for edit in edits for frame in (edit.end, edit.start - 1) if frame >= 0}
    found = beside | {frame: edit for edit in edits for frame in edit.marks}
    frames = sorted(found)
    picked = frames if len(frames) <= most else [frames[k] for k in np.linspace(0, len(frames) - 1, most).astype(int)]
    return [(frame, found[frame]) for frame in picked]


def join_sheet(source: Path, delivery: Path, edits: Sequence[Edit], clock: Clock, most: int = MOST) -> Picture | None:
    """A picture (H, W, 3) with a row for each frame of `frames_at`: source, dub, and GAIN times the difference of their
    stored samples, all at ZOOM times their size around the rectangle that was changed; what may differ is outlined on
    the difference. Where an encoder lost something everywhere, only what differs by more is shown. None without edits.

    Raises Refusal where a film cannot be read.
    """
    wanted = dict(frames_at(edits, most))
    films = [coded(path, Limits(min_side=1, deinterlace=True)) for path in (source, delivery)]
    rows = []
    for own, made in zip(*films, strict=False):
        if own.index in wanted:
            edit = wanted[own.index]
            rows.append(_row(own, made, edit, f"frame {own.index}  {clock.at(own.index)}  {edit.why}"))
        if len(rows) == len(wanted):
            break
    return _stacked(rows) if rows else None


def _row(own: Coded, made: Coded, edit: Edit, said: str) -> Picture:
    differ = apart(own.frame, made.frame)
    lost = _lost(differ, edit.box)
    shown = cv2.convertScaleAbs(np.maximum(differ, lost) - lost, alpha=GAIN)
    pictures = rgb(own.frame), rgb(made.frame), cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB)
    x0, y0, x1, y1 = _around(edit.box, pictures[0].shape)
    large = [_zoomed(np.asarray(picture[y0:y1, x0:x1], np.uint8)) for picture in pictures]
    large[2][_border(_zoomed(_changed(edit, own.index, differ.shape)[y0:y1, x0:x1]))] = _YELLOW
    row = np.hstack(list(_spaced(large)))
    line = np.full((_LINE, row.shape[1], 3), _GREY, np.uint8)
    told = f"{said}: source, dub, {GAIN} x difference" + (f" above the encoder's {lost}" if lost else "")
    cv2.putText(line, told, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (230, 230, 230), 1, cv2.LINE_AA)
    return np.vstack([line, row])


def _lost(differ: Picture, box: Box) -> int:
    """Codes by which all but a thousandth of the pixels outside a rectangle differ at most: what an encoder did."""
    x, y, w, h = box
    outside = np.ones(differ.shape, bool)
    outside[max(0, y) : y + h, max(0, x) : x + w] = False
    return int(np.quantile(differ[outside], 0.999, method="higher")) if outside.any() else 0


def _changed(edit: Edit, frame: int, shape: tuple[int, ...]) -> Picture:
    """(H, W) 255 where pixels of a frame may have been changed: its outline where that is known, else the rectangle."""
    where = np.zeros(shape, np.uint8)
    x, y, w, h = edit.box
    if frame in edit.outlines:
        cv2.fillPoly(where, [np.array(polygon, np.int32) for polygon in edit.outlines[frame]], 255)
    elif edit.start <= frame < edit.end:
        where[max(0, y) : y + h, max(0, x) : x + w] = 255
    return where


def _zoomed(picture: Picture) -> Picture:
    return np.repeat(np.repeat(picture, ZOOM, 0), ZOOM, 1)


def _border(where: Picture) -> NDArray[np.bool_]:
    """The pixels right around what is not 0."""
    return np.asarray(cv2.dilate(where, np.ones((3, 3), np.uint8)) > where)


def _spaced(pictures: Sequence[Picture]) -> Iterator[Picture]:
    for k, picture in enumerate(pictures):
        if k:
            yield np.full((picture.shape[0], _GAP, 3), _GREY, np.uint8)
        yield picture


def _around(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the rectangle with room around it, inside the picture."""
    x, y, w, h = box
    room = round(_ROOM * max(w, h))
    return max(0, x - room), max(0, y - room), min(shape[1], x + w + room), min(shape[0], y + h + room)


def _stacked(rows: Sequence[Picture]) -> Picture:
    wide = max(row.shape[1] for row in rows)
    return np.vstack([cv2.copyMakeBorder(row, 0, 0, 0, wide - row.shape[1], cv2.BORDER_CONSTANT) for row in rows])
