"""What crop, expression and audio left, read as one: the pictures, codes and times that generate works with."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.refusal import Refusal
from tasks.codes_file import read_codes
from tasks.hearing import Sound
from tasks.jobs import Emotion, Job
from tasks.needs import SPEECH, Needs, needs
from tasks.stage import Item
from tasks.track_file import read_track

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shot:
    """One face to render.

    still: a portrait, one picture for all times; crops: film of the lossless crops; codes: in the crops' pixels, one
    frame where still; times: (N,) seconds of the frames; needs: of each frame.
    """

    still: bool
    crops: Path
    codes: Codes
    times: NDArray[np.float64]
    needs: Needs

    @property
    def rendered(self) -> NDArray[np.bool_]:
        """(N,) False where the source's pixels pass through."""
        return self.needs.rendered


def read_shot(item: Item) -> Shot:
    """The shot of an item that has the artifacts of crop, expression and audio."""
    track = read_track(item.inputs["crop"], landmarks=False)
    codes = read_codes(item.inputs["expression"])
    corner = np.column_stack([np.zeros(len(track)), track.crops[:, :2]])
    codes = replace(codes, camera=(codes.camera - corner).astype(np.float32))
    crops = item.inputs["crop"] / "crops.mkv"
    if track.kind == "portrait":
        times = portrait_times(speech_seconds(item.inputs["audio"]), item.settings.picture.rate)
        return Shot(True, crops, codes, times, Needs((SPEECH,) * len(times), np.ones(len(times), np.float32)))
    times = (track.pts - track.pts[0]) * float(track.time_base)
    activity = Sound(item.inputs["audio"]).rows("activity")
    asked = footage_needs(item.job, times, track.shots, track.fit, track.openings, activity)
    return Shot(False, crops, codes, times, asked)


def footage_needs(
    job: Job, times: Doubles, shots: NDArray[np.int16], fit: NDArray[np.bool_], opening: Floats, activity: Floats
) -> Needs:
    """Needs of footage's frames for a job; see `needs`. An emotion that is not the source's holds in silence too."""
    everything = job.emotion is not Emotion.SOURCE or job.cues is not None
    return needs(times, shots, fit, opening, activity, everything)


def speech_seconds(folder: Path) -> Fraction:
    """Length of the dialogue that audio decoded to 48 kHz."""
    return Fraction(json.loads((folder / "audio.json").read_text())["samples"], 48_000)


def portrait_times(seconds: Fraction, rate: str) -> NDArray[np.float64]:
    """Times (N,) of the frames that a portrait speaks for `seconds`."""
    return np.arange(ceil(seconds * Fraction(rate))) / float(Fraction(rate))


def refuse_longer(speech: Fraction, picture: Fraction, rate: Fraction) -> None:
    """Raise Refusal SPEECH_TOO_LONG where speech goes on for more than a frame after the picture; both in seconds."""
    if speech - picture > 1 / rate:
        message = f"the speech lasts {float(speech):.3f} s, the picture {float(picture):.3f} s"
        raise Refusal("SPEECH_TOO_LONG", message, "shorten the dub, or deliver the footage it was made for")
