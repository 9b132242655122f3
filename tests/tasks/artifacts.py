"""Artifacts as the stages before mux leave them, made small by hand, with real files."""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emodiff_core.media import decode, probe, write_lossless, write_picture
from infra.settings import Settings
from tasks.audio import Audio
from tasks.jobs import Job
from tasks.stage import Item
from tasks.track_file import TrackFile, write_track

CROP = (20, 30, 40, 36)
JOB = Job(job_id="anna-pt", picture="p", speech="s", language="pt-BR", emotion="happy", intensity=0.8, title="A Noite")


def item_of(folder: Path, inputs: dict[str, Path], job: Job = JOB, settings: Settings | None = None) -> Item:
    """An item with an empty output folder of its own."""
    out = folder / "out"
    out.mkdir(parents=True)
    return Item(job, inputs, out, settings or Settings())


def portrait_crop(folder: Path, picture: np.ndarray, crop: tuple[int, int, int, int] = CROP) -> Path:
    """What crop leaves of a portrait: one frame, the whole picture, its rectangle."""
    folder.mkdir()
    x, y, w, h = crop
    write_picture(folder / "picture.png", picture)
    write_lossless(folder / "crops.mkv", [picture[y : y + h, x : x + w]])
    _track(folder, "portrait", picture.shape[:2], Fraction(25), Fraction(1, 25), [0], crop)
    return folder


def footage_crop(folder: Path, video: Path, crop: tuple[int, int, int, int] = CROP) -> Path:
    """What crop leaves of footage."""
    folder.mkdir()
    x, y, w, h = crop
    about, frames = probe(video), list(decode(video))
    write_lossless(folder / "crops.mkv", [f.picture[y : y + h, x : x + w] for f in frames])
    ticks = [f.pts for f in frames]
    _track(folder, "footage", (about.height, about.width), about.rate, about.time_base, ticks, crop)
    return folder


def bare_track(kind, rate, time_base, ticks, size=(64, 64), crop=CROP) -> TrackFile:
    """A track of one face that never moves, in one shot."""
    pts = np.asarray(ticks).astype(np.int64)
    count = len(pts)
    points, ones = np.zeros((count, 468, 3), np.float32), np.ones(count, np.float32)
    crops, same = np.tile(np.array(crop, np.int32), (count, 1)), np.zeros(count, np.int16)
    reasons = (None,) * count
    return TrackFile(
        kind, size[1], size[0], rate, time_base, pts, points, ones, ones * 0, crops, reasons, same, same, ones * 0
    )


def _track(folder, kind, size, rate, time_base, ticks: Sequence[int], crop) -> None:
    write_track(folder, bare_track(kind, rate, time_base, ticks, size, crop))


def speech_audio(folder: Path, speech: Path) -> Path:
    """What the audio stage leaves of a real file."""
    folder.mkdir()
    stage = Audio()
    stage.setup(Settings())
    stage.run(Item(JOB, {"speech": speech}, folder, Settings()))
    return folder


def take(
    folder: Path,
    first: int,
    pictures: Sequence[np.ndarray],
    rate: Fraction = Fraction(25),
    mask: np.ndarray | None = None,
) -> Path:
    """One span's take: frames from `first` on, changed where the mask says, or everywhere."""
    folder.mkdir(parents=True)
    write_lossless(folder / "take.mkv", list(pictures))
    changed = [np.full(p.shape[:2], 255, np.uint8) if mask is None else mask for p in pictures]
    write_lossless(folder / "mask.mkv", changed)
    frames = list(range(first, first + len(pictures)))
    columns = {"frame": pa.array(frames, pa.int32()), "time": [float(k / rate) for k in frames]}
    count = len(frames)
    columns |= {"expression": [[0.0] * 53] * count, "mouth_opening": pa.array([0.0] * count, pa.float32())}
    pq.write_table(pa.table(columns), folder / "take.parquet")
    return folder


def samples_of(audio: Path) -> int:
    return json.loads((audio / "audio.json").read_text())["samples"]
