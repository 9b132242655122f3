"""Crop: find the face in a picture, follow it, and cut its rectangle out without touching a pixel."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.crop import rectangle, unfit
from emodiff_core.faces.talk import openings
from emodiff_core.faces.track import Tracker, track_of
from emodiff_core.media import Limits, LosslessWriter, decode, is_picture, probe, read_picture, write_picture
from emodiff_core.media.ending import last_duration
from emodiff_core.refusal import Refusal
from infra.models import model_path
from infra.settings import Settings
from tasks.people import DISSOLVE, NO_FACE, TALKS, Person, chosen, heard, people_of, reasons_of, told
from tasks.places import crops_of, parts_of
from tasks.stage import Finding, Item, Result
from tasks.survey import Survey, survey
from tasks.track_file import TrackFile, write_parts, write_track

Picture = NDArray[np.uint8]
_REFUSALS: dict[str, Callable[[float], tuple[str, str]]] = {
    NO_FACE: lambda _: ("no face was found", "name a picture that shows a face from the front or half turned"),
    "FACE_TOO_SMALL": lambda least: (
        f"the face is narrower than {least:.0f} pixels",
        "deliver a larger picture, or lower settings.crop.min_face_pixels",
    ),
    "FACE_CUT_OFF": lambda _: ("eyes, lips or outline lie outside the picture", "name a picture with the whole face"),
    "MOUTH_HIDDEN": lambda _: ("something is before the mouth in every frame", "name footage that shows the mouth"),
    "SPEECH_OFF_SCREEN": lambda _: (
        "the face that is meant never speaks while it is seen",
        "name another face in the sheet's column `face`",
    ),
    DISSOLVE: lambda _: ("the face is only seen while the film dissolves", "name footage with whole pictures of it"),
    "FACE_TURNED_AWAY": lambda _: ("the face is a profile", "name a picture turned by less than 60 degrees"),
}


class Crop:
    """Picture -> `track.parquet`, `crops.mkv`; for a portrait `picture.png`, the whole picture upright in RGB;
    for footage `people.json`, everybody who was found and who of them was taken."""

    name: ClassVar[str] = "crop"
    version: ClassVar[str] = "6"

    def setup(self, settings: Settings) -> None:
        """Find the two LiteRT files and verify them."""
        mesh = model_path("face_landmark_attention", settings)
        self._models = FaceModels(model_path("face_detection", settings), mesh)

    def run(self, item: Item) -> Result:
        """Fill item.out. Raises Refusal NO_FACE, NO_FACE_AT_POINT, NO_SUCH_TRACK, FACE_TOO_SMALL, FACE_CUT_OFF,
        FACE_TURNED_AWAY, MOUTH_HIDDEN, SPEECH_OFF_SCREEN, and what reading the file raises."""
        source = item.inputs["picture"]
        return self._portrait(item, source) if is_picture(source) else self._footage(item, source)

    def _portrait(self, item: Item, source: Path) -> Result:
        picture = read_picture(source, _limits(item))
        tracker = Tracker(self._models, item.job.face, item.settings.crop.min_face_pixels / 2)
        smallest, size = item.settings.crop.min_face_pixels, picture.shape[:2]
        track = track_of([tracker(picture)], 1.0)
        if track is None:
            raise _refusal(NO_FACE, source, 0)
        reasons = (unfit(track.points[0], size, smallest),)
        _refuse_unless_any(reasons, source, smallest)
        cut = rectangle(track.points, size)
        write_picture(item.out / "picture.png", picture)
        with LosslessWriter(item.out / "crops.mkv") as crops:
            crops.write(_cut(picture, cut))
        rate = Fraction(item.settings.picture.rate)
        one = np.zeros(1, np.int16)
        write_track(
            item.out,
            TrackFile(
                "portrait", size[1], size[0], rate, 1 / rate, np.zeros(1, np.int64), track.points, track.presence,
                track.yaw, np.array([cut], np.int32), reasons, one, one, openings(track.points), track.irises,
            ),
        )  # fmt: skip
        count = tracker.choice.count if tracker.choice else 1
        message = f"{count} faces; the large one nearest to the middle was taken. Name x,y to take another"
        several = count > 1 and item.job.face == "auto"
        findings = (Finding("info", "SEVERAL_FACES", message, 0.0),) if several else ()
        width = float(np.ptp(track.points[0, :, 0]))
        return Result(findings, {"frames": 1, "left_out": 0, "face_pixels": width, "doubt": float(track.doubt[0])})

    def _footage(self, item: Item, source: Path) -> Result:
        limits, smallest = _limits(item), item.settings.crop.min_face_pixels
        video = probe(source, limits)
        with TemporaryDirectory(dir=item.out, prefix=".points-") as folder:
            film = survey(source, limits, self._models, smallest, float(video.rate), Path(folder))
            if not film.seen:
                raise _refusal(NO_FACE, source, 0)
            speech = heard(source, film.times)
            people = people_of(film, speech)
            one = chosen(film, people, item.job.face)
            reasons = reasons_of(film, one.number, speech)
            _refuse_unless_any(reasons, source, smallest)
            crops = crops_of(film, one.number, reasons)
            last = last_duration(source, video, film.pts)
            write_parts(item.out, parts_of(film, one.number, reasons, crops, video, last))
        with LosslessWriter(item.out / "crops.mkv") as file:
            for frame, crop in zip(decode(source, limits), crops.tolist(), strict=True):
                file.write(_cut(frame.picture, crop))
        frames, found = len(film.times), [asdict(person) for person in people]
        about = {"chosen": one.number, "frames": frames, "people": found}
        (item.out / "people.json").write_text(json.dumps(about, indent=1) + "\n")
        return _result(film, people, one, reasons, item)


def _limits(item: Item) -> Limits:
    return Limits(**item.settings.media.model_dump())


def _refuse_unless_any(reasons: tuple[str | None, ...], source: Path, smallest: float) -> None:
    """Raise the commonest reason where no frame at all can be rendered; that there is no face only where it is all."""
    if all(reasons):
        named = [reason for reason in reasons if reason and reason != NO_FACE] or [NO_FACE]
        raise _refusal(max(sorted(set(named)), key=named.count), source, smallest)


def _refusal(code: str, source: Path, smallest: float) -> Refusal:
    sentence, hint = _REFUSALS[code](smallest)
    return Refusal(code, f"{source.name}: {sentence}", hint)


def _cut(picture: Picture, cut: Sequence[int]) -> Picture:
    x, y, w, h = cut
    return np.ascontiguousarray(picture[y : y + h, x : x + w])


def _result(film: Survey, people: list[Person], one: Person, reasons: tuple[str | None, ...], item: Item) -> Result:
    findings = []
    if len(people) > 1:
        which = "talks" if one.talks >= TALKS else "is the most prominent"
        why = f"it {which}" if item.job.face == "auto" else f"as {item.job.face} says"
        message = f"{told(people, film)}. track:{one.number} was taken: {why}"
        findings.append(Finding("info", "SEVERAL_FACES", message, float(film.times[one.frame])))
    left_out = sum(reason is not None for reason in reasons)
    if left_out:
        kinds = ", ".join(f"{reasons.count(kind)} {kind}" for kind in sorted({reason for reason in reasons if reason}))
        message = f"{left_out} of {len(reasons)} frames keep the source's face: {kinds}"
        findings.append(Finding("warning", "FRAMES_LEFT_OUT", message))
    own = film.of(one.number)
    figures = {
        "frames": len(reasons),
        "left_out": left_out,
        "shots": int(film.shots[-1]) + 1,
        "people": len(people),
        "face_pixels": float(np.concatenate([stretch.boxes[:, 2] for stretch in own]).mean()),
        "doubt": float(np.concatenate([stretch.doubt for stretch in own]).mean()),
    }
    return Result(tuple(findings), figures)
