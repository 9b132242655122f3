"""What a deliverable keeps of its source: tags, turn, grid, timecode, sound, subtitles, chapters; and its family."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from emodiff_core.media import decode, probe
from emodiff_core.media.boxes import tell_languages
from emodiff_core.media.carry import plan_carry
from emodiff_core.media.decode import coded
from emodiff_core.media.lay import plane_of
from emodiff_core.media.limits import Limits
from emodiff_core.refusal import Refusal
from infra.settings import Settings
from tasks.jobs import Job
from tasks.mux import Mux
from tasks.stage import Result
from tests.poison import ffmpeg, write_wav
from tests.tasks.artifacts import footage_crop, item_of, speech_audio, take
from tests.tasks.footage import HEIGHT, WIDTH, film, read

CROP = (17, 9, 28, 26)
TIMES = [Fraction(k, 25) for k in range(12)]
PQ, HLG = (9, 16, 9), (9, 18, 9)


@pytest.fixture(scope="module")
def audio(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    noise = np.random.default_rng(0).normal(0, 0.2, 9600) * np.hanning(9600)
    return speech_audio(folder / "audio", write_wav(folder / "s.wav", noise))


def dub(
    folder: Path, video: Path, audio: Path, job: dict | None = None, media=None, crop_of: Path | None = None, **settings
) -> tuple[Path, Result]:
    """The deliverable of a job with a white face in frames 2 to 5. settings: of mux; crop_of: another file to crop."""
    crop = CROP
    made = take(folder / "take", 2, [np.full((crop[3], crop[2], 3), 235, np.uint8)] * 4)
    inputs = {"crop": footage_crop(folder / "crop", crop_of or video, crop), "audio": audio, "picture": video}
    about = Job(**{"job_id": "j", "picture": "p", "speech": "s", "language": "pt-BR"} | (job or {}))
    settings = Settings(mux={"footage_qp": 0} | settings, media=media or {})
    item = item_of(folder / "mux", inputs | {"generate/000": made}, about, settings)
    stage = Mux()
    stage.setup(item.settings)
    result = stage.run(item)
    (found,) = item.out.glob("video.m*")
    return found, result


def said(path: Path) -> str:
    """What ffmpeg's program says of a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.fixture(scope="module")
def rich(tmp_path_factory) -> Path:
    """A MOV with timecode, three languages, subtitles, chapters, a title and tags."""
    folder = tmp_path_factory.mktemp("rich")
    plain, path = film(folder / "plain.mov", TIMES), folder / "rich.mov"
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,300\nGood evening.\n")
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={a}\nEND={b}\ntitle={name}\n"
        for a, b, name in ((0, 200, "One"), (200, 480, "Two"))
    )
    (folder / "m.txt").write_text(f";FFMETADATA1\ntitle=The Evening\nartist=Nobody\n{chapters}")
    inputs = [
        "-i",
        plain,
        "-f",
        "lavfi",
        "-i",
        "sine=300:r=48000:d=0.48",
        "-i",
        folder / "s.srt",
        "-i",
        folder / "m.txt",
    ]
    streams = ["-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2:s", "-map_metadata", "3", "-map_chapters", "3"]
    coding = ["-c:v", "copy", "-c:a", "pcm_s16le", "-c:s", "mov_text", "-timecode", "10:20:30:05"]
    languages = [f"language={name}" for name in ("und", "fra", "und")]
    places = ["s:a:0", "s:a:1", "s:s:0"]
    tags = [word for place, name in zip(places, languages, strict=True) for word in (f"-metadata:{place}", name)]
    ffmpeg(*inputs, *streams, *coding, *tags, "-movie_timescale", "48000", path)
    tell_languages(path, ["", "swe", "fra", "deu"])
    return path


def packets(path: Path, stream: str) -> list[tuple[Fraction, str]]:
    """(time, digest) of every packet of a stream, as ffmpeg's program copies it."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-copyts", "-i", path, "-map", stream, "-c", "copy"]
    text = subprocess.run([*command, "-f", "framemd5", "-"], capture_output=True, text=True, check=True).stdout
    base = Fraction(re.search(r"#tb 0: (\d+/\d+)", text)[1])
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return [(int(row[2]) * base, row[5].strip()) for row in rows]


@pytest.mark.parametrize("delivery", ["h264", "prores", "ffv1"])
def test_the_original_sound_subtitles_chapters_and_timecode_go_along(delivery, rich, audio, tmp_path):
    found, _ = dub(tmp_path, rich, audio, job={"delivery": delivery, "language": "de"})
    text = said(found)
    assert re.findall(r"Stream #0:\d\S*\((\w+)\)\S*: Audio", text) == ["deu", "swe", "fra"]
    assert re.findall(r"Stream #0:\d\S*\((\w+)\)\S*: Subtitle", text) == ["deu"]
    assert re.findall(r"timecode *: (\S+)", text, re.IGNORECASE)[0] == "10:20:30:05"
    assert re.findall(r"Chapter #0:\d: start (\S+), end (\S+)", text) == [
        ("0.000000", "0.200000"),
        ("0.200000", "0.480000"),
    ]
    assert "The Evening" in text and "Nobody" in text and "AI-generated" in text
    with av.open(str(found)) as file:
        ranks = [bool(stream.disposition & stream.disposition.default) for stream in file.streams.audio]
    assert ranks == [True, False, False]


def test_sound_that_goes_along_keeps_its_packets_and_their_times(rich, audio, tmp_path):
    found, _ = dub(tmp_path, rich, audio, job={"delivery": "prores"})
    for number in (0, 1):
        assert packets(found, f"0:a:{number + 1}") == packets(rich, f"0:a:{number}")


def test_the_dub_takes_the_place_of_the_original_where_it_is_to(rich, audio, tmp_path):
    found, _ = dub(tmp_path, rich, audio, original="replaced")
    assert re.findall(r"Stream #0:\d\S*\((\w+)\)\S*: Audio", said(found)) == ["por"]


def test_a_title_of_the_job_replaces_the_sources(rich, audio, tmp_path):
    found, _ = dub(tmp_path, rich, audio, job={"title": "A Noite"})
    with av.open(str(found)) as file:
        assert file.metadata["title"] == "A Noite"


def test_pictures_of_subtitles_that_mp4_cannot_hold_are_left_with_a_finding(audio, tmp_path):
    plain, video = film(tmp_path / "plain.mkv", TIMES), tmp_path / "v.mkv"
    with av.open(str(plain)) as given, av.open(str(video), "w") as file:
        copies = {stream.index: file.add_stream_from_template(stream) for stream in given.streams}
        text = file.add_stream("dvd_subtitle", options={})
        del text
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                file.mux(packet)
    carried = plan_carry(video, "mp4", True, Limits(min_side=1))
    assert carried.left and "dvd_subtitle" in carried.left[0]
    _, result = dub(tmp_path, video, audio, job={"delivery": "h264"})
    assert [finding.code for finding in result.findings if finding.level == "warning"] == ["LEFT_BEHIND"]


@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("delivery", ["h264", "ffv1"])
def test_a_turned_picture_stays_turned_and_its_stored_pixels_untouched(turn, delivery, audio, tmp_path):
    plain, video = film(tmp_path / "plain.mp4", TIMES), tmp_path / "v.mp4"
    ffmpeg("-display_rotation", str(turn), "-i", plain, "-c", "copy", "-movie_timescale", "48000", video)
    found, _ = dub(tmp_path, video, audio, job={"delivery": delivery})
    assert probe(found).rotation == probe(video).rotation == turn
    x, y, w, h = CROP
    for old, new in zip(coded(video), coded(found), strict=True):
        lumas = [np.rot90(plane_of(shown.frame, 0).astype(int), turn // 90) for shown in (old, new)]
        changed = lumas[0] != lumas[1]
        assert changed[y : y + h, x : x + w].mean() > 0.9 if 2 <= old.index < 6 else not changed.any()
        changed[y : y + h, x : x + w] = False
        assert not changed.any()


@pytest.mark.parametrize(
    ("pixels", "colour", "delivery", "stored"),
    [
        ("yuv420p", (1, 1, 1), "h264", "yuv420p"),
        ("yuv422p", (5, 6, 5), "h264", "yuv422p"),
        ("yuv444p", (6, 6, 6), "h264", "yuv444p"),
        ("yuv420p", PQ, "hevc", "yuv420p10le"),
        ("yuv420p10le", PQ, "hevc", "yuv420p10le"),
        ("yuv422p10le", HLG, "hevc", "yuv422p10le"),
        ("yuv444p10le", (9, 14, 9), "hevc", "yuv444p10le"),
        ("yuv422p10le", HLG, "prores", "yuv422p10le"),
        ("yuv444p10le", PQ, "ffv1", "yuv444p10le"),
        ("yuv420p", (2, 2, 2), "h264", "yuv420p"),
    ],
)
def test_grid_depth_and_colour_tags_are_kept(pixels, colour, delivery, stored, audio, tmp_path):
    video = film(tmp_path / "v.mov", TIMES, pixels, colour=colour)
    given = "auto" if delivery == "hevc" else delivery
    found, _ = dub(tmp_path, video, audio, job={"delivery": given})
    about = probe(found)
    assert (about.codec, about.pixel_format) == (delivery, stored)
    assert about.colour[:3] == colour == probe(video).colour[:3]
    before, after = read(video, stored, sound=False), read(found, stored, sound=False)
    for old, new in zip(before.planes, after.planes, strict=True):
        error = np.square(old[8:].astype(float) - new[8:]).mean() / (1 << 2 * (10 if "10" in stored else 8))
        assert error == 0 if delivery != "prores" else error < 1e-5


def test_a_full_range_stays_full(audio, tmp_path):
    video = tmp_path / "v.mp4"
    ramp = "gradients=s=80x64:r=25:d=0.48:n=2,format=yuvj420p"
    ffmpeg("-f", "lavfi", "-i", ramp, "-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuvj420p", video)
    found, _ = dub(tmp_path, video, audio)
    assert probe(video).colour[3] and probe(found).colour[3]
    before, after = read(video, "yuvj420p", sound=False), read(found, "yuvj420p", sound=False)
    assert all(np.array_equal(old[6:], new[6:]) for old, new in zip(before.planes, after.planes, strict=True))


@pytest.mark.parametrize(
    ("codec", "pixels", "ending", "family"),
    [
        ("libx264", "yuv420p", "mp4", ("h264", "video.mp4")),
        ("libx264", "yuv420p10le", "mp4", ("hevc", "video.mp4")),
        ("prores_ks", "yuv422p10le", "mov", ("prores", "video.mov")),
        ("ffv1", "yuv422p", "mkv", ("ffv1", "video.mkv")),
        ("mpeg4", "yuv420p", "avi", ("h264", "video.mp4")),
        ("libvpx-vp9", "yuv420p", "mkv", ("h264", "video.mp4")),
    ],
)
def test_a_deliverable_is_of_its_sources_family(codec, pixels, ending, family, audio, tmp_path):
    video = tmp_path / f"v.{ending}"
    speed = ["-deadline", "realtime"] if "vpx" in codec else []
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=80x64:d=0.48", "-c:v", codec, *speed, "-pix_fmt", pixels, video)
    found, _ = dub(tmp_path, video, audio)
    assert (probe(found).codec, found.name) == family


def test_an_odd_picture_keeps_its_size(audio, tmp_path):
    video = tmp_path / "v.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=81x65:d=0.48", "-c:v", "ffv1", "-pix_fmt", "yuv420p", video)
    found, _ = dub(tmp_path, video, audio, job={"delivery": "h264"})
    assert (probe(found).width, probe(found).height) == (81, 65)


def test_pixels_that_are_no_squares_and_lie_on_their_side_stay_so(audio, tmp_path):
    plain, video = tmp_path / "plain.mp4", tmp_path / "v.mp4"
    ffmpeg("-i", film(tmp_path / "f.mp4", TIMES), "-vf", "setsar=16/11", "-c:v", "libx264", "-an", plain)
    ffmpeg("-display_rotation", "90", "-i", plain, "-c", "copy", video)
    found, _ = dub(tmp_path, video, audio)
    assert probe(found).aspect == probe(video).aspect == Fraction(11, 16)


def test_interlaced_footage_is_dubbed_deinterlaced_on_request(audio, tmp_path):
    plain, video = film(tmp_path / "f.mp4", [Fraction(k, 50) for k in range(24)]), tmp_path / "v.mp4"
    ffmpeg("-i", plain, "-vf", "interlace", "-c:v", "libx264", "-flags", "+ilme+ildct", "-an", video)
    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(Refusal) as refusal:
        dub(tmp_path / "a", video, audio, crop_of=film(tmp_path / "p.mp4", TIMES))
    assert refusal.value.code == "INTERLACED" and "settings.media.deinterlace" in refusal.value.hint
    found, _ = dub(tmp_path / "b", video, audio, crop_of=tmp_path / "p.mp4", media={"deinterlace": True})
    assert not probe(found).interlaced and read(found, "yuv420p", sound=False).times == TIMES


def test_speech_that_outlasts_the_picture_is_cut_only_where_the_job_says_trim(tmp_path):
    long = np.random.default_rng(0).normal(0, 0.2, 48000)
    audio = speech_audio(tmp_path / "audio", write_wav(tmp_path / "s.wav", long))
    video = film(tmp_path / "v.mp4", TIMES)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(Refusal, match=r"1\.000 s, the picture 0\.480 s") as refusal:
        dub(tmp_path / "a", video, audio)
    assert refusal.value.code == "SPEECH_TOO_LONG"
    found, result = dub(tmp_path / "b", video, audio, job={"trim": True})
    assert [finding.code for finding in result.findings] == ["SPEECH_TRIMMED"]
    assert len(read(found, "yuv420p").sound) == round(0.48 * 48000)


def test_a_header_that_lies_about_its_frames_and_rate_changes_nothing(audio, tmp_path):
    video = tmp_path / "v.avi"
    ffmpeg("-i", film(tmp_path / "f.mp4", TIMES), "-c:v", "mpeg4", "-bf", "0", "-an", video)
    data = bytearray(video.read_bytes())
    at = data.index(b"avih") + 8 + 16
    assert int.from_bytes(data[at : at + 4], "little") == 12
    data[at : at + 4] = (9999).to_bytes(4, "little")
    at = data.index(b"strh") + 8 + 32
    data[at : at + 4] = (9999).to_bytes(4, "little")
    video.write_bytes(data)
    found, result = dub(tmp_path, video, audio)
    assert result.figures["frames"] == 12 == len(read(found, "yuv420p", sound=False).times)


def test_frames_before_an_edit_list_begins_are_not_shown(audio, tmp_path):
    video = tmp_path / "v.mp4"
    long = film(tmp_path / "f.mp4", [Fraction(k, 25) for k in range(30)])
    ffmpeg("-ss", "0.4", "-i", long, "-c", "copy", "-an", "-movie_timescale", "48000", video)
    before = read(video, "yuv420p", sound=False)
    found, _ = dub(tmp_path, video, audio)
    after = read(found, "yuv420p", sound=False)
    assert after.times == before.times and len(after.times) == 20
    assert all(np.array_equal(old[8:], new[8:]) for old, new in zip(before.planes, after.planes, strict=True))


def test_a_transport_streams_clock_is_brought_to_its_own_beginning(audio, tmp_path):
    video = tmp_path / "v.ts"
    ffmpeg("-i", film(tmp_path / "f.mp4", TIMES), "-c", "copy", video)
    found, _ = dub(tmp_path, video, audio)
    given = [frame.time for frame in decode(video)]
    assert [frame.time for frame in decode(found)] == given and 0 <= given[0] < Fraction(1, 2)
    assert next(iter(decode(found))).picture.shape == (HEIGHT, WIDTH, 3)
