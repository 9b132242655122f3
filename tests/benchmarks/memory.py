"""Peak memory of the media worker's stages, by the length of the video.

`python -m tests.benchmarks.memory 1 10 60 --rate 25`: sound, mux and check on 1080p footage of so many minutes, at so
many frames a second. The footage is still, so that hours of it are decoded and encoded in minutes; a face is laid into
two seconds of every minute. `--crop` measures the crop stage instead, on a photograph that sways through a 1080p
picture. `--shot` takes numbers of frames: one shot of small pictures without a cut, through crop, expression, audio,
mux and check. Each length is measured in a process of its own; peaks are those of one stage.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emodiff_core.media import probe
from infra.settings import Settings
from tasks.catalog import STAGES, load
from tasks.stage import Item
from tasks.track_file import NAME as TRACK
from tasks.track_file import write_track
from tests.poison import ffmpeg
from tests.tasks.artifacts import JOB, bare_track, take

CROP = (700, 200, 400, 400)
SIZE = (1080, 1920)
SMALL = (288, 384)
# Expression belongs to the model worker and brings torch with it, so it comes last.
_SHOT = ("crop", "audio", "mux", "check", "expression")


def footage(folder: Path, minutes: float, rate: int) -> tuple[Path, Path]:
    """A test card, a minute of it again and again, and a sound as long."""
    minute, video, sound = folder / "minute.mp4", folder / "v.mp4", folder / "s.flac"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "250"]
    ffmpeg("-f", "lavfi", "-i", f"smptebars=s={SIZE[1]}x{SIZE[0]}:r={rate}:d={min(60, minutes * 60)}", *coding, minute)
    ffmpeg("-stream_loop", str(max(0, round(minutes) - 1)), "-i", minute, "-c", "copy", video)
    tone(sound, minutes * 60)
    return video, sound


def tone(path: Path, seconds: float) -> None:
    """A sound that a sine comes and goes in."""
    ffmpeg("-f", "lavfi", "-i", f"sine=440:r=48000:d={seconds}", "-compression_level", "0", path)


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
    """Print a line a stage: sound, mux and check of footage without a face of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        video, sound = footage(folder, minutes, rate)
        inputs, settings = artifacts(folder, video, rate), Settings(mux={"preset": "ultrafast", "ffmpeg": "bundled"})
        inputs |= {"speech": sound, "mux": folder / "mux"}
        what = f"{minutes:g} min, {probe(video).frames} frames"
        for name in ("audio", "mux", "check"):
            _run(name, inputs, folder / name, settings, what)


def measure_crop(minutes: float, rate: int) -> None:
    """Print a line: the crop stage on 1080p."""
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), round(minutes * 60 * rate)
        video = _sway(folder, count, rate, SIZE)
        _run("crop", {"picture": video}, folder / "crop", Settings(), f"{minutes:g} min, {count} frames")


def measure_shot(count: int, rate: int, stages: tuple[str, ...] = _SHOT) -> None:
    """Print a line a stage: one face in one shot of so many small frames."""
    with tempfile.TemporaryDirectory() as place:
        folder, settings = Path(place), Settings(mux={"preset": "ultrafast", "ffmpeg": "bundled"})
        video = _sway(folder, count, rate, SMALL)
        tone(folder / "s.flac", count / rate)
        inputs = {"picture": video, "speech": folder / "s.flac"} | {name: folder / name for name in _SHOT}
        for name in stages:
            _run(name, inputs, folder / name, settings, f"{count} frames of one shot")


def _run(name: str, inputs: dict[str, Path], out: Path, settings: Settings, what: str) -> None:
    """Run one stage and print its line."""
    stage = load(STAGES[name])
    out.mkdir()
    stage.setup(settings)
    start = time.perf_counter()
    with peaks() as found:
        stage.run(Item(JOB, inputs, out, settings))
    seconds, megabytes = time.perf_counter() - start, f"{found['own']} MB, {found['before']} before"
    print(f"{what}, {name}: {megabytes}; programs it started {found['others']} MB; {seconds:.0f} s", flush=True)


@contextmanager
def peaks() -> Iterator[dict[str, int]]:
    """Largest resident megabytes of this process and of the largest it started while the block runs."""
    Path("/proc/self/clear_refs").write_text("5")
    found, done = {"before": _resident("self", "VmRSS"), "own": 0, "others": 0}, Event()

    def watch() -> None:
        while not done.wait(0.2):
            for task in Path("/proc/self/task").iterdir():
                for child in _children(task):
                    found["others"] = max(found["others"], _resident(child, "VmHWM"))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        found["own"] = _resident("self", "VmHWM")


def _children(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except OSError:
        return []


def _resident(process: str, line: str) -> int:
    """Megabytes by a line of a process's status, 0 where it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) >> 10 for row in status.splitlines() if row.startswith(line)), 0)


def _sway(folder: Path, count: int, rate: int, size: tuple[int, int]) -> Path:
    """scikit-image's astronaut moving to and fro before a grey wall, twenty seconds of it again and again."""
    photo, some, video = Path(str(files("skimage") / "data" / "astronaut.png")), folder / "some.mp4", folder / "v.mp4"
    height, width = size
    side, away = height * 0.926, height * 0.185
    wall = f"color=0x606060:s={width}x{height}:r={rate}:d=20[wall]"
    place = f"x='{(width - side) / 2:.0f}+{away:.0f}*sin(t*0.314)':y={height - side:.0f}"
    placed = f"[0:v]scale={side:.0f}:{side:.0f}[face];[wall][face]overlay={place}:shortest=0,format=yuv420p"
    ffmpeg("-loop", "1", "-t", "20", "-i", photo, "-filter_complex", f"{wall};{placed}", "-r", str(rate), some)
    ffmpeg("-stream_loop", str(count // (20 * rate)), "-i", some, "-c", "copy", "-frames:v", str(count), video)
    return video


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lengths", nargs="+", type=float, help="minutes, or frames of a shot")
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--crop", action="store_true", help="the crop stage on 1080p")
    parser.add_argument("--shot", action="store_true", help="one shot of small frames through the stages")
    parser.add_argument(
        "--stages", default=",".join(_SHOT), help="of a shot, in the order in which they need each other"
    )
    parser.add_argument("--here", action="store_true", help="in this process")
    given = parser.parse_args()
    which = [name for name in ("--crop", "--shot") if getattr(given, name[2:])]
    for length in given.lengths:
        if not given.here:
            again = [sys.executable, "-m", "tests.benchmarks.memory", str(length), "--rate", str(given.rate), "--here"]
            subprocess.run([*again, *which, "--stages", given.stages], check=True)
        elif given.shot:
            measure_shot(round(length), given.rate, tuple(given.stages.split(",")))
        else:
            (measure_crop if given.crop else measure)(length, given.rate)


if __name__ == "__main__":
    main()
