"""The cue file of a job: spans of time that have an emotion of their own."""

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from infra.errors import InputError
from infra.fingerprint import canonical
from tasks.jobs import Emotion
from tasks.sheet import Fault, faults_of, shown
from tasks.tables import NotATable, Table, read_table

LIMIT = 16 * 2**20


def _short(known: dict[str, Any]) -> float:
    """A ramp that nobody named: 0.3 s, or half of a shorter span."""
    return min(0.3, max(0.0, known.get("end", 0.0) - known.get("start", 0.0)) / 2)


class Cue(BaseModel):
    """One span of the speech: between start and end the face shows `emotion`, eased in and out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: float = Field(ge=0, lt=86_400 * 7, description="seconds of the speech where the emotion begins to come")
    end: float = Field(gt=0, lt=86_400 * 7, description="seconds of the speech where it is gone")
    emotion: Emotion = Field(description="Emotion of the face in the span")
    intensity: float = Field(1.0, ge=0, le=1, description="0 none to 1 full")
    ramp_in: float = Field(
        default_factory=_short, ge=0, description="seconds from nothing to full intensity, inside the span"
    )
    ramp_out: float = Field(
        default_factory=_short, ge=0, description="seconds from full intensity to nothing, inside the span"
    )

    @model_validator(mode="after")
    def _ramps_fit(self) -> "Cue":
        if self.end <= self.start:
            raise ValueError("end lies after start")
        if self.ramp_in + self.ramp_out > self.end - self.start + 1e-9:
            raise ValueError("ramp_in and ramp_out together are no longer than the span")
        return self


def read_cues(path: Path) -> list[Cue]:
    """Cues of a CSV, JSON, JSONL or Parquet file in its order: where two overlap, the later row lies on top.

    Raises InputError: CUES_MISSING, CUES_INVALID with every row that is wrong.
    """
    return parse_cues(cue_bytes(path), path.name)


def cue_bytes(path: Path) -> bytes:
    """A cue file's bytes. Raises InputError: CUES_MISSING, CUES_INVALID where it is larger than LIMIT."""
    try:
        if path.stat().st_size > LIMIT:
            raise InputError("CUES_INVALID", f"The cue file {path.name} is larger than 16 MiB", "Is it the right file?")
        return path.read_bytes()
    except OSError as error:
        message = f"The cue file {path.name} cannot be read: {error.strerror}"
        raise InputError("CUES_MISSING", message, "Correct the path in the sheet's column cues") from error


def reaching(cues: Sequence[Cue], first: float, last: float) -> list[Cue]:
    """The cues that reach frames from `first` to `last` (seconds), in their order: no further than they are long."""
    return [cue for cue in cues if cue.start <= last and first <= cue.end]


def cued(cues: Sequence[Cue], first: float, last: float) -> str:
    """SHA-256 over the cues that reach frames from `first` to `last` (seconds)."""
    return hashlib.sha256(canonical([cue.model_dump(mode="json") for cue in reaching(cues, first, last)])).hexdigest()


def parse_cues(data: bytes, name: str) -> list[Cue]:
    """Cues of a file's bytes. name: for its suffix and for messages. Raises InputError CUES_INVALID."""
    try:
        table = _array(data) if data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[") else read_table(data, name)
    except NotATable as error:
        raise _invalid(name, [Fault(0, "", "", f"no cue file: {error}")]) from None
    faults = [Fault(t.row, t.column, shown(t.value), t.expected) for t in table.troubles]
    cues: list[Cue] = []
    for row, record in zip(table.rows, table.records, strict=True):
        try:
            cues.append(Cue.model_validate(record))
        except ValidationError as error:
            faults += faults_of(error, row, Cue)
    if faults or not cues:
        raise _invalid(name, faults or [Fault(0, "", "", "no cues: start, end and emotion in each row")])
    return cues


def _array(data: bytes) -> Table:
    try:
        listed: Any = json.load(io.BytesIO(data))
    except (ValueError, RecursionError) as error:
        raise NotATable(f"not JSON: {error}") from None
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise NotATable("a JSON cue file is a list of objects")
    return Table([], listed, list(range(1, len(listed) + 1)))


def _invalid(name: str, faults: list[Fault]) -> InputError:
    shown = "; ".join(str(fault) for fault in faults[:10]) + ("; ..." if len(faults) > 10 else "")
    hint = "Columns: start, end (seconds), emotion, intensity, ramp_in, ramp_out (seconds)"
    return InputError("CUES_INVALID", f"The cue file {name}: {shown}", hint)
