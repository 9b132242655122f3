"""Pairs from real films: one frame of a shot is the picture, the others are what it becomes, with the sound they have.

There is no truth but the frames themselves: codes are fitted to what the face mesh sees, as at run time.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.audio import RATE, log_mel, read_sound
from emodiff_core.faces.detect import Face
from emodiff_core.faces.mesh import window_of_face, window_of_points
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.media import Limits, decode
from emodiff_core.media.files import opened
from emodiff_core.refusal import Refusal
from emodiff_core.shots import numbered
from emodiff_core.training.pairs import TARGETS, Eyes, Pairs, windows_of
from emodiff_core.training.scenes import SIZE
from emodiff_core.training.shards import write

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v", ".webm")
FEWEST, WIDEST = 9, 1280
"""Frames that a shot must show a face in; pixels that the longer side of a frame is kept at."""
_NARROW = 48.0
_ROOM = 2.4  # of the square around all faces of a shot, in lengths of the largest
_VALIDATION = 10  # one film in so many is kept for validation


@dataclass
class _Shot:
    """Frames spread evenly over a shot, however long it is: every `stride`-th of it."""

    frames: list[tuple[float, Bytes]]
    stride: int = 1
    seen: int = 0

    def add(self, time: float, picture: Bytes) -> None:
        """Take a frame; where there are too many, let go of every second one."""
        if self.seen % self.stride == 0:
            self.frames.append((time, _small(picture)))
        self.seen += 1
        if len(self.frames) > 2 * (TARGETS + 1):
            self.frames, self.stride = self.frames[::2], 2 * self.stride


def build(folder: Path, films: Path, head: HeadModel, eyes: Eyes, say: Callable[[str], None] = print) -> int:
    """Shards of every shot of the films in a folder in which one face is seen well; how many were added.

    Each is written as soon as it is made, and a film that was gone through is not looked at again. Its digest says
    whether all of it is for training or for validation. Raises Refusal NO_FILMS; a film that cannot be read is said,
    and what came before the damage stays.
    """
    found = sorted(path for path in films.rglob("*") if path.suffix.lower() in SUFFIXES) if films.is_dir() else []
    if not found:
        hint = f"name a folder with films ({', '.join(SUFFIXES)})"
        raise Refusal("NO_FILMS", f"there is no film in {films}", hint)
    count = 0
    for film in found:
        with film.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        part = folder / ("validation" if int(digest[:8], 16) % _VALIDATION == 0 else "train")
        done = part / f".f{digest[:12]}.done"
        if done.exists():
            continue
        made = 0
        try:
            for shot, one in pairs_of(film, head, eyes):
                name = f"f{digest[:12]}-{shot:04d}"
                if one is not None and not (part / name).exists():
                    write(part, name, one)
                    made += 1
        except Refusal as refusal:
            say(f"{film.name}: {refusal.code}: {refusal.message}; {refusal.hint}; {made} shots before it")
        else:
            part.mkdir(parents=True, exist_ok=True)
            done.touch()
            say(f"{film.name}: {made} shots for {part.name}")
        count += made
    return count


def pairs_of(film: Path, head: HeadModel, eyes: Eyes) -> Iterator[tuple[int, Pairs | None]]:
    """Number and pairs of every shot of a film, None where no face is seen well in enough of its frames."""
    mel, late = _sound(film)
    for number, frames in _shots(film):
        yield number, _pairs(frames, mel, late, head, eyes)


def _shots(film: Path) -> Iterator[tuple[int, list[tuple[float, Bytes]]]]:
    """(number, [(seconds, picture)]) of every shot."""
    current, shot = 0, _Shot([])
    begin: float | None = None
    for frame, picture, number in numbered((frame, frame.picture) for frame in decode(film, Limits())):
        if number != current:
            yield current, shot.frames
            current, shot = number, _Shot([])
        begin = float(frame.time) if begin is None else begin
        shot.add(float(frame.time) - begin, picture)
    yield current, shot.frames


def _sound(film: Path) -> tuple[Floats, float]:
    """(M, 80) log-mel of a film's first sound, empty where it has none, and seconds by which it starts late."""
    with opened(film) as file:
        streams = [*file.streams.video[:1], *file.streams.audio[:1]]
        starts = [float((stream.start_time or 0) * (stream.time_base or 0)) for stream in streams]
    if len(starts) < 2:
        return np.zeros((0, 80), np.float32), 0.0
    return log_mel(read_sound(film, RATE, 1)[:, 0]), starts[1] - starts[0]


def _pairs(frames: list[tuple[float, Bytes]], mel: Floats, late: float, head: HeadModel, eyes: Eyes) -> Pairs | None:
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, TARGETS + 1).astype(int))] if frames else []
    seen = list(_faces(chosen, eyes))
    if len(seen) < FEWEST:
        return None
    points = np.stack([one for _, _, one in seen])
    matrix = _square(points)
    scale = float(matrix[0, 0])
    moved = points.copy()
    moved[..., :2] = points[..., :2] * scale + matrix[:, 2]
    moved[..., 2] *= scale
    pictures = [_cut(picture, matrix) for _, picture, _ in seen]
    codes = fit_clip(moved, head)
    tokens = audio_tokens(mel, np.array([time - late for time, _, _ in seen[1:]]))
    truth = np.stack(pictures[1:])
    here, there = codes.frames(slice(0, 1)), codes.frames(slice(1, None))
    return windows_of(pictures[0], truth, here, there, head, tokens, footage=True)


def _faces(frames: list[tuple[float, Bytes]], eyes: Eyes) -> Iterator[tuple[float, Bytes, Floats]]:
    """Frames with the points of the largest face of the first, followed to the nearest one in each."""
    before: Face | None = None
    for time, picture in frames:
        faces = [face for face in eyes.find(picture) if face.box[2] >= _NARROW]
        if before is not None:
            faces = [face for face in faces if _away(face, before) < face.box[2]]
        if not faces:
            continue
        last = before
        before = max(faces, key=lambda face: face.box[2]) if last is None else min(faces, key=lambda f: _away(f, last))
        yield time, picture, eyes.mesh(picture, window_of_points(eyes.mesh(picture, window_of_face(before))))


def _away(one: Face, other: Face) -> float:
    (x, y, w, h), (u, v, s, t) = one.box, other.box
    return float(np.hypot(x + w / 2 - u - s / 2, y + h / 2 - v - t / 2))


def _square(points: Floats) -> NDArray[np.float64]:
    """(2, 3) matrix from a picture to the square of SIZE pixels that holds all faces (N, 468, 3) of a shot."""
    low, high = points[..., :2].min((0, 1)), points[..., :2].max((0, 1))
    face = float((points[..., :2].max(1) - points[..., :2].min(1)).max())
    side = max(float((high - low).max()) * 1.2, _ROOM * face)
    scale = SIZE / side
    corner = (low + high) / 2 - side / 2
    return np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])


def _cut(picture: Bytes, matrix: NDArray[np.float64]) -> Bytes:
    """The square (SIZE, SIZE, 3) that a matrix leads to, each of its pixels the mean of those that it covers."""
    times = max(1, round(1 / matrix[0, 0]))
    finer = matrix * times
    finer[:, 2] += finer[0, 0] / 2 - 0.5  # pixels' centres lie at a half, and at whole numbers for OpenCV
    large = cv2.warpAffine(picture, finer, (SIZE * times, SIZE * times), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(large, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def _small(picture: Bytes) -> Bytes:
    scale = WIDEST / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
