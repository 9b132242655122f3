"""Films of the synthetic scenes as files, with their sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from emodiff_core.synthetic.speech import NATIVE_RATE
from emodiff_core.synthetic.story import Film, sound


def write_film(path: Path, film: Film, crf: int = 10) -> Path:
    """Write a film as H.264 with its sound beside it as AAC."""
    rate = Fraction(round(1 / (film.times[1] - film.times[0])))
    frames = film.scene.frames
    with av.open(str(path), "w") as file:
        picture = file.add_stream("libx264", rate=rate, options={"crf": str(crf)})
        picture.height, picture.width, picture.pix_fmt = *frames.shape[1:3], "yuv420p"
        voice = file.add_stream("aac", rate=NATIVE_RATE, layout="mono")
        for frame in frames:
            file.mux(picture.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(picture.encode(None))
        samples = (sound(film)[None] * 32767).astype(np.int16)
        chunk = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        chunk.sample_rate = NATIVE_RATE
        file.mux(voice.encode(chunk))
        file.mux(voice.encode(None))
    return path
