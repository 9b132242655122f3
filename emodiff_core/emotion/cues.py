"""How strongly each emotion is felt at each time: a base and cues with ramps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.emotions import EMOTIONS

Floats = NDArray[np.float32]

Cue = tuple[float, float, str, float, float, float]
"""Start and end in seconds, emotion, intensity 0 to 1, seconds of ramp in and of ramp out, both inside."""


def cue_weights(times: NDArray[np.float64], emotion: str, intensity: float, cues: Sequence[Cue] = ()) -> Floats:
    """Weights (N, 8) in the order of EMOTIONS at times (N,); rows sum to the intensity.

    A cue crosses over from what was there before it, and back; of overlapping cues the later in the list is on top.
    `source` is a row of zeros: the performance in the footage is kept. Raises Refusal UNKNOWN_EMOTION.
    """
    out = np.repeat(_one(emotion, intensity)[None], len(times), 0)
    for start, end, name, strength, ramp_in, ramp_out in cues:
        share = np.minimum(_ramp(times - start, ramp_in), _ramp(end - times, ramp_out))[:, None]
        out = out * (1 - share) + _one(name, strength) * share
    return out.astype(np.float32)


def _one(emotion: str, intensity: float) -> Floats:
    if emotion != "source" and emotion not in EMOTIONS:
        raise Refusal("UNKNOWN_EMOTION", f"no emotion {emotion!r}", f"one of {', '.join(EMOTIONS)} or source")
    return np.array([intensity * (emotion == name) for name in EMOTIONS], np.float32)


def _ramp(inside: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """0 before, 1 after `seconds`, a smooth step between; without a ramp a plain step."""
    part = np.clip(inside / seconds, 0, 1) if seconds > 1e-6 else (inside >= 0).astype(np.float64)
    return np.asarray(part * part * (3 - 2 * part))
