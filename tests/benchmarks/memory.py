"""Peak memory of the media worker's sound and mux stages on 1080p footage of several lengths.

`python -m tests.benchmarks.memory 1 10 60 120 --rate 25`: minutes, and frames a second of the picture. The footage is
still, so that hours of it are decoded and encoded in minutes; a face is laid into two seconds of every minute.
`--crop` measures the crop stage instead, on a photograph that sways through a 1080p picture.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emodiff_core.media import probe
from infra.settings import Settings
from tasks.audio import Audio
from tasks.crop import Crop
from tasks.mux import Mux
from tasks.stage import Item
from tasks.track_file import NAME as TRACK
from tasks.track_file import write_track
from tests.poison import ffmpeg
from tests.tasks.artifacts import JOB, bare_track, take

CROP = (700, 200, 400, 400)
SIZE = (1080, 1920)


def footage(folder: Path, minutes: float, rate: int) -> tuple[Path, Path]:
    """A test card, a minute of it again and again, and a sound as long."""
    minute, video, sound = folder / "minute.mp4", folder / "v.mp4", folder / "s.flac"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "250"]
    ffmpeg("-f", "lavfi", "-i", f"smptebars=s={SIZE[1]}x{SIZE[0]}:r={rate}:d={min(60, minutes * 60)}", *coding, minute)
    ffmpeg("-stream_loop", str(max(0, round(minutes) - 1)), "-i", minute, "-c", "copy", video)
    ffmpeg("-f", "lavfi", "-i", f"sine=440:r=48000:d={minutes * 60}", "-compression_level", "0", sound)
    return video, sound


def artifacts(folder: Path, video: Path, rate: int) -> dict[str, Path]:
    """What mux reads, the takes of two seconds a minute among it; the sound is the audio stage's own."""
    count, inputs = probe(video).frames, {"picture": video}
    base = probe(video).time_base
    ticks = np.arange(count) * round(Fraction(1, rate) / base)
    (folder / "crop").mkdir()
    write_track(folder / "crop", bare_track("footage", Fraction(rate), base, [0], SIZE, CROP))
    # One row many times: points of hours of faces would fill the memory that is to be measured.
    one = pq.read_table(folder / "crop" / TRACK).drop_columns(["landmarks"])
    many = one.take(pa.array(np.zeros(count, np.int64)))
    many = many.set_column(many.column_names.index("pts"), "pts", pa.array(ticks))
    pq.write_table(many, folder / "crop" / TRACK)
    face = np.random.default_rng(0).integers(0, 256, (CROP[3], CROP[2], 3), dtype=np.uint8)
    for number, first in enumerate(range(0, count - 2 * rate, 60 * rate)):
        inputs[f"generate/{number:03}"] = take(folder / f"take{number}", first, [face] * (2 * rate), Fraction(rate))
    return inputs | {"crop": folder / "crop", "audio": folder / "audio"}


def measure(minutes: float, rate: int) -> None:
    """Print one line: peak resident megabytes of this process and of the largest it started."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, sound = footage(folder, minutes, rate)
        inputs, settings = artifacts(folder, video, rate), Settings(mux={"preset": "ultrafast", "ffmpeg": "bundled"})
        start, before = time.perf_counter(), _peak()
        for stage, out in ((Audio(), folder / "audio"), (Mux(), folder / "mux")):
            out.mkdir()
            stage.setup(settings)
            stage.run(Item(JOB, inputs | {"speech": sound}, out, settings))
            print(f"{minutes:g} min, {type(stage).__name__}: {_peak()} MB, {before} MB before", flush=True)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        seconds, frames = time.perf_counter() - start, probe(video).frames
        print(
            f"{minutes:g} min: {frames} frames in {seconds:.0f} s; peak {_peak()} MB, ffmpeg {children} MB", flush=True
        )


def measure_crop(minutes: float, rate: int) -> None:
    """Print one line: peak resident megabytes of the crop stage, and of the process before it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, count = _sway(folder, minutes, rate), round(minutes * 60 * rate)
        stage, settings = Crop(), Settings()
        stage.setup(settings)
        (folder / "crop").mkdir()
        start, before = time.perf_counter(), _peak()
        stage.run(Item(JOB, {"picture": video}, folder / "crop", settings))
        seconds = time.perf_counter() - start
        print(
            f"{minutes:g} min, Crop: {count} frames in {seconds:.0f} s; peak {_peak()} MB, {before} before", flush=True
        )


def _sway(folder: Path, minutes: float, rate: int) -> Path:
    """scikit-image's astronaut moving to and fro before a grey wall, twenty seconds of it again and again."""
    photo, some, video = Path(str(files("skimage") / "data" / "astronaut.png")), folder / "some.mp4", folder / "v.mp4"
    wall = f"color=0x606060:s={SIZE[1]}x{SIZE[0]}:r={rate}:d=20[wall]"
    placed = "[0:v]scale=1000:1000[face];[wall][face]overlay=x='460+200*sin(t*0.314)':y=80:shortest=0,format=yuv420p"
    ffmpeg("-loop", "1", "-t", "20", "-i", photo, "-filter_complex", f"{wall};{placed}", "-r", str(rate), some)
    ffmpeg("-stream_loop", str(max(0, round(minutes * 3) - 1)), "-i", some, "-c", "copy", video)
    return video


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", nargs="+", type=float)
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--crop", action="store_true", help="the crop stage instead of sound and mux")
    parser.add_argument("--here", action="store_true", help="in this process, which then tells its own peak")
    given = parser.parse_args()
    for minutes in given.minutes:
        if given.here:
            (measure_crop if given.crop else measure)(minutes, given.rate)
        else:
            again = [sys.executable, "-m", "tests.benchmarks.memory", str(minutes), "--rate", str(given.rate), "--here"]
            subprocess.run([*again, *(["--crop"] if given.crop else [])], check=True)


if __name__ == "__main__":
    main()
