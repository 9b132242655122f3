"""The job: one picture spoken with one dubbed track."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal

import langcodes
from langcodes.registry_parser import parse_registry
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

SAFE_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,118}[A-Za-z0-9_-])?")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER = r"\s*\d{1,6}(\.\d+)?\s*"
POINT = re.compile(rf"{_NUMBER},{_NUMBER}(@{_NUMBER})?")
TRACK = re.compile(r"track:\d{1,4}")


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


def _safe_id(value: str) -> str:
    """An id is a file's name and a part of an address on every system."""
    if not SAFE_ID.fullmatch(value):
        raise ValueError("begins with a letter or digit, holds letters, digits, '.', '_' and '-', does not end in '.'")
    return value


def _text(value: str) -> str:
    if CONTROL.search(value):
        raise ValueError("holds a control character")
    return value


def _location(value: str) -> str:
    _text(value)
    if not value:
        raise ValueError("is empty")
    if SCHEME.match(value) and not value.startswith("s3://"):
        raise ValueError("is neither a path nor s3://")
    return value


@lru_cache(maxsize=4096)
def _language(value: str) -> str:
    """Against the IANA registry, so that `eng-uk` and `english` do not end up in a deliverable's metadata."""
    if "_" in value or not langcodes.tag_is_valid(value) or not _extension_fits(value):
        raise ValueError("is not a language tag of the IANA registry")
    return value


def _extension_fits(value: str) -> bool:
    """Whether `zh-yue` rather than `pt-BRA`: an extended language follows one certain language only."""
    extended = langcodes.Language.get(value, normalize=False).extlangs or []
    return all(value.split("-")[0].lower() in _extensions().get(name.lower(), ()) for name in extended)


@lru_cache(maxsize=1)
def _extensions() -> dict[str, list[str]]:
    return {entry["Subtag"]: entry["Prefix"] for entry in parse_registry() if entry.get("Type") == "extlang"}


def _face(value: str) -> str:
    if value not in ("auto", "largest") and not POINT.fullmatch(value) and not TRACK.fullmatch(value):
        raise ValueError("is neither auto, largest, a point such as 640,360 or 640,360@12.5, nor one such as track:1")
    return value.replace(" ", "")


def _iso(value: Any) -> Any:
    if isinstance(value, str | datetime):
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    raise ValueError("is not an ISO 8601 time")


Text = Annotated[str, AfterValidator(_text)]
Location = Annotated[str, AfterValidator(_location)]


class Job(BaseModel):
    """One row of a job sheet. Paths are as written; `tasks.files` finds them from the sheet's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, validate_default=False)

    job_id: Annotated[str, AfterValidator(_safe_id)] = Field(
        description="Unique in the sheet; letters, digits, '.', '_' and '-', at most 120"
    )
    picture: Location = Field(
        description="Image or video: path relative to the sheet, absolute, s3:// or package:NAME/PATH"
    )
    speech: Location = Field(description="WAV, FLAC, MP3, M4A/AAC or OGG; any sample rate, mono to 5.1")
    language: Annotated[str, AfterValidator(_language)] = Field(
        description="BCP-47 tag of the speech, such as en, pt-BR"
    )
    emotion: Emotion = Field(Emotion.NEUTRAL, description="Emotion of the face")
    intensity: float = Field(1.0, ge=0, le=1, allow_inf_nan=False, description="0 none to 1 full")
    cues: Location | None = Field(
        None, description="File with spans of time that have their own emotion, intensity and ramps"
    )
    motion: Location = Field("natural", description="still, natural, or a driving video (portraits only)")
    face: Annotated[str, AfterValidator(_face)] = Field(
        "auto",
        description="auto (who speaks), largest, x,y or x,y@seconds (pixels of a point on the face), or track:N, as "
        "`emodiff plan --people` numbers them",
    )
    music: Location | None = Field(None, description="Music and effects stem, mixed under the speech")
    trim: bool = Field(False, description="Cut speech that outlasts footage instead of refusing the job")
    delivery: Literal["auto", "h264", "hevc", "prores", "ffv1"] | None = Field(
        None, description="auto, h264, hevc, prores or ffv1; empty takes settings.mux.delivery"
    )
    title: Text | None = Field(None, description="The title this job belongs to")
    priority: int = Field(0, ge=-(2**31), lt=2**31, description="Higher runs first")
    deadline: Annotated[datetime, BeforeValidator(_iso)] | None = Field(
        None, description="ISO 8601, UTC where no zone is given; earlier runs first within a priority"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Same seed, same pixels")
