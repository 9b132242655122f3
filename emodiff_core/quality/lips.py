"""Lips against speech: how far the mouth opens in each frame, and whether it does so when somebody speaks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import correlate

from emodiff_core.audio import SILENCE, features_at
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.detect import detect
from emodiff_core.faces.mesh import EYE_CORNERS, MARGIN, Window, mesh_of, window_of_face, window_of_points

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Picture = NDArray[np.uint8]

INNER_LIPS = (13, 14)
PRESENT = 0.5
SPOKEN = 0.5
_SMOOTH_S = 0.12
_REACH_S = 0.4
_FEWEST = 12
GOOD = 0.5
"""Correlation that a good dub's lips reach; over 4 s and more they had .46 to .86."""
_MISJUDGED = 1.645  # standard deviations that one good dub in twenty lies below


def mouth_opening(points: Floats) -> float:
    """Gap of the inner lips over the distance of the eyes' outer corners, of face-mesh points (468, 3)."""
    gap = np.linalg.norm(points[INNER_LIPS[0], :2] - points[INNER_LIPS[1], :2])
    return float(gap / max(float(np.linalg.norm(points[EYE_CORNERS[0], :2] - points[EYE_CORNERS[1], :2])), 1e-6))


class LipReader:
    """Reads the mouth of one face; call it with one picture after the other.

    place: (x, y, w, h) of the picture in which the face is looked for when it is not where it was before.
    """

    def __init__(self, models: FaceModels, place: tuple[int, int, int, int]) -> None:
        self._models, self._place = models, place
        self._window: Window | None = None

    def __call__(self, picture: Picture, box: Floats | None = None) -> float | None:
        """The mouth's opening, None where no face is found. box: (x, y, w, h) of the face that is meant, where that is
        known; empty where it is not in the picture."""
        if box is not None:
            return self._known(picture, box)
        points = self._look(picture, self._window) if self._window else None
        points = points if points is not None else self._search(picture)
        self._window = None if points is None else window_of_points(points)
        return None if points is None else mouth_opening(points)

    def _known(self, picture: Picture, box: Floats) -> float | None:
        x, y, w, h = (float(side) for side in box)
        if min(w, h) <= 0:
            self._window = None
            return None
        old = self._window
        near = old is not None and abs(old.x - x - w / 2) < w / 4 and abs(old.y - y - h / 2) < h / 4
        first = old if near else Window(x + w / 2, y + h / 2, MARGIN * max(w, h), 0.0)
        points = self._look(picture, first) if first is not None else None
        if points is not None and not near:
            points = self._look(picture, window_of_points(points))
        self._window = None if points is None else window_of_points(points)
        return None if points is None else mouth_opening(points)

    def _look(self, picture: Picture, window: Window) -> Floats | None:
        mesh = mesh_of(self._models.mesh, picture, window, mirrored=False)
        return mesh.points if mesh.presence >= PRESENT else None

    def _search(self, picture: Picture) -> Floats | None:
        x, y, w, h = self._place
        part = np.ascontiguousarray(picture[y : y + h, x : x + w])
        for face in detect(self._models.detector, part)[:3]:
            window = window_of_face(face)
            here = Window(window.x + x, window.y + y, window.side, window.angle)
            if (first := self._look(picture, here)) is not None:
                # Once more through the window it will be followed in, so that the first frame is like the others.
                return self._look(picture, window_of_points(first))
        return None


@dataclass(frozen=True)
class LipFigures:
    """correlation: of the mouth's opening with the speech's energy, -1 to 1; lag: seconds by which the lips come late
    where that correlation is largest within 0.4 s, best: its value there; moving, resting: standard deviation of the
    opening while somebody speaks and while nobody does, in distances of the eyes' corners; None where there was too
    little of it to say; samples: how many independent frames the correlation is worth."""

    correlation: float | None
    lag: float | None
    best: float | None
    moving: float | None
    resting: float | None
    samples: float = 0.0


def least_correlation(floor: float, samples: float) -> float:
    """The correlation under which lips of so many independent samples are unrelated to their speech: floor, and less
    for a short line, of which a good dub's would fall under floor more often than once in twenty (Fisher's z)."""
    if samples <= 4:
        return -1.0
    return float(min(floor, np.tanh(np.arctanh(GOOD) - _MISJUDGED / np.sqrt(samples - 3))))


def speech_at(times: Doubles, activity: Floats) -> Floats:
    """(N,) speech activity at the times of frames; activity: (M,) on the features' rows."""
    return features_at(activity[:, None], times, 0, outside=0)[:, 0, 0]


def voiced(mel: Floats) -> Floats:
    """(M,) energy of log-mel rows (M, 80) in the bands under 3 kHz, where vowels lie; 0 for silence."""
    return np.asarray(mel[:, 2:50].mean(1) - SILENCE, np.float32)


def lip_figures(times: Doubles, opening: Floats, activity: Floats, energy: Floats) -> LipFigures:
    """Figures of one clip. times: (N,) s; opening: (N,), NaN where there is no face; activity: (M,); energy: (M,), see
    `voiced`.

    The energy is held against the opening on the picture's clock, both smoothed over 120 ms.
    Over frames without a face the opening is interpolated.
    """
    known = np.isfinite(opening)
    if known.sum() < _FEWEST:
        return LipFigures(None, None, None, None, None)
    filled = np.interp(times, times[known], opening[known])
    step = float(np.median(np.diff(times)))
    size = max(1, round(_SMOOTH_S / step))
    calm = uniform_filter1d(filled, size, mode="nearest")
    spoken = speech_at(times, activity) > SPOKEN
    loud = energy * np.clip(activity, 0, 1)
    lags = np.arange(-round(_REACH_S / step), round(_REACH_S / step) + 1)
    curve = np.array([_correlation(calm, _energy(times - lag * step, loud, size)) for lag in lags])
    middle = len(lags) // 2
    lag, best = _peak(curve)
    heard = bool(np.isfinite(curve[middle])) and int(spoken.sum()) >= _FEWEST
    return LipFigures(
        float(curve[middle]) if heard else None,
        float((lag - middle) * step) if heard else None,
        best if heard else None,
        _spread(filled, spoken),
        _spread(filled, ~_near(spoken, size)),
        independent(calm, _energy(times, loud, size)),
    )


def _energy(times: Doubles, loud: Floats, size: int) -> Doubles:
    """(N,) smoothed energy of the speech at times, 0 where nobody speaks."""
    at = features_at(loud[:, None].astype(np.float32), times, 0, outside=0)[:, 0, 0]
    return np.asarray(uniform_filter1d(at.astype(np.float64), size, mode="nearest"))


def _correlation(one: Doubles, other: Doubles) -> float:
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread > 1e-9 else float("nan")


def independent(one: Doubles, other: Doubles) -> float:
    """How many independent samples the correlation of two series (N,) is worth, by how long each is like itself
    (Bartlett, Some Aspects of the Time-Correlation Problem, 1935)."""
    count = len(one)
    both = np.ones(count)
    for series in (one, other):
        away = series - series.mean()
        both *= correlate(away, away, method="fft")[count - 1 :] / max(float(away @ away), 1e-9)
    ends = int(np.argmax(both <= 0)) or count
    return float(min(count, count / (1 + 2 * both[1:ends].sum())))


def _peak(curve: Doubles) -> tuple[float, float]:
    """Place of the largest value, between samples by a parabola, and that value."""
    if not np.isfinite(curve).all():
        return float(len(curve) // 2), float("nan")
    k = int(curve.argmax())
    if k in (0, len(curve) - 1):
        return float(k), float(curve[k])
    left, top, right = curve[k - 1 : k + 2]
    bend = left - 2 * top + right
    return k + (0.5 * (left - right) / bend if bend else 0.0), float(top)


def _near(spoken: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Frames in speech or so near to it that lips are still closing."""
    return np.asarray(uniform_filter1d(spoken.astype(np.float64), 4 * size + 1, mode="nearest") > 1e-6)


def _spread(values: Doubles, rows: NDArray[np.bool_]) -> float | None:
    return float(values[rows].std()) if rows.sum() >= _FEWEST else None
