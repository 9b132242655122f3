"""When each frame of a deliverable is shown, and how long picture and sound last."""

from dataclasses import dataclass
from fractions import Fraction

from emodiff_core.media import frames_for, samples_for
from infra.settings import Settings
from tasks.audio import SPEECH_RATE
from tasks.track_file import TrackFile


@dataclass(frozen=True)
class Timeline:
    """pts: (N,) ticks of each frame of the deliverable, the first one 0; seconds: exact length, last frame included."""

    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction

    @property
    def seconds(self) -> Fraction:
        return self.pts[-1] * self.time_base + 1 / self.rate

    @property
    def samples(self) -> int:
        return samples_for(self.seconds, SPEECH_RATE)


def plan_timeline(track: TrackFile, samples: int, settings: Settings) -> Timeline:
    """A portrait's clock runs for the speech; footage keeps the distances of its own timestamps."""
    if track.kind == "portrait":
        rate = Fraction(settings.picture.rate)
        return Timeline(tuple(range(frames_for(samples, SPEECH_RATE, rate))), 1 / rate, rate)
    first = int(track.pts[0])
    return Timeline(tuple(int(tick) - first for tick in track.pts), track.time_base, track.rate)
