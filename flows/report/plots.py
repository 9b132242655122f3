"""Plots of the report as SVG text: no script, no picture file, colours from the page's style."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 120, 8, 18
LANE, GAP, NAME = 16, 5, 110
MOST_BARS = 4000


@dataclass(frozen=True)
class Bar:
    """A stretch of time in a lane, seconds since the plot's start."""

    lane: str
    kind: str
    start: float
    end: float
    label: str


def lips(time: Floats, opening: Floats, activity: Floats, marks: Sequence[tuple[float, str]] = ()) -> str:
    """Mouth opening as a line over speech activity as an area; marks are findings, at seconds."""
    if len(time) < 2:
        return ""
    x = LEFT + (time - time[0]) / max(float(time[-1] - time[0]), 1e-6) * (WIDTH - 2 * LEFT)
    top = float(np.nanmax(opening)) if np.isfinite(opening).any() else 1.0
    body = [
        f'<path class="speech" d="{_area(x, np.clip(activity, 0, 1))}"/>',
        f'<path class="mouth" d="{_line(x, opening / max(top, 1e-6))}"/>',
        *_axis(float(time[-1] - time[0])),
        *_marks(marks, float(time[0]), float(time[-1])),
    ]
    title = "Mouth opening (line) against speech activity (area) over time"
    return _svg(WIDTH, HEIGHT + BOTTOM, title, body)


def timeline(bars: Sequence[Bar], title: str) -> str:
    """Bars in lanes over time, lanes in order of appearance."""
    shown = list(bars)[:MOST_BARS]
    if not shown:
        return ""
    lanes = list(dict.fromkeys(bar.lane for bar in shown))
    end = max(bar.end for bar in shown) or 1e-3
    scale = (WIDTH - NAME - LEFT) / end
    body = [_lane_name(name, row) for row, name in enumerate(lanes)]
    body += [_bar(bar, lanes.index(bar.lane), scale) for bar in shown]
    depth = len(lanes) * (LANE + GAP)
    body += [
        f'<text class="tick" x="{NAME + s * scale:.1f}" y="{depth + 13}">{_seconds(s)}</text>' for s in _ticks(end)
    ]
    return _svg(WIDTH, depth + BOTTOM, title, body)


def _svg(width: int, height: int, title: str, body: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width} {height}" role="img" preserveAspectRatio="xMidYMid meet">'
    return f"{head}<title>{escape(title)}</title>{''.join(body)}</svg>"


def _y(value: Floats) -> Floats:
    return HEIGHT - 4 - np.nan_to_num(value) * (HEIGHT - 10)


def _area(x: Floats, value: Floats) -> str:
    points = " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, _y(value), strict=True))
    return f"M{x[0]:.1f} {HEIGHT - 4} L{points} L{x[-1]:.1f} {HEIGHT - 4} Z"


def _line(x: Floats, value: Floats) -> str:
    """A path that is interrupted where there is no value."""
    parts, drawing = [], False
    for a, b, known in zip(x, _y(value), np.isfinite(value), strict=True):
        if known:
            parts.append(f"{'L' if drawing else 'M'}{a:.1f} {b:.1f}")
        drawing = bool(known)
    return " ".join(parts)


def _axis(seconds: float) -> Iterator[str]:
    scale = (WIDTH - 2 * LEFT) / max(seconds, 1e-6)
    yield f'<line class="base" x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{HEIGHT - 4}" y2="{HEIGHT - 4}"/>'
    for second in _ticks(seconds):
        yield f'<text class="tick" x="{LEFT + second * scale:.1f}" y="{HEIGHT + 11}">{_seconds(second)}</text>'


def _marks(marks: Sequence[tuple[float, str]], first: float, last: float) -> Iterator[str]:
    scale = (WIDTH - 2 * LEFT) / max(last - first, 1e-6)
    for time, text in marks:
        x = LEFT + (min(max(time, first), last) - first) * scale
        line = f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{HEIGHT - 4}"/>'
        yield f"<g><title>{escape(text)}</title>{line}</g>"


def _lane_name(name: str, row: int) -> str:
    return f'<text class="lane" x="0" y="{row * (LANE + GAP) + 12}">{escape(name[:18])}</text>'


def _bar(bar: Bar, row: int, scale: float) -> str:
    x, width = NAME + bar.start * scale, max(1.0, (bar.end - bar.start) * scale)
    place = f'x="{x:.1f}" y="{row * (LANE + GAP)}" width="{width:.1f}" height="{LANE}" rx="2"'
    return f'<g><title>{escape(bar.label)}</title><rect class="bar {escape(bar.kind)}" {place}/></g>'


def _ticks(seconds: float) -> list[float]:
    """Round times, five or so."""
    rough = max(seconds, 1e-3) / 5
    unit = 10 ** np.floor(np.log10(rough))
    step = float(unit * min((m for m in (1, 2, 5, 10) if m * unit >= rough), default=10))
    return [float(value) for value in np.arange(0, seconds * 0.98, step)]


def _seconds(value: float) -> str:
    return f"{value:g} s" if value < 120 else f"{value / 60:g} min"


KINDS: Mapping[str, str] = {
    "crop": "Crop",
    "expression": "Expression",
    "audio": "Audio",
    "generate": "Generate",
    "mux": "Mux",
    "check": "Check",
}
