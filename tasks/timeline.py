"""When each frame of a deliverable is shown, and how long picture and sound last."""

from dataclasses import dataclass
from fractions import Fraction

from emodiff_core.media import frames_for, samples_for
from infra.settings import Settings
from tasks.audio import SPEECH_RATE
from tasks.track_file import TrackFile


@dataclass(frozen=True)
class Timeline:
    """pts: (N,) ticks of each frame of the deliverable; the speech begins with the first one; last: seconds that the
    last frame lasts, None where that is one step of the rate."""

    pts: tuple[int, ...]
    time_base: Fraction
    rate: Fraction
    last: Fraction | None = None

    @property
    def start(self) -> Fraction:
        """Seconds at which the first frame is shown."""
        return self.pts[0] * self.time_base

    @property
    def end(self) -> Fraction:
        """Seconds at which the last frame ends, and the sound with it."""
        return self.pts[-1] * self.time_base + (self.last or 1 / self.rate)

    @property
    def seconds(self) -> Fraction:
        """Exact length of the picture, last frame included."""
        return self.end - self.start

    @property
    def lead(self) -> int:
        """Samples of silence before the first frame."""
        return samples_for(self.start, SPEECH_RATE)

    @property
    def samples(self) -> int:
        """Samples of the soundtrack from time 0 to the end."""
        return samples_for(self.end, SPEECH_RATE)


def plan_timeline(track: TrackFile, samples: int, settings: Settings) -> Timeline:
    """A portrait's clock runs for the speech; footage keeps its own timestamps."""
    if track.kind == "portrait":
        rate = Fraction(settings.picture.rate)
        return Timeline(tuple(range(frames_for(samples, SPEECH_RATE, rate))), 1 / rate, rate)
    return Timeline(tuple(int(tick) for tick in track.pts), track.time_base, track.rate, track.last)
