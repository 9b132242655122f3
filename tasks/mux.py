"""Mux: the new faces laid into the source's own pictures, and picture and sound joined into the deliverable."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq

from emodiff_core.audio import write_wav
from emodiff_core.audio.mix import soundtrack
from emodiff_core.media import Video, probe
from emodiff_core.media.carry import Carry, plan_carry
from emodiff_core.media.delivery import Coding, Delivery, Quality, coding_of, delivery_of, planar
from emodiff_core.media.encode import Look, encode
from emodiff_core.media.language import iso639
from emodiff_core.media.light import UNSAID
from emodiff_core.media.program import ffmpeg_program, ffmpeg_version
from emodiff_core.media.siting import siting_of
from emodiff_core.media.wrap import Wrapping, wrap
from infra.errors import Bug
from infra.settings import Settings
from tasks.audio import SPEECH_RATE
from tasks.composite import composite, limits_of, spans
from tasks.needs import EASE, SOURCE
from tasks.stage import Finding, Item, Result
from tasks.timeline import Timeline, plan_timeline
from tasks.track_file import TrackFile, read_track
from tasks.tracks import refuse_longer

_PORTRAIT = "yuv420p"


@dataclass(frozen=True)
class Order:
    """What is made of one item. source: None for a portrait."""

    delivery: Delivery
    coding: Coding
    look: Look
    wrapping: Wrapping
    carry: Carry | None
    source: Video | None


class Mux:
    """Takes, source, sound -> `video.mp4`, `video.mov` or `video.mkv`, and `video.json` (what was done, from what)."""

    name: ClassVar[str] = "mux"
    version: ClassVar[str] = "4"

    def setup(self, settings: Settings) -> None:
        """Find an ffmpeg that can encode."""
        self._program = ffmpeg_program(settings.mux.ffmpeg)

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises Refusal SPEECH_TOO_LONG, and what reading source, speech or music raises; Bug
        TAKES_INCOMPLETE where spans do not cover the track; EncoderFailed."""
        track = read_track(item.inputs["crop"], landmarks=False)
        speech = json.loads((item.inputs["audio"] / "audio.json").read_text())
        timeline = plan_timeline(track, speech["samples"], item.settings)
        findings = _lengths(timeline, speech["samples"], item.job.trim)
        order = _order(item, track, timeline, self._program)
        name = f"video{order.delivery.suffix}"
        with TemporaryDirectory(dir=item.out, prefix=".making-") as made:
            folder = Path(made)
            gain = _write_sound(item, timeline, folder / "sound.wav")
            container = "matroska" if order.delivery.container == "matroska" else "mov"
            count = encode(folder / "picture", composite(item, track, timeline), order.look, order.coding, container)
            _expect(count, len(timeline.pts))
            wrap(folder / name, folder / "picture", folder / "sound.wav", order.wrapping)
            (folder / name).replace(item.out / name)
        facts = _facts(item, track, timeline, order, gain)
        (item.out / "video.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        findings += tuple(Finding("warning", "LEFT_BEHIND", said) for said in _left(order))
        return Result(findings, {"frames": count, "seconds": float(timeline.seconds)})


def _left(order: Order) -> tuple[str, ...]:
    """What of the source is not in the deliverable, in sentences."""
    moving = order.source.moving if order.source else ()
    tags = [f"{name} tells the light of each frame anew, which a new face changes; it is left out" for name in moving]
    return (*(order.carry.left if order.carry else ()), *tags)


def _lengths(timeline: Timeline, samples: int, trim: bool) -> tuple[Finding, ...]:
    """What is said of speech that is shorter or longer than the picture. Raises SPEECH_TOO_LONG past one frame more,
    unless it is to be trimmed."""
    speech, picture = Fraction(samples, SPEECH_RATE), timeline.seconds
    lengths = f"the speech lasts {float(speech):.3f} s, the picture {float(picture):.3f} s"
    if speech - picture > 1 / timeline.rate and trim:
        return (Finding("warning", "SPEECH_TRIMMED", f"{lengths}; its end was cut off", float(picture)),)
    refuse_longer(speech, picture, timeline.rate)
    if picture - speech > 1 / timeline.rate:
        return (Finding("info", "PADDED_WITH_SILENCE", f"{lengths}; silence follows", float(speech)),)
    return ()


def _write_sound(item: Item, timeline: Timeline, path: Path) -> float:
    """The soundtrack as a WAV from time 0 to the picture's end; returns the gain that kept the sum from clipping."""
    speech, music = item.inputs["audio"] / "speech.wav", item.inputs.get("music")
    gain = 10 ** (item.settings.mux.music_db / 20)
    sound = partial(soundtrack, speech, timeline.samples, SPEECH_RATE, music, gain, timeline.lead)
    return write_wav(path, sound, SPEECH_RATE).gain


def _order(item: Item, track: TrackFile, timeline: Timeline, program: str) -> Order:
    mux = item.settings.mux
    source = None if track.kind == "portrait" else probe(item.inputs["picture"], limits_of(item))
    delivery = delivery_of(item.job.delivery or mux.delivery, source)
    pixels, size = (
        (_PORTRAIT, (2, 2)) if source is None else (planar(source.pixel_format), (source.width, source.height))
    )
    quality = Quality(mux.preset, mux.crf, None if source is None else mux.footage_qp, mux.threads)
    coding = coding_of(delivery, pixels, size, quality, UNSAID if source is None else source.light)
    carry = None
    if source is not None:
        beside = mux.original == "beside"
        carry = plan_carry(item.inputs["picture"], delivery.container, beside, limits_of(item))
    wrapping = Wrapping(
        program=program,
        delivery=delivery,
        time_base=timeline.time_base,
        bitrate=mux.audio_bitrate,
        language=iso639(item.job.language),
        tags=_tags(item, source),
        carry=carry,
        last=None if timeline.last is None else (timeline.pts[-1], timeline.last),
    )
    look = _look(track, timeline, source, mux.max_side)
    if source is not None and "420" in coding.pixel_format and "420" in pixels:
        look = replace(look, siting=siting_of(program, item.inputs["picture"]))
    return Order(delivery, coding, look, wrapping, carry, source)


def _look(track: TrackFile, timeline: Timeline, source: Video | None, most: int) -> Look:
    if source is None:
        return Look(timeline.rate, timeline.time_base, size=_scaled(track, most))
    turned = source.rotation % 180 != 0
    return Look(
        rate=timeline.rate,
        time_base=timeline.time_base,
        aspect=1 / source.aspect if turned else source.aspect,
        colour=source.colour[:3],
        rotation=source.rotation,
        last=timeline.last,
        light=source.light,
    )


def _scaled(track: TrackFile, most: int) -> tuple[int, int] | None:
    """Even sides of a portrait that is larger than players show, None where it is not."""
    if max(track.width, track.height) <= most:
        return None
    share = most / max(track.width, track.height)
    return max(2, round(track.width * share / 2) * 2), max(2, round(track.height * share / 2) * 2)


def _tags(item: Item, source: Video | None) -> dict[str, str]:
    """The file's tags that are ours; footage keeps its own title unless the job names one."""
    own = source is not None and any(name.lower() == "title" for name in source.tags)
    title = item.job.title or ("" if own else item.job.job_id)
    return {"comment": _provenance(item)} | ({"title": title} if title else {})


def _provenance(item: Item) -> str:
    job = item.job
    emotion = f"{job.emotion} {job.intensity:g}" + (" with cues" if job.cues else "")
    weights = item.settings.generate.weights
    return f"AI-generated: face animated by emodiff {version('emodiff')}; job {job.job_id}; {emotion}; model {weights}"


def _facts(item: Item, track: TrackFile, timeline: Timeline, order: Order, gain: float) -> dict[str, Any]:
    """What check and the delivery's JSON need to know; nothing in it depends on the machine but ffmpeg's version."""
    look, coding, wrapping, carry = order.look, order.coding, order.wrapping, order.carry
    # Only what is scaled or odd differs from the source's size.
    odd = order.source is None
    width, height = look.size or (track.width + track.width % 2 * odd, track.height + track.height % 2 * odd)
    return {
        "job_id": item.job.job_id,
        "file": f"video{order.delivery.suffix}",
        "kind": track.kind,
        "frames": len(timeline.pts),
        "rate": str(timeline.rate),
        "time_base": str(timeline.time_base),
        "start": float(timeline.start),
        "seconds": float(timeline.seconds),
        "samples": timeline.samples,
        "source_width": track.width,
        "source_height": track.height,
        "width": width,
        "height": height,
        "crop": list(track.around),
        "language": item.job.language,
        "language_tag": wrapping.language,
        "tags": dict(wrapping.tags),
        "timecode": carry.timecode if carry else "",
        "sound_gain_db": round(20 * float(np.log10(gain)), 3),
        "spans": [_span(folder) for folder in spans(item)],
        "video": {
            "codec": order.delivery.name,
            "container": order.delivery.container,
            "encoder": coding.encoder,
            "options": dict(coding.options),
            "pixel_format": coding.pixel_format,
            "colour": list(look.colour),
            "rotation": look.rotation,
            "aspect": str(look.aspect),
            "light": look.light.x265,
            "siting": look.siting,
        },
        "audio": {"codec": order.delivery.sound, "bitrate": wrapping.bitrate, "sample_rate": SPEECH_RATE},
        "carried": [vars(along) for along in carry.streams] if carry else [],
        "left_behind": list(_left(order)),
        "ffmpeg": ffmpeg_version(wrapping.program),
        "emodiff": version("emodiff"),
    }


def _span(folder: Path) -> dict[str, Any]:
    """Frames and seconds of one take, and those of its frames that are the source's own."""
    table = pq.read_table(folder / "take.parquet")
    frames, times = table["frame"], table["time"]
    needs = table["need"].to_pylist() if "need" in table.column_names else []
    return {
        "kept": [frame for frame, need in zip(frames.to_pylist(), needs, strict=False) if need == SOURCE],
        "easing": [frame for frame, need in zip(frames.to_pylist(), needs, strict=False) if need == EASE],
        "first_frame": frames[0].as_py(),
        "last_frame": frames[-1].as_py(),
        "first_time": times[0].as_py(),
        "last_time": times[-1].as_py(),
    }


def _expect(count: int, wanted: int) -> None:
    if count != wanted:
        raise Bug("FRAMES_LOST", f"{count} of {wanted} frames reached the encoder")
