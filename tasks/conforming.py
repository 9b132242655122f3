"""Whether a dub of footage is its source but for the face and the sound: rows of evidence, and the edit map."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emodiff_core.audio import read_wav
from emodiff_core.media.language import iso639
from emodiff_core.quality.edit_map import as_json
from emodiff_core.quality.headers import FAIL, Row
from emodiff_core.quality.hearing import sound_print
from emodiff_core.quality.tally import Ordered
from emodiff_core.quality.timecode import clock_of
from emodiff_core.quality.verify import verify
from tasks.composite import spans
from tasks.edits import Masks
from tasks.stage import Finding, Item
from tasks.timeline import plan_timeline
from tasks.track_file import read_track

# What a codec loses is its owner's choice: said, and no reason to hold a title back.
_LEVELS = dict.fromkeys(
    (
        "PIXELS_OUTSIDE",
        "TRACKS",
        "SUBTITLES",
        "CHAPTERS",
        "MASTERING",
        "CONTENT_LIGHT",
        "CHROMA_SITING",
        "LAST_DURATION",
    ),
    "warning",
)


@dataclass(frozen=True)
class Conformed:
    """findings: what failed; document: rows, edit map and print of the dub, for the delivery's record."""

    findings: tuple[Finding, ...]
    document: Mapping[str, Any]
    figures: Mapping[str, float]


def conform(item: Item, video: Path) -> Conformed:
    """Verify footage's deliverable against its source with the takes' own masks."""
    track, speech = read_track(item.inputs["crop"], landmarks=False), item.inputs["audio"] / "speech.wav"
    masks, late = Masks(spans(item), track), item.settings.check.offset_ms / 1000
    language = iso639(item.job.language)
    verdict = verify(video, item.inputs["picture"], Ordered(None, masks, speech, None, language, most_late=late))
    samples = json.loads((item.inputs["audio"] / "audio.json").read_text())["samples"]
    timeline = plan_timeline(track, samples, item.settings)
    times = [tick * timeline.time_base - timeline.start for tick in timeline.pts]
    edits = as_json(masks.edits(), clock_of(timeline.rate, verdict.timecode), times, timeline.rate)
    failed = [row for row in verdict.rows if row.state == FAIL]
    found = (Finding(_LEVELS.get(row.code, "error"), row.code, _said(row), row.time) for row in failed)
    document = {"conformance": [asdict(row) for row in verdict.rows], "edits": edits}
    return Conformed(tuple(found), document | {"speech_print": sound_print(read_wav(speech))}, verdict.figures)


def _said(row: Row) -> str:
    versus = f"{row.delivery or 'no'} instead of {row.source}" if row.source else row.delivery
    return f"{row.code.lower().replace('_', ' ')}: {versus}" + (f" ({row.message})" if row.message else "")
