"""The sound that a span hears: all that decides its face, so that a changed line re-renders only the spans near it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from emodiff_core.synthetic.motion import LAST_S
from tasks.spans import ROWS_PER_SECOND as ROWS
from tasks.stage import Span

Floats = NDArray[np.float32]
Digests = NDArray[np.uint8]

FEATURES = "features.safetensors"
HEARD = "heard.safetensors"
CONTEXT = 3 * ROWS
"""Rows to either side: with fewer, the emotion model's faces would not meet between spans (they differ by .002 at
most with 3 s, by .02 with 2 s)."""


class Sound:
    """The features that the audio stage left in a folder, read by the rows that are wanted: hours need not be held.

    count: rows of the track, ROWS a second; digest: of the speech model, empty where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FEATURES
        with safe_open(self._path, "np") as file:
            self.count: int = file.get_slice("mel").get_shape()[0]
        self.digest: str = json.loads((folder / "audio.json").read_text()).get("features_sha256", "")

    def rows(self, name: str, part: slice = slice(None)) -> Floats:
        """Rows of a tensor: `mel` (M, 80), `activity` (M,), or `features` (M, its width); none past its end."""
        start, stop, _ = part.indices(self.count)
        with safe_open(self._path, "np") as file:
            # An empty slice at the end is an error to safetensors, and what a span hears that outlasts the speech.
            return np.asarray(file.get_slice(name)[min(start, self.count - 1) : stop])[: max(0, stop - start)]

    def chunks(self, name: str, count: int = 60 * ROWS) -> Iterator[Floats]:
        """The rows of a tensor, `count` at a time."""
        for start in range(0, self.count, count):
            yield self.rows(name, slice(start, start + count))


def rows_around(times: NDArray[np.float64], span: Span, count: int) -> slice:
    """Rows of the features that a span hears, of `count`. times: (N,) seconds of all frames of the track."""
    low = max(0, int(times[span.start] * ROWS) - CONTEXT) // 4 * 4
    high = min(count, int(np.ceil(times[span.end - 1] * ROWS)) + CONTEXT + 1)
    return slice(min(low, count), high)


def digests(features: Mapping[str, NDArray[Any]]) -> Digests:
    """(S, 32) SHA-256 of every second of the features, the last one as long as it is.

    features: tensors of FEATURES, each of ROWS rows a second.
    """
    names = sorted(features)
    count = max(len(features[name]) for name in names)
    found = [_digest(features, names, slice(start, start + ROWS)) for start in range(0, count, ROWS)]
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 32)


def _digest(features: Mapping[str, NDArray[Any]], names: list[str], part: slice) -> bytes:
    digest = hashlib.sha256()
    for name in names:
        rows = np.ascontiguousarray(features[name][part])
        digest.update(f"{name} {rows.dtype.str} {rows.shape}".encode())
        digest.update(rows.tobytes())
    return digest.digest()


def heard(seconds: Digests, count: int, times: NDArray[np.float64], span: Span) -> str:
    """SHA-256 over the seconds that a span hears, and over the length of its track where that is near: there a head
    comes to rest.

    seconds: of `digests`; count: rows of the track.
    """
    near = times[span.end - 1] >= times[-1] - LAST_S
    digest = hashlib.sha256(f"{len(times)} frames".encode() if near else b"")
    rows = rows_around(times, span, count)
    digest.update(f"{rows.start} to {rows.stop}".encode())
    digest.update(seconds[rows.start // ROWS : -(-rows.stop // ROWS)].tobytes())
    return digest.hexdigest()
