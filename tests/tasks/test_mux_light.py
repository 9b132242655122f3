"""What a deliverable says of its light, its chroma and its end, as its source does: read by ffmpeg's own program, and
boxes byte by byte."""

import re
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from emodiff_core.media import probe
from emodiff_core.media.ending import last_duration
from emodiff_core.quality.verify import verify
from infra.settings import Settings
from tasks.jobs import Job
from tasks.mux import Mux
from tasks.stage import Result
from tasks.track_file import read_track, write_track
from tests.poison import ffmpeg, write_wav
from tests.tasks.artifacts import footage_crop, item_of, speech_audio, take
from tests.tasks.footage import picture

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
STEPS = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
DISPLAY = "G({},{})B({},{})R({},{})WP({},{})L({},{})".format(*STEPS)
READ = (
    "r(0.6800,0.3200) g(0.2650,0.6900) b(0.1500 0.0600) wp(0.3127, 0.3290) min_luminance=0.005000, max_luminance=1000"
)
PQ = ["-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv"]
SOURCES = {"hevc": ("v.mp4", "copy"), "prores": ("v.mov", "prores_ks"), "ffv1": ("v.mkv", "ffv1")}
LAST = Fraction(7, 25)


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    noise = np.random.default_rng(0).normal(0, 0.2, 9600) * np.hanning(9600)
    return speech_audio(folder / "audio", write_wav(folder / "s.wav", noise))


@pytest.fixture(scope="module")
def lit(tmp_path_factory) -> dict[str, Path]:
    """HDR with a mastering display and its content's light: HEVC says it in its stream, others in their container."""
    folder = tmp_path_factory.mktemp("lit")
    said = f"log-level=error:master-display={DISPLAY}:max-cll=1000,400:chromaloc=2:bframes=0"
    card = ["-f", "lavfi", "-i", "testsrc2=s=80x64:r=25:d=0.24", "-pix_fmt", "yuv420p10le"]
    ffmpeg(*card, "-c:v", "libx265", "-x265-params", said, *PQ, "-tag:v", "hvc1", folder / "v.mp4")
    for name, coding in list(SOURCES.values())[1:]:
        ffmpeg("-i", folder / "v.mp4", "-c:v", coding, folder / name)
    return {codec: folder / name for codec, (name, _) in SOURCES.items()}


def dub(folder: Path, video: Path, audio: Path, delivery: str = "auto") -> Path:
    """The deliverable of a job with a grey face in two frames."""
    return muxed(folder, video, audio, delivery)[0]


def muxed(folder: Path, video: Path, audio: Path, delivery: str = "auto") -> tuple[Path, Result]:
    """The same, and what the stage says."""
    crop = footage_crop(folder / "crop", video, (17, 9, 28, 26))
    track = read_track(crop)
    write_track(crop, replace(track, last=last_duration(video, probe(video), track.pts)))
    made = take(folder / "take", 2, [np.full((26, 28, 3), 120, np.uint8)] * 2)
    job = Job(job_id="j", picture="p", speech="s", language="pt-BR", delivery=delivery)
    item = item_of(folder / "mux", {"crop": crop, "audio": audio, "picture": video, "generate/000": made}, job)
    stage = Mux()
    stage.setup(Settings())
    result = stage.run(item)
    (found,) = item.out.glob("video.m*")
    return found, result


def said(path: Path, *more: str) -> str:
    command = [FFMPEG, "-hide_banner", "-v", "verbose", "-i", path, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def states(delivery: Path, source: Path) -> dict[str, tuple[str, str]]:
    return {row.code: (row.state, row.message) for row in verify(delivery, source).rows}


@pytest.mark.parametrize(
    ("source", "delivery"),
    [("hevc", "auto"), ("prores", "auto"), ("ffv1", "auto"), ("hevc", "h264"), ("hevc", "ffv1"), ("ffv1", "hevc")],
)
def test_the_light_of_hdr_stands_in_container_and_stream_as_in_the_source(source, delivery, lit, audio, tmp_path):
    found = dub(tmp_path, lit[source], audio, delivery)
    container = said(found)
    assert READ in container and "MaxCLL=1000, MaxFALL=400" in container
    codec = re.search(r"Video: (\w+)", container)[1]
    if found.suffix != ".mkv":
        data = found.read_bytes()
        at = data.index(b"mdcv")
        assert struct.unpack_from(">8H2I", data, at + 4) == STEPS
        assert struct.unpack_from(">2H", data, data.index(b"clli") + 4) == (1000, 400)
    if codec in ("hevc", "h264"):
        raw = tmp_path / f"raw.{codec}"
        ffmpeg("-i", found, "-map", "0:v", "-c", "copy", "-f", codec, raw)
        frames = said(raw, "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-")
        shown = frames[frames.index("n:   0") :]
        assert READ in shown and "MaxCLL=1000, MaxFALL=400" in shown
    rows = states(found, lit[source])
    assert rows["MASTERING"] == rows["CONTENT_LIGHT"] == ("ok", "")
    assert rows["TIMES"][0] == rows["FRAMES"][0] == "ok"


def test_light_that_was_lost_is_a_finding(lit, tmp_path):
    bare = tmp_path / "bare.mp4"
    removed = "sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA,sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL"
    ffmpeg("-i", lit["hevc"], "-vf", removed, "-c:v", "libx264", "-chroma_sample_location", "left", bare)
    rows = states(bare, lit["hevc"])
    assert rows["MASTERING"] == rows["CONTENT_LIGHT"] == ("FAIL", "lost")
    assert rows["CHROMA_SITING"][0] == "FAIL"


def moving(source: Path, path: Path) -> Path:
    """HEVC whose frames each carry an SEI message of HDR10+ (SMPTE ST 2094-40, as CTA-861 lays it out)."""
    raw = path.with_suffix(".hevc")
    ffmpeg("-i", source, "-c", "copy", "-f", "hevc", raw)
    window = [(17, 90_000)] * 3 + [(17, 40_000), (4, 1), (7, 50), (17, 60_000), (10, 10)]
    fields = [(8, 1), (2, 1), (27, 10_000_000), (1, 0), *window, (1, 0), (1, 0), (1, 0)]
    bits = "".join(f"{value:0{width}b}" for width, value in fields)
    packed = int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    said = bytes([0xB5, 0, 0x3C, 0, 1, 4]) + packed
    sei = bytes([39 << 1, 1, 4, len(said)]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\0\0\3", said) + b"\x80"
    units = re.split(rb"\x00*\x00\x00\x01", raw.read_bytes())[1:]
    told = [part for unit in units for part in ([sei, unit] if unit[0] >> 1 < 32 else [unit])]
    raw.write_bytes(b"".join(b"\0\0\0\1" + unit for unit in told))
    ffmpeg("-r", "25", "-i", raw, "-c", "copy", "-tag:v", "hvc1", path)
    return path


def test_light_that_moves_from_frame_to_frame_is_left_behind_and_that_is_said(lit, audio, tmp_path):
    video = moving(lit["hevc"], tmp_path / "v.mp4")
    shown = "-vf", "showinfo", "-f", "null", "-"
    assert "HDR10+" in said(video, *shown) or "2094-40" in said(video, *shown)
    found, result = muxed(tmp_path, video, audio)
    (left,) = [finding for finding in result.findings if finding.code == "LEFT_BEHIND"]
    assert left.level == "warning" and left.message.startswith("HDR10+ tells the light of each frame anew")
    assert "HDR10+" not in said(found, *shown) and "2094-40" not in said(found, *shown)
    assert READ in said(found)


@pytest.mark.parametrize(
    ("siting", "delivery"),
    [("center", "h264"), ("left", "hevc"), ("topleft", "hevc"), ("left", "ffv1"), ("topleft", "ffv1")],
)
def test_where_chroma_lies_is_kept(siting, delivery, audio, tmp_path):
    video = tmp_path / "v.mp4"
    place = ["-chroma_sample_location", siting]
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=80x64:r=25:d=0.24", "-c:v", "libx264", "-pix_fmt", "yuv420p", *place, video)
    found = dub(tmp_path, video, audio, delivery)
    if delivery == "ffv1":
        across, down = {"left": (1, 2), "center": (2, 2), "topleft": (1, 1)}[siting]
        assert bytes([0x55, 0xB7, 0x81, across]) + bytes([0x55, 0xB8, 0x81, down]) in found.read_bytes()
    else:
        number = {"left": 0, "center": 1, "topleft": 2}[siting]
        headers = said(found, "-map", "0:v", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
        assert re.search(rf"chroma_sample_loc_type_top_field .* = {number}\b", headers)
    assert states(found, video)["CHROMA_SITING"] == ("ok", "")


def uneven(path: Path, codec: str, pixels: str) -> Path:
    """Frames at uneven times, the last of which is shown for 7/25 s."""
    times = [Fraction(k + k // 3, 25) for k in range(9)]
    clock = {} if path.suffix == ".mkv" else {"video_track_timescale": "600", "movie_timescale": "600"}
    with av.open(str(path), "w", options=clock) as file:
        stream = file.add_stream(codec, rate=18, options={"x265-params": "log-level=error"} if "265" in codec else {})
        stream.width, stream.height, stream.pix_fmt = 80, 64, pixels
        stream.codec_context.time_base = Fraction(1, 600)
        stream.codec_context.flags |= 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION
        for k, (time, end) in enumerate(zip(times, [*times[1:], times[-1] + LAST], strict=True)):
            frame = picture(k, pixels)
            frame.pts, frame.time_base, frame.duration = int(time * 600), Fraction(1, 600), int((end - time) * 600)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def picture_ends(path: Path) -> Fraction:
    """Of the edit list of an MP4's first track, byte by byte, or of a Matroska track's tag."""
    if path.suffix == ".mkv":
        with av.open(str(path)) as file:
            return Fraction(file.streams.video[0].metadata["DURATION"].split(":")[2])
    data = path.read_bytes()
    scale, at = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0], data.index(b"elst")
    count = struct.unpack_from(">I", data, at + 8)[0]
    return Fraction(sum(struct.unpack_from(">I", data, at + 12 + 12 * k)[0] for k in range(count)), scale)


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "delivery"),
    [
        ("v.mp4", "libx264", "yuv420p", "auto"),
        ("v.mp4", "libx265", "yuv420p10le", "auto"),
        ("v.mov", "prores_ks", "yuv422p10le", "auto"),
        ("v.mkv", "ffv1", "yuv420p", "auto"),
        ("v.mkv", "ffv1", "yuv420p", "h264"),
    ],
)
def test_the_last_frame_of_uneven_footage_is_shown_as_long_as_in_the_source(
    name, codec, pixels, delivery, audio, tmp_path
):
    video = uneven(tmp_path / name, codec, pixels)
    found = dub(tmp_path, video, audio, delivery)
    ends = Fraction(10, 25) + LAST
    assert picture_ends(video) == ends and abs(picture_ends(found) - ends) < Fraction(1, 10000)
    rows = verify(found, video).rows
    assert [row.code for row in rows if row.state == "FAIL"] == []
    (last,) = (row for row in rows if row.code == "LAST_DURATION")
    assert (last.source, last.delivery) == ("0.280000 s", "0.280000 s")
    with av.open(str(found)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) >= ends * 48000 - 1
