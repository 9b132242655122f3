"""Crop: find the face in a picture, follow it, and cut its rectangle out without touching a pixel."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.choose import Choice, FaceModels
from emodiff_core.faces.crop import rectangle, unfit
from emodiff_core.faces.mesh import Mesh
from emodiff_core.faces.talk import openings
from emodiff_core.faces.track import Track, Tracker, track_of
from emodiff_core.media import Limits, LosslessWriter, decode, is_picture, probe, read_picture, write_picture
from emodiff_core.refusal import Refusal
from infra.models import model_path
from infra.settings import Settings
from tasks.stage import Finding, Item, Result
from tasks.track_file import TrackFile, write_track

Picture = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]

NO_FACE = "NO_FACE"
_REFUSALS: dict[str, Callable[[float], tuple[str, str]]] = {
    NO_FACE: lambda _: ("no face was found", "name a picture that shows a face from the front or half turned"),
    "FACE_TOO_SMALL": lambda least: (
        f"the face is narrower than {least:.0f} pixels",
        "deliver a larger picture, or lower settings.crop.min_face_pixels",
    ),
    "FACE_CUT_OFF": lambda _: ("eyes, lips or outline lie outside the picture", "name a picture with the whole face"),
    "FACE_TURNED_AWAY": lambda _: ("the face is a profile", "name a picture turned by less than 60 degrees"),
}


class Crop:
    """Picture -> `track.parquet`, `crops.mkv`, and for a portrait `picture.png`, the whole picture upright in RGB."""

    name: ClassVar[str] = "crop"
    version: ClassVar[str] = "2"

    def setup(self, settings: Settings) -> None:
        """Find the two LiteRT files and verify them."""
        mesh = model_path("face_landmark_attention", settings)
        self._models = FaceModels(model_path("face_detection", settings), mesh)

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises Refusal NO_FACE, NO_FACE_AT_POINT, FACE_TOO_SMALL, FACE_CUT_OFF, FACE_TURNED_AWAY,
        and what reading the file raises."""
        source = item.inputs["picture"]
        return self._portrait(item, source) if is_picture(source) else self._footage(item, source)

    def _portrait(self, item: Item, source: Path) -> Result:
        picture = read_picture(source, _limits(item))
        tracker = self._tracker(item)
        track = _tracked([tracker(picture)], 1.0, source)
        size = picture.shape[:2]
        reasons = _reasons(track, size, item.settings.crop.min_face_pixels)
        _refuse_unless_any(reasons, source, item.settings.crop.min_face_pixels)
        cut = rectangle(track.points, size)
        write_picture(item.out / "picture.png", picture)
        with LosslessWriter(item.out / "crops.mkv") as crops:
            crops.write(_cut(picture, cut))
        rate = Fraction(item.settings.picture.rate)
        write_track(item.out, _track_file("portrait", size, rate, 1 / rate, np.zeros(1, np.int64), track, cut, reasons))
        return _result(tracker.choice, track, reasons, item)

    def _footage(self, item: Item, source: Path) -> Result:
        limits = _limits(item)
        video = probe(source, limits)
        tracker = self._tracker(item)
        meshes: list[Mesh | None] = []
        pts: list[int] = []
        for frame in decode(source, limits):
            meshes.append(tracker(frame.picture))
            pts.append(frame.pts)
        track = _tracked(meshes, float(video.rate), source)
        size = (video.height, video.width)
        reasons = _reasons(track, size, item.settings.crop.min_face_pixels)
        _refuse_unless_any(reasons, source, item.settings.crop.min_face_pixels)
        cut = rectangle(track.points[track.found], size)
        with LosslessWriter(item.out / "crops.mkv") as crops:
            for frame in decode(source, limits):
                crops.write(_cut(frame.picture, cut))
        ticks = np.array(pts, np.int64)
        write_track(item.out, _track_file("footage", size, video.rate, video.time_base, ticks, track, cut, reasons))
        return _result(tracker.choice, track, reasons, item)

    def _tracker(self, item: Item) -> Tracker:
        return Tracker(self._models, item.job.face, item.settings.crop.min_face_pixels / 2)


def _limits(item: Item) -> Limits:
    return Limits(**item.settings.media.model_dump())


def _tracked(meshes: list[Mesh | None], rate: float, source: Path) -> Track:
    track = track_of(meshes, rate)
    if track is None:
        raise _refusal(NO_FACE, source, 0)
    return track


def _reasons(track: Track, size: tuple[int, int], smallest: float) -> tuple[str | None, ...]:
    """Why each frame is not rendered, None where it is."""
    pairs = zip(track.found, track.points, strict=True)
    return tuple(unfit(points, size, smallest) if found else NO_FACE for found, points in pairs)


def _refuse_unless_any(reasons: tuple[str | None, ...], source: Path, smallest: float) -> None:
    """Raise the commonest reason where no frame at all can be rendered."""
    if all(reasons):
        raise _refusal(max(sorted(set(map(str, reasons))), key=reasons.count), source, smallest)


def _refusal(code: str, source: Path, smallest: float) -> Refusal:
    sentence, hint = _REFUSALS[code](smallest)
    return Refusal(code, f"{source.name}: {sentence}", hint)


def _cut(picture: Picture, cut: Rectangle) -> Picture:
    x, y, w, h = cut
    return np.ascontiguousarray(picture[y : y + h, x : x + w])


def _track_file(
    kind: str,
    size: tuple[int, int],
    rate: Fraction,
    time_base: Fraction,
    pts: NDArray[np.int64],
    track: Track,
    cut: Rectangle,
    reasons: tuple[str | None, ...],
) -> TrackFile:
    height, width = size
    count = len(pts)
    crops, same = np.tile(np.array(cut, np.int32), (count, 1)), np.zeros(count, np.int16)
    return TrackFile(
        kind, width, height, rate, time_base, pts, track.points, track.presence, track.yaw, crops, reasons, same, same,
        openings(track.points), track.irises,
    )  # fmt: skip


def _result(choice: Choice | None, track: Track, reasons: tuple[str | None, ...], item: Item) -> Result:
    findings = []
    if choice is not None and choice.count > 1 and item.job.face == "auto":
        message = f"{choice.count} faces; the large one nearest to the middle was taken. Name x,y to take another"
        findings.append(Finding("info", "SEVERAL_FACES", message, 0.0))
    left_out = sum(reason is not None for reason in reasons)
    if left_out:
        kinds = ", ".join(sorted({reason for reason in reasons if reason}))
        findings.append(
            Finding(
                "warning", "FRAMES_LEFT_OUT", f"{left_out} of {len(reasons)} frames keep the source's face: {kinds}"
            )
        )
    width = float(np.ptp(track.points[..., 0], axis=1).mean())
    doubt = float(track.doubt[track.found].mean())
    figures = {"frames": len(reasons), "left_out": left_out, "face_pixels": width, "doubt": doubt}
    return Result(tuple(findings), figures)
