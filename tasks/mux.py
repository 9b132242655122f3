"""Mux: the new faces pasted back into the whole picture, and picture and sound joined into the deliverable."""

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from emodiff_core.audio import write_wav
from emodiff_core.audio.mix import soundtrack
from emodiff_core.media import Limits, decode, probe, read_lossless, read_picture
from emodiff_core.media.encode import Encoding, encode
from emodiff_core.media.language import iso639
from emodiff_core.media.program import ffmpeg_program, ffmpeg_version
from infra.errors import Bug
from infra.settings import Settings
from tasks.audio import SPEECH_RATE
from tasks.stage import Finding, Item, Result
from tasks.timeline import Timeline, plan_timeline
from tasks.track_file import TrackFile, read_track
from tasks.tracks import refuse_longer

Picture = NDArray[np.uint8]


class Mux:
    """Takes, source, sound -> `video.mp4` (H.264, AAC) and `video.json` (what was done, from what)."""

    name: ClassVar[str] = "mux"
    version: ClassVar[str] = "1"

    def setup(self, settings: Settings) -> None:
        """Find an ffmpeg that can encode."""
        self._program = ffmpeg_program(settings.mux.ffmpeg)

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises Refusal SPEECH_TOO_LONG, and what reading source, speech or music raises; Bug
        TAKES_INCOMPLETE where spans do not cover the track; EncoderFailed."""
        track = read_track(item.inputs["crop"], landmarks=False)
        speech = json.loads((item.inputs["audio"] / "audio.json").read_text())
        timeline = plan_timeline(track, speech["samples"], item.settings)
        findings = _lengths(timeline, speech["samples"])
        how = _encoding(item, track, self._program)
        frames = _composite(item, track, timeline)
        with TemporaryDirectory(dir=item.out, prefix=".sound-") as folder:
            gain = _write_sound(item, timeline, Path(folder) / "sound.wav")
            draft = Path(folder) / "video.mp4"
            count = encode(draft, frames, timeline.rate, timeline.time_base, Path(folder) / "sound.wav", how)
            _expect(count, len(timeline.pts))
            draft.replace(item.out / "video.mp4")
        facts = _facts(item, track, timeline, how, gain)
        (item.out / "video.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        return Result(findings, {"frames": count, "seconds": float(timeline.seconds)})


def _lengths(timeline: Timeline, samples: int) -> tuple[Finding, ...]:
    """What is said of speech that is shorter than the picture. Raises SPEECH_TOO_LONG past one frame more."""
    speech, picture = Fraction(samples, SPEECH_RATE), timeline.seconds
    refuse_longer(speech, picture, timeline.rate)
    if picture - speech > 1 / timeline.rate:
        message = f"the speech lasts {float(speech):.3f} s, the picture {float(picture):.3f} s; silence follows"
        return (Finding("info", "PADDED_WITH_SILENCE", message, float(speech)),)
    return ()


def _composite(item: Item, track: TrackFile, timeline: Timeline) -> Iterator[tuple[int, Picture]]:
    """Every frame of the deliverable with its ticks; pixels outside the takes are the source's own."""
    pending = chain(_takes(item), [(-1, np.zeros((0, 0, 3), np.uint8))])
    index, face = next(pending)
    for k, (pts, whole) in enumerate(zip(timeline.pts, _source(item, track, len(timeline.pts)), strict=True)):
        if k == index:
            whole = _pasted(whole, face, track.crop_at(k))
            index, face = next(pending)
        elif track.kind == "portrait":
            raise Bug("TAKES_INCOMPLETE", f"frame {k} of {len(timeline.pts)} has no take")
        yield pts, whole
    if index != -1:
        raise Bug("TAKES_INCOMPLETE", f"a take holds frame {index}, which the picture has no place for")


def _source(item: Item, track: TrackFile, count: int) -> Iterator[Picture]:
    """The whole pictures to paste into: the portrait again and again, or the footage's frames."""
    if track.kind == "portrait":
        picture = read_picture(item.inputs["crop"] / "picture.png", Limits(min_side=1))
        yield from (picture for _ in range(count))
    else:
        yield from (frame.picture for frame in decode(item.inputs["picture"], _limits(item)))


def _limits(item: Item) -> Limits:
    return Limits(**item.settings.media.model_dump())


def _takes(item: Item) -> Iterator[tuple[int, Picture]]:
    """(frame of the track, its crop rectangle with the new face), in order."""
    for folder in _spans(item):
        frames = pq.read_table(folder / "take.parquet", columns=["frame"])["frame"].to_pylist()
        yield from zip(frames, read_lossless(folder / "take.mkv"), strict=True)


def _spans(item: Item) -> list[Path]:
    names = [name for name in item.inputs if name.startswith("generate/")]
    return [item.inputs[name] for name in sorted(names, key=lambda name: int(name.split("/")[1]))]


def _pasted(whole: Picture, face: Picture, crop: tuple[int, int, int, int]) -> Picture:
    x, y, w, h = crop
    if face.shape != (h, w, 3):
        raise Bug("TAKES_INCOMPLETE", f"a take is {face.shape[1]}x{face.shape[0]} where {w}x{h} was cropped")
    out = whole.copy()
    out[y : y + h, x : x + w] = face
    return out


def _write_sound(item: Item, timeline: Timeline, path: Path) -> float:
    """The soundtrack as a WAV of exactly the picture's length; returns the gain that kept the sum from clipping."""
    speech, music = item.inputs["audio"] / "speech.wav", item.inputs.get("music")
    gain = 10 ** (item.settings.mux.music_db / 20)
    return write_wav(path, partial(soundtrack, speech, timeline.samples, SPEECH_RATE, music, gain), SPEECH_RATE).gain


def _encoding(item: Item, track: TrackFile, program: str) -> Encoding:
    mux = item.settings.mux
    return Encoding(
        program=program,
        crf=mux.crf,
        preset=mux.preset,
        audio_bitrate=mux.audio_bitrate,
        threads=mux.threads,
        size=_scaled(track, mux.max_side) if track.kind == "portrait" else None,
        aspect=Fraction(1) if track.kind == "portrait" else probe(item.inputs["picture"], _limits(item)).aspect,
        language=iso639(item.job.language),
        tags={"title": item.job.title or item.job.job_id, "comment": _provenance(item)},
    )


def _scaled(track: TrackFile, most: int) -> tuple[int, int] | None:
    """Even sides of a portrait that is larger than players show, None where it is not."""
    if max(track.width, track.height) <= most:
        return None
    share = most / max(track.width, track.height)
    return max(2, round(track.width * share / 2) * 2), max(2, round(track.height * share / 2) * 2)


def _provenance(item: Item) -> str:
    job = item.job
    emotion = f"{job.emotion} {job.intensity:g}" + (" with cues" if job.cues else "")
    weights = item.settings.generate.weights
    return f"AI-generated: face animated by emodiff {version('emodiff')}; job {job.job_id}; {emotion}; model {weights}"


def _facts(item: Item, track: TrackFile, timeline: Timeline, how: Encoding, gain: float) -> dict[str, Any]:
    """What check and the delivery's JSON need to know; nothing in it depends on the machine but ffmpeg's version."""
    return {
        "job_id": item.job.job_id,
        "kind": track.kind,
        "frames": len(timeline.pts),
        "rate": str(timeline.rate),
        "time_base": str(timeline.time_base),
        "seconds": float(timeline.seconds),
        "samples": timeline.samples,
        "source_width": track.width,
        "source_height": track.height,
        "width": how.size[0] if how.size else track.width + track.width % 2,
        "height": how.size[1] if how.size else track.height + track.height % 2,
        "crop": list(track.around),
        "language": item.job.language,
        "language_tag": how.language,
        "tags": dict(how.tags),
        "sound_gain_db": round(20 * float(np.log10(gain)), 3),
        "spans": [_span(folder) for folder in _spans(item)],
        "video": {"codec": "h264", "crf": how.crf, "preset": how.preset, "pixel_format": "yuv420p", "matrix": "bt709"},
        "audio": {"codec": "aac", "bitrate": how.audio_bitrate, "sample_rate": SPEECH_RATE},
        "ffmpeg": ffmpeg_version(how.program),
        "emodiff": version("emodiff"),
    }


def _span(folder: Path) -> dict[str, float]:
    """Frames and seconds of one take: the edit map."""
    table = pq.read_table(folder / "take.parquet", columns=["frame", "time"])
    frames, times = table["frame"], table["time"]
    return {
        "first_frame": frames[0].as_py(),
        "last_frame": frames[-1].as_py(),
        "first_time": times[0].as_py(),
        "last_time": times[-1].as_py(),
    }


def _expect(count: int, wanted: int) -> None:
    if count != wanted:
        raise Bug("FRAMES_LOST", f"{count} of {wanted} frames reached the encoder")
