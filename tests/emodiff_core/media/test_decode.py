"""Video: exact times at every rate and in every container, right colours, upright, and typed refusals."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from emodiff_core.media import Limits, decode, probe
from emodiff_core.media.decode import coded
from emodiff_core.refusal import Refusal
from tests.poison import MORE, TEN, ffmpeg, good_video

VIDEOS = [p for p in (*TEN, *MORE) if "video" in p.name or p.name in ("missing_codec", "playlist", "concat_script")]
CODECS = ["libx264", "libx265", "libvpx-vp9", "ffv1", "mpeg4"]
DEEP = ["libx264", "libx265", "ffv1", "prores_ks"]
RATES = ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001"]


def golden(path: Path, *arguments: str) -> np.ndarray:
    """Frames as ffmpeg's own program decodes them: (N, H, W, 3)."""
    about = probe(path)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, *arguments, "-fps_mode", "passthrough"]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, about.height, about.width, 3)


@pytest.mark.parametrize("container", ["mp4", "mov", "ts"])
@pytest.mark.parametrize("rate", RATES)
def test_times_are_exact_at_every_rate(rate, container, tmp_path):
    video = good_video(tmp_path / f"v.{container}", 1, "64x64", rate)
    times = [frame.time for frame in decode(video)]
    exact = Fraction(rate)
    expected = [k / exact for k in range(len(times))]
    tick = probe(video).time_base
    assert len(times) == -(-exact // 1)
    assert max(abs(t - times[0] - e) for t, e in zip(times, expected, strict=True)) <= (
        tick if container == "ts" else 0
    )


def test_matroska_keeps_milliseconds(tmp_path):
    video = good_video(tmp_path / "v.mkv", 1, "64x64", "30000/1001")
    times = [frame.time for frame in decode(video)]
    assert max(abs(t - k / Fraction(30000, 1001)) for k, t in enumerate(times)) <= Fraction(1, 1000)


def test_a_start_offset_is_kept(tmp_path):
    video = tmp_path / "v.mkv"
    ffmpeg("-itsoffset", "0.5", "-i", good_video(tmp_path / "a.mp4", 1, "64x64"), "-c", "copy", "-an", video)
    assert next(iter(decode(video))).time == Fraction(1, 2)


def test_an_edit_list_hides_frames(tmp_path):
    video = tmp_path / "v.mp4"
    ffmpeg("-ss", "0.4", "-i", good_video(tmp_path / "a.mp4", 2, "64x64"), "-c", "copy", "-an", video)
    frames = list(decode(video))
    assert len(frames) == len(golden(video)) == 40 and frames[0].time == 0


def test_pixels_equal_those_of_the_ffmpeg_program(tmp_path):
    video = tmp_path / "v.mp4"
    colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240:d=0.5", "-c:v", "libx264", "-pix_fmt", "yuv420p", *colours, video)
    left = "in_h_chr_pos=0:in_v_chr_pos=128:flags=lanczos+accurate_rnd+full_chroma_int"
    scale = f"scale=in_color_matrix=bt709:in_range=tv:{left}"
    for frame, expected in zip(decode(video), golden(video, "-vf", scale), strict=True):
        assert np.abs(frame.picture.astype(int) - expected).max() <= 2


@pytest.mark.parametrize(("size", "matrix"), [("320x240", "bt601"), ("1280x720", "bt709")])
def test_untagged_video_has_the_matrix_of_its_size(size, matrix, tmp_path):
    video = tmp_path / "v.mp4"
    picture = f"color=0x30C060:s={size}:d=0.1"
    make = f"format=rgb24,scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", picture, "-vf", make, "-c:v", "libx264", "-crf", "0", video)
    assert np.abs(next(iter(decode(video))).picture[10, 10].astype(int) - [0x30, 0xC0, 0x60]).max() <= 2


def test_full_range_is_not_stretched(tmp_path):
    video = tmp_path / "v.mp4"
    make = "format=rgb24,scale=out_color_matrix=bt601:out_range=pc,format=yuv420p"
    source = ["-f", "lavfi", "-i", "color=0x101010:s=64x64:d=0.1", "-vf", make]
    ffmpeg(*source, "-c:v", "libx264", "-crf", "0", "-color_range", "pc", video)
    assert next(iter(decode(video))).picture[10, 10].mean() == pytest.approx(16, abs=1)


@pytest.mark.parametrize(("turn", "shape"), [(90, (320, 240)), (180, (240, 320)), (270, (320, 240))])
def test_a_phone_held_sideways_gives_an_upright_picture(turn, shape, tmp_path):
    plain, video = good_video(tmp_path / "a.mp4", 0.2), tmp_path / "v.mp4"
    ffmpeg("-display_rotation", str(turn), "-i", plain, "-c", "copy", video)
    about, frame = probe(video), next(iter(decode(video)))
    assert frame.picture.shape[:2] == shape == (about.height, about.width)
    upright = next(iter(decode(plain))).picture
    np.testing.assert_array_equal(frame.picture, np.rot90(upright, turn // 90))
    assert np.abs(frame.picture.astype(int) - golden(video)[0]).mean() < 4


@pytest.mark.parametrize(
    ("codec", "pixels"), [(c, "yuv420p") for c in CODECS] + [(c, "yuv422p10le") for c in DEEP], ids=str
)
def test_codecs_of_the_trade_are_read(codec, pixels, tmp_path):
    video = tmp_path / ("v.mov" if codec == "prores_ks" else "v.mkv")
    speed = ["-deadline", "realtime"] if "vpx" in codec else []
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.4", "-c:v", codec, *speed, "-pix_fmt", pixels, video)
    assert len(list(decode(video))) == 10


@pytest.mark.parametrize("matrix", ["bt2020nc", "smpte240m", "fcc", "bt470bg"])
def test_every_matrix_that_is_tagged_is_read(matrix, tmp_path):
    video = tmp_path / "v.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-c:v", "ffv1", "-colorspace", matrix, video)
    assert len(list(decode(video))) == 5


def test_video_that_is_rgb_already_is_read_bit_by_bit(tmp_path):
    video = tmp_path / "v.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-pix_fmt", "gbrp", "-c:v", "libx264rgb", "-crf", "0", video)
    np.testing.assert_array_equal([frame.picture for frame in decode(video)], golden(video))


def test_what_the_header_says_is_told(tmp_path):
    about = probe(good_video(tmp_path / "v.mp4", 2, "320x240", "30000/1001"))
    assert (about.width, about.height, about.codec, about.sounds) == (320, 240, "h264", 1)
    assert about.rate == Fraction(30000, 1001) and about.frames == 60 and about.rotation == 0 and about.aspect == 1


def interlaced(path: Path) -> Path:
    source = ["-i", good_video(path.with_name("a.mp4"), 1, "64x64"), "-vf", "interlace"]
    ffmpeg(*source, "-c:v", "libx264", "-flags", "+ilme+ildct", path)
    return path


def test_interlaced_video_is_refused_with_its_time(tmp_path):
    video = interlaced(tmp_path / "v.mp4")
    with pytest.raises(Refusal, match=r"at 0\.000 s") as refusal:
        list(decode(video))
    assert refusal.value.code == "INTERLACED"


def test_interlaced_video_is_made_whole_on_request_with_as_many_frames_at_the_same_times(tmp_path):
    video = interlaced(tmp_path / "v.mp4")
    shown = list(coded(video, Limits(deinterlace=True)))
    with av.open(str(video)) as file:
        stored = [frame.time for frame in file.decode(video=0)]
    assert [float(frame.time) for frame in shown] == pytest.approx(stored, abs=1e-9)
    assert not any(frame.frame.interlaced_frame for frame in shown)


def test_the_clock_of_a_transport_stream_begins_with_its_picture_or_sound(tmp_path):
    video = good_video(tmp_path / "v.ts", 1, "64x64")
    with av.open(str(video)) as file:
        assert file.streams.video[0].start_time > 90000
        starts = [Fraction(s.start_time) * s.time_base for s in (*file.streams.video, *file.streams.audio)]
    assert next(iter(coded(video))).time == starts[0] - min(starts)


@pytest.mark.parametrize("poison", VIDEOS, ids=lambda p: p.name)
def test_bad_videos_are_refused(poison, tmp_path):
    path = poison.make(tmp_path)
    with pytest.raises(Refusal) as refusal:
        list(decode(path))
    assert refusal.value.code == poison.code
    assert path.name in refusal.value.message and refusal.value.hint


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov", "avi"])
def test_two_thirds_of_an_upload_are_refused(ending, tmp_path):
    video = good_video(tmp_path / f"v.{ending}", 2, codec="mpeg4" if ending == "avi" else "libx264")
    data = video.read_bytes()
    video.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(Refusal) as refusal:
        list(decode(video))
    assert refusal.value.code == "CORRUPT_MEDIA"


def test_names_that_look_like_protocols_are_names(tmp_path):
    video = good_video(tmp_path / "v.mp4", 0.2, "64x64")
    odd = video.rename(tmp_path / "concat:a|b, http:%03d ümläut.mp4")
    assert len(list(decode(odd))) == 5


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "s.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", path)
    with pytest.raises(Refusal) as refusal:
        probe(path)
    assert refusal.value.code == "NO_VIDEO_STREAM"


def test_limits_are_checked_before_decoding(tmp_path):
    video = good_video(tmp_path / "v.mp4", 1, "64x64")
    with pytest.raises(Refusal, match="lasts 1 s"):
        probe(video, Limits(max_seconds=0.5))
    with pytest.raises(Refusal, match="64x64"):
        probe(video, Limits(max_side=32, min_side=1))
