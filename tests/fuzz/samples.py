"""Small files as honest people make them: what hostile ones are bent from."""

import io
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageCms

from tests.poison import ffmpeg, good_video

ROW = {"job_id": "a", "picture": "p.png", "speech": "s.wav", "language": "en", "emotion": "happy", "intensity": 0.5}
CUE = {"start": 0.5, "end": 2.0, "emotion": "sad", "intensity": 1.0, "ramp_in": 0.1, "ramp_out": 0.1}
VIDEOS = {"mp4": "libx264", "mkv": "libx264", "mov": "prores_ks", "avi": "mpeg4", "ts": "libx264", "webm": "libvpx"}
SOUNDS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "ogg": "libvorbis",
    "m4a": "aac",
    "aiff": "pcm_s16be",
}


def sheets() -> list[tuple[str, bytes]]:
    """Names and bytes of sheets of jobs."""
    return _tables([ROW, ROW | {"job_id": "b", "language": "pt-BR", "emotion": "source"}])


def cues() -> list[tuple[str, bytes]]:
    """Names and bytes of cue files."""
    rows = [CUE, CUE | {"start": 3.0, "end": 4.0}]
    return [*_tables(rows), ("c.json", json.dumps(rows).encode())]


def pictures() -> list[tuple[str, bytes]]:
    """Pictures of all kinds that are read, with profiles, orientation, palettes and pages."""
    base = Image.fromarray(np.mgrid[:80, :96].sum(0).astype(np.uint8)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = [_saved(base, kind, icc_profile=profile) for kind in ("PNG", "JPEG", "WEBP", "TIFF")]
    made += [_saved(base, "JPEG", exif=exif, progressive=True), _saved(base.convert("CMYK"), "JPEG")]
    made += [_saved(base.convert("P"), "PNG"), _saved(base.convert("LA"), "PNG"), _saved(base.convert("I;16"), "PNG")]
    made += [_saved(base, "TIFF", compression=how) for how in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")]
    made += [_saved(base, "TIFF", save_all=True, append_images=[base]), _saved(base, "WEBP", lossless=True)]
    made += [_saved(base, "PNG", save_all=True, append_images=[base.rotate(90)])]
    return [(f"p{index}.png", data) for index, data in enumerate(made)]


@cache
def videos() -> list[tuple[str, bytes]]:
    """A fifth of a second in every container and the codecs of the trade."""
    with tempfile.TemporaryDirectory() as name:
        paths = [good_video(Path(name) / f"v.{ending}", 0.2, "64x64", codec="libx264") for ending in ("mp4", "mkv")]
        for ending, codec in VIDEOS.items():
            path = Path(name) / f"w.{ending}"
            ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.2", "-c:v", codec, path)
            paths.append(path)
        return [(path.name, path.read_bytes()) for path in paths]


@cache
def sounds() -> list[tuple[str, bytes]]:
    """A fifth of a second in every container."""
    with tempfile.TemporaryDirectory() as name:
        paths = []
        for ending, codec in SOUNDS.items():
            paths.append(Path(name) / f"s.{ending}")
            ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", "-c:a", codec, "-ar", "44100", paths[-1])
        return [(path.name, path.read_bytes()) for path in paths]


def _tables(rows: list[dict[str, object]]) -> list[tuple[str, bytes]]:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return [
        ("t.csv", "\n".join(lines).encode()),
        ("t.tsv", "\n".join(lines).replace(",", "\t").encode("utf-16")),
        ("t.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        ("t.parquet", sink.getvalue()),
    ]


def _saved(image: Image.Image, kind: str, **how: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **how)
    return sink.getvalue()
