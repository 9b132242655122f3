"""The sound that a span hears: all that decides its face, so that a changed line re-renders only the spans near it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emodiff_core.synthetic.motion import LAST_S
from tasks.spans import ROWS_PER_SECOND as ROWS
from tasks.stage import Span

CONTEXT = 3 * ROWS
"""Rows to either side: with fewer, the emotion model's faces would not meet between spans (they differ by .002 at
most with 3 s, by .02 with 2 s)."""


def rows_around(times: NDArray[np.float64], span: Span, count: int) -> slice:
    """Rows of the features that a span hears, of `count`. times: (N,) seconds of all frames of the track."""
    low = max(0, int(times[span.start] * ROWS) - CONTEXT) // 4 * 4
    high = min(count, int(np.ceil(times[span.end - 1] * ROWS)) + CONTEXT + 1)
    return slice(min(low, count), high)


def heard(features: Mapping[str, NDArray[Any]], times: NDArray[np.float64], span: Span) -> str:
    """SHA-256 over what a span hears, and over the length of its track where that is near: there a head comes to rest.

    features: tensors of `features.safetensors`, each of ROWS rows a second.
    """
    near = times[span.end - 1] >= times[-1] - LAST_S
    digest = hashlib.sha256(f"{len(times)} frames".encode() if near else b"")
    for name, rows in sorted(features.items()):
        part = np.ascontiguousarray(rows[rows_around(times, span, len(rows))])
        digest.update(f"{name} {part.dtype.str} {part.shape}".encode())
        digest.update(part.tobytes())
    return digest.hexdigest()
