"""Check: the deliverable decoded to its end and looked at, as its viewer will. A verdict with evidence, no crash."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.faces.choose import FaceModels
from emodiff_core.media import Limits, decode, write_picture
from emodiff_core.media.language import iso639
from emodiff_core.quality.conformance import Expected, deviations, examine
from emodiff_core.quality.lips import LipFigures, LipReader, least_correlation, lip_figures, speech_at, voiced
from emodiff_core.refusal import Refusal
from infra.models import model_path
from infra.settings import Settings
from tasks.conforming import Conformed, conform
from tasks.deliver import video_name
from tasks.hearing import Sound
from tasks.stage import Finding, Item, Result
from tasks.timeline import plan_timeline
from tasks.track_file import read_track

Picture = NDArray[np.uint8]

POSTER_SIDE = 960
FAILING = "error"
_FINDINGS = pa.schema([("level", pa.string()), ("code", pa.string()), ("message", pa.string()), ("time", pa.float64())])


@dataclass
class Seen:
    """What looking at every frame left. opening: NaN where the face is the source's, or none was found; poster: the
    frame of the widest mouth."""

    times: list[Fraction] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    poster: Picture | None = None
    broken: Refusal | None = None

    @property
    def clock(self) -> NDArray[np.float64]:
        """(N,) seconds."""
        return np.array([float(time) for time in self.times])

    @property
    def mouth(self) -> NDArray[np.float32]:
        """(N,) opening."""
        return np.array(self.opening, np.float32)


class Check:
    """Deliverable -> `findings.parquet`, `check.json` (verdict and figures), `lips.parquet`, `poster.jpg`."""

    name: ClassVar[str] = "check"
    version: ClassVar[str] = "4"

    def setup(self, settings: Settings) -> None:
        """Find the two LiteRT files and verify them."""
        self._models = FaceModels(model_path("face_detection", settings), model_path("face_landmark", settings))

    def run(self, item: Item) -> Result:
        """Fill item.out. A deliverable that does not pass is a verdict, not an exception."""
        facts = json.loads((item.inputs["mux"] / "video.json").read_text())
        sound = Sound(item.inputs["audio"])
        seen = self._watch(item, facts)
        rendered = _rendered(facts, len(seen.times))
        energy = np.concatenate([voiced(rows) for rows in sound.chunks("mel")])
        figures = lip_figures(seen.clock[rendered], seen.mouth[rendered], sound.rows("activity"), energy)
        found = np.isfinite(seen.mouth) & rendered
        share = float(found.sum() / max(1, rendered.sum()))
        judged = (
            _footage(item, seen) if facts["kind"] == "footage" else Conformed(tuple(_conformance(item, seen)), {}, {})
        )
        findings = [*judged.findings, *_faces(seen, found, rendered, item), *_lips(figures, item.settings)]
        numbers = {"frames": float(len(seen.times)), "face_found": share, **judged.figures, **_numbers(figures)}
        _write(item.out, seen, sound.rows("activity"), findings, numbers, judged.document)
        return Result(tuple(findings), numbers | {"passed": float(_passes(findings))})

    def _watch(self, item: Item, facts: Mapping[str, Any]) -> Seen:
        """Every frame: its time, and its mouth where that is ours. A stream that breaks ends the list and is
        remembered."""
        seen, widest = Seen(), -1.0
        ours = set(
            np.flatnonzero(_rendered(facts, 1 + max((span["last_frame"] for span in facts["spans"]), default=0)))
        )
        reader = LipReader(self._models, _place(facts))
        boxes = _boxes(item, facts)
        try:
            for frame in decode(_video(item), Limits(min_side=1)):
                box = boxes[frame.index] if frame.index < len(boxes) else None
                opening = reader(frame.picture, box) if frame.index in ours else None
                seen.times.append(frame.time)
                seen.opening.append(np.nan if opening is None else opening)
                if seen.poster is None or (opening is not None and opening > widest):
                    seen.poster, widest = frame.picture, -1.0 if opening is None else opening
        except Refusal as refusal:
            seen.broken = refusal
        return seen


def _video(item: Item) -> Path:
    """The deliverable."""
    return item.inputs["mux"] / video_name(sorted(path.name for path in item.inputs["mux"].iterdir()))


def _place(facts: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Where the face is looked for: the crop's rectangle in the deliverable's pixels, and half as much around it."""
    scale = facts["width"] / (facts["source_width"] + facts["source_width"] % 2)
    x, y, w, h = (value * scale for value in facts["crop"])
    left, top = max(0, int(x - w / 4)), max(0, int(y - h / 4))
    return left, top, int(x + w * 1.25) - left, int(y + h * 1.25) - top


def _rendered(facts: Mapping[str, Any], count: int) -> NDArray[np.bool_]:
    """(N,) whether a frame's face is ours alone: on the way to the source's lips it says nothing of the speech."""
    rows = np.zeros(count, bool)
    for span in facts["spans"]:
        rows[span["first_frame"] : span["last_frame"] + 1] = True
        rows[[*span.get("kept", []), *span.get("easing", [])]] = False
    return rows


def _footage(item: Item, seen: Seen) -> Conformed:
    """Of footage the source is there to be held against."""
    made = conform(item, _video(item))
    known = {finding.code for finding in made.findings} & {"STREAM", "READABLE", "WHOLE"}
    return made if known or seen.broken is None else replace(made, findings=(*_broken(seen), *made.findings))


def _portrait(item: Item, seen: Seen) -> Conformed:
    return Conformed(tuple(_conformance(item, seen)), {}, {})


def _broken(seen: Seen) -> Iterator[Finding]:
    if seen.broken is not None:
        yield Finding(FAILING, "STREAM_BROKEN", seen.broken.message, float(seen.times[-1]) if seen.times else 0.0)


def _boxes(item: Item, facts: Mapping[str, Any]) -> NDArray[np.float32]:
    """(N, 4) where crop saw the face in every frame of footage; of a portrait none, for it moves."""
    if facts["kind"] == "portrait":
        return np.zeros((0, 4), np.float32)
    column = pq.read_table(item.inputs["crop"] / "track.parquet", columns=["box"])["box"]
    boxes = np.asarray(column.combine_chunks().flatten().to_numpy(), np.float32).reshape(-1, 4)
    return boxes if boxes.any() else boxes[:0]


def _conformance(item: Item, seen: Seen) -> Iterator[Finding]:
    yield from _broken(seen)
    speech = json.loads((item.inputs["audio"] / "audio.json").read_text())
    timeline = plan_timeline(read_track(item.inputs["crop"], landmarks=False), speech["samples"], item.settings)
    times = [pts * timeline.time_base for pts in timeline.pts]
    expected = Expected(times, timeline.seconds, iso639(item.job.language))
    try:
        found = examine(_video(item), seen.times, item.inputs["audio"] / "speech.wav")
    except Refusal as refusal:
        yield Finding(FAILING, "STREAM_BROKEN", refusal.message)
        return
    for deviation in deviations(expected, found, item.settings.check.offset_ms / 1000):
        yield Finding(FAILING, deviation.code, deviation.message, deviation.time)


def _faces(seen: Seen, found: NDArray[np.bool_], rendered: NDArray[np.bool_], item: Item) -> Iterator[Finding]:
    lost = np.flatnonzero(rendered & ~found)
    if not len(lost):
        return
    share, least = 1 - len(lost) / rendered.sum(), item.settings.check.min_face_found
    message = f"no face found in {len(lost)} of {rendered.sum()} rendered frames"
    level = "warning" if share >= least else FAILING
    yield Finding(level, "FACE_LOST", message, float(seen.times[int(lost[0])]))


def _lips(figures: LipFigures, settings: Settings) -> Iterator[Finding]:
    """What the figures mean; where nobody speaks long enough there is nothing to judge."""
    check = settings.check
    if figures.correlation is None or figures.best is None or figures.lag is None or figures.moving is None:
        yield Finding("info", "LIPS_NOT_JUDGED", "too little speech, or too few frames with a face, to compare")
        return
    if figures.moving < check.min_lip_motion:
        message = f"the mouth hardly moves in speech: {figures.moving:.4f}, at least {check.min_lip_motion:g}"
        yield Finding(FAILING, "LIPS_STILL", message)
    elif figures.correlation < check.min_lip_correlation:
        yield _unrelated(figures, check.min_lip_correlation)
    elif abs(figures.lag) * 1000 > check.max_lip_lag_ms and figures.best > 2 * check.min_lip_correlation:
        side = "late" if figures.lag > 0 else "early"
        yield Finding("warning", "LIPS_OFF", f"lips fit best {abs(figures.lag) * 1000:.0f} ms {side}")
    least = max(check.min_lip_motion, check.max_rest_motion * figures.moving)
    if figures.resting is not None and figures.resting > least:
        share = figures.resting / max(figures.moving, 1e-9)
        yield Finding("warning", "LIPS_RESTLESS", f"in silence the mouth moves {share:.2f} times as much as in speech")


def _unrelated(figures: LipFigures, floor: float) -> Finding:
    """A failure, unless the line is so short that a good dub's lips may correlate as little."""
    said = f"lips and speech correlate by {figures.correlation:.2f}, at least {floor:g}"
    least = least_correlation(floor, figures.samples)
    if figures.correlation is not None and figures.correlation < least:
        return Finding(FAILING, "LIPS_UNRELATED", said)
    few = f"as few as {figures.samples:.0f} independent frames fail under {least:.2f} only"
    return Finding("info", "LIPS_NOT_JUDGED", f"{said}; {few}")


def _numbers(figures: LipFigures) -> dict[str, float]:
    named = {
        "lip_correlation": figures.correlation,
        "lip_correlation_best": figures.best,
        "lip_lag_ms": None if figures.lag is None else figures.lag * 1000,
        "lip_motion_speech": figures.moving,
        "lip_motion_rest": figures.resting,
        "lip_samples": figures.samples or None,
    }
    return {name: round(value, 4) for name, value in named.items() if value is not None}


def _passes(findings: list[Finding]) -> bool:
    return not any(finding.level == FAILING for finding in findings)


def _write(
    out: Path,
    seen: Seen,
    activity: NDArray[np.float32],
    findings: list[Finding],
    numbers: Mapping[str, float],
    more: Mapping[str, Any],
) -> None:
    rows = [{"level": f.level, "code": f.code, "message": f.message, "time": f.time} for f in findings]
    pq.write_table(pa.Table.from_pylist(rows, _FINDINGS), out / "findings.parquet")
    found = np.isfinite(seen.mouth)
    columns = {
        "frame": np.arange(len(seen.times), dtype=np.int32),
        "time": seen.clock,
        "opening": pa.array(seen.mouth, mask=~found),
        "activity": speech_at(seen.clock, activity),
        "found": found,
    }
    pq.write_table(pa.table(columns), out / "lips.parquet")
    word = "pass" if _passes(findings) else "fail"
    verdict = {"verdict": word, "figures": dict(numbers), "findings": rows, **more}
    (out / "check.json").write_text(json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    if seen.poster is not None:
        write_picture(out / "poster.jpg", _small(seen.poster))


def _small(picture: Picture) -> Picture:
    share = POSTER_SIDE / max(picture.shape[:2])
    if share >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * share)), max(1, round(picture.shape[0] * share)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
