"""The job: one picture spoken with one dubbed track."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Emotion(StrEnum):
    """What the face shows; `source` keeps the performance in the footage."""

    NEUTRAL = "neutral"
    ANGRY = "angry"
    CONTEMPT = "contempt"
    DISGUSTED = "disgusted"
    FEAR = "fear"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISED = "surprised"
    SOURCE = "source"


class Job(BaseModel):
    """One row of a job sheet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: str = Field(description="Unique in the sheet; letters, digits, '.', '_' and '-', at most 120")
    picture: str = Field(description="Image or video: path relative to the sheet, absolute, or s3://")
    speech: str = Field(description="WAV, FLAC, MP3, M4A/AAC or OGG; any sample rate, mono to 5.1")
    language: str = Field(description="BCP-47 tag of the speech, such as en, pt-BR")
    emotion: Emotion = Field(Emotion.NEUTRAL, description="Emotion of the face")
    intensity: float = Field(1.0, ge=0, le=1, description="0 none to 1 full")
    cues: str | None = Field(None, description="File with spans of time that have their own emotion, intensity and ramps")
    motion: str = Field("natural", description="still, natural, or a driving video (portraits only)")
    face: str = Field("auto", description="auto, largest, or x,y in pixels of a point on the face")
    music: str | None = Field(None, description="Music and effects stem, mixed under the speech")
    title: str | None = Field(None, description="The title this job belongs to")
    priority: int = Field(0, description="Higher runs first")
    deadline: datetime | None = Field(None, description="ISO 8601; earlier runs first within a priority")
    seed: int = Field(0, ge=0, lt=2**63, description="Same seed, same pixels")
