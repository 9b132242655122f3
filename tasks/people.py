"""The people of a film: who speaks, which of them a job means, and where its face is out of reach."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import RATE, ROWS, stream_sound
from emodiff_core.audio.activity import speech_activity
from emodiff_core.faces.talk import mouth_motion, mouth_moves, off_screen, talking
from emodiff_core.media.files import opened
from emodiff_core.refusal import Refusal
from tasks.survey import Survey, prominence

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

NO_FACE, OFF_SCREEN, DISSOLVE = "NO_FACE", "SPEECH_OFF_SCREEN", "DISSOLVE"
SPOKEN = 0.5
TALKS = 0.015
"""Seconds of clear mouth motion in speech, of a face as wide as the picture, from which somebody is said to talk."""
_CLEAR = 0.036
_CHUNK = 300 * RATE


def heard(source: Path, times: Doubles) -> Flags:
    """(N,) whether the film's own sound speaks at its frames; nowhere where it has no sound that can be read."""
    try:
        late, activity = _own_speech(source)
    except Refusal:
        return np.zeros(len(times), bool)
    rows = np.round((times - late) * ROWS).astype(int)
    inside = (rows >= 0) & (rows < len(activity))
    out = np.zeros(len(times), bool)
    out[inside] = activity[rows[inside]] > SPOKEN
    return out


def _own_speech(source: Path) -> tuple[float, Floats]:
    """Seconds by which the film's first sound starts after its picture, and its speech activity, 100 rows a second."""
    with opened(source) as file:
        if not file.streams.audio:
            return 0.0, np.zeros(0, np.float32)
        starts = [
            float((s.start_time or 0) * (s.time_base or 0)) for s in (file.streams.video[0], file.streams.audio[0])
        ]
    parts, waiting = list[Floats](), list[Floats]()
    for chunk in stream_sound(source, RATE, 1):
        waiting.append(chunk[:, 0])
        if sum(map(len, waiting)) >= _CHUNK:
            whole = np.concatenate(waiting)
            parts.append(speech_activity(whole[:_CHUNK]))
            waiting = [whole[_CHUNK:]]
    if waiting:
        parts.append(speech_activity(np.concatenate(waiting)))
    return starts[1] - starts[0], np.concatenate(parts) if parts else np.zeros(0, np.float32)


@dataclass(frozen=True)
class Person:
    """What is said of one person of a film. talks: see faces.talk.talking, seconds of it for a face as wide as the
    picture; area: sum of prominence; at: (x, y) of the face's middle in `frame`, where it is largest; width: its
    width there in pixels; seconds: when that is, from the first frame on."""

    number: int
    frames: int
    first: int
    last: int
    talks: float
    area: float
    frame: int
    at: tuple[int, int]
    width: int = 0
    seconds: float = 0.0


def people_of(film: Survey, speech: Flags) -> list[Person]:
    """The people of a film in the order of their numbers. speech: (N,) of `heard`."""
    return [_person(film, number, speech) for number in sorted(set(film.people))]


def _person(film: Survey, number: int, speech: Flags) -> Person:
    stretches = film.of(number)
    area = [prominence(one, film.size) for one in stretches]
    best = int(np.argmax([a.max() for a in area]))
    row = int(np.argmax(area[best]))
    x, y, w, h = stretches[best].boxes[row]
    width = np.zeros(len(film.times))
    for one in stretches:
        width[one.first : one.end] = one.boxes[:, 2] / film.size[1]
    seen, opening, _ = sight(film, number)
    motion = mouth_motion(film.times, film.shots, seen, opening)
    step = float(np.median(np.diff(film.times))) if len(film.times) > 1 else 0.04
    return Person(
        number,
        int(seen.sum()),
        stretches[0].first,
        max(one.end for one in stretches) - 1,
        talking(motion, speech, width) * step / _CLEAR,
        float(sum(a.sum() for a in area)),
        stretches[best].first + row,
        (round(float(x + w / 2)), round(float(y + h / 2))),
        round(float(w)),
        float(film.times[stretches[best].first + row]),
    )


def sight(film: Survey, number: int) -> tuple[Flags, Floats, list[str | None]]:
    """For every frame whether a person is seen, the opening of the mouth, and why it is not rendered or None."""
    seen, opening = np.zeros(len(film.times), bool), np.zeros(len(film.times), np.float32)
    reasons: list[str | None] = [NO_FACE] * len(film.times)
    for one in film.of(number):
        seen[one.first : one.end], opening[one.first : one.end] = True, one.opening
        reasons[one.first : one.end] = one.reasons
    return seen, opening, reasons


def chosen(film: Survey, people: list[Person], face: str) -> Person:
    """The person that a job's `face` names: auto, largest, x,y, x,y@seconds or track:N.

    x,y: the face there in the first frame that has one there, from a time on where one is named. Raises Refusal
    NO_FACE_AT_POINT, NO_SUCH_TRACK.
    """
    if face.startswith("track:"):
        number = int(face.removeprefix("track:"))
        if number >= len(people):
            raise Refusal(
                "NO_SUCH_TRACK", f"There is no {face}: {told(people, film)}", "name one of these, or use auto"
            )
        return people[number]
    if face == "largest":
        return max(people, key=lambda one: one.area)
    if face != "auto":
        return _at(film, people, face)
    return speaker(people)


def speaker(people: list[Person]) -> Person:
    """Whom `auto` takes: whose mouth moves most while the film's sound speaks, weighed by size; the most prominent
    where nobody's does."""
    talker = max(people, key=lambda one: one.talks)
    return talker if talker.talks >= TALKS else max(people, key=lambda one: one.area)


def _at(film: Survey, people: list[Person], face: str) -> Person:
    place, _, seconds = face.partition("@")
    x, y = (float(part) for part in place.split(","))
    earliest = int(np.searchsorted(film.times, float(seconds or 0) - 1e-3))
    hits = []
    for one, number in zip(film.seen, film.people, strict=True):
        middle = one.boxes[:, :2] + one.boxes[:, 2:] / 2
        away = np.abs(middle - (x, y)) / np.maximum(one.boxes[:, 2:], 1)
        inside = np.flatnonzero((away.max(1) <= 0.5) & (one.first + np.arange(len(away)) >= earliest))
        if len(inside):
            hits.append((one.first + int(inside[0]), float(away[inside[0]].max()), number))
    if not hits:
        message = f"There is never a face at {face}: {told(people, film)}"
        raise Refusal("NO_FACE_AT_POINT", message, "name a point between the eyes of the face, track:N, or auto")
    return people[min(hits)[2]]


def told(people: list[Person], film: Survey) -> str:
    """The people of a film for its operator, with the names that the sheet's column `face` takes."""
    shown = [
        f"track:{one.number} at {one.at[0]},{one.at[1]} ({film.times[one.frame]:.1f} s), {one.frames} frames"
        + (", talks" if one.talks >= TALKS else "")
        for one in people[:8]
    ]
    more = f" and {len(people) - 8} more" if len(people) > 8 else ""
    return f"{len(people)} face{'s' if len(people) > 1 else ''}: {'; '.join(shown)}{more}"


def reasons_of(film: Survey, number: int, speech: Flags) -> tuple[str | None, ...]:
    """Why each frame of a person is not rendered, None where it can be."""
    seen, opening, reasons = sight(film, number)
    moves = mouth_moves(film.times, film.shots, seen, opening)
    away = off_screen(film.times, film.shots, seen, moves, speech)
    late = np.select([film.mixed, away], [DISSOLVE, OFF_SCREEN], "")
    return tuple(reason or str(more) or None for reason, more in zip(reasons, late, strict=True))
