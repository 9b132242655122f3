"""Who is in the footage of some jobs, before any of them runs: people by number, and a picture of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.faces.choose import FaceModels
from emodiff_core.media import Limits, decode, is_picture, probe
from infra.models import model_path
from infra.settings import Settings
from tasks.files import local_file
from tasks.jobs import Job
from tasks.people import TALKS, Person, heard, people_of, speaker
from tasks.survey import survey

Picture = NDArray[np.uint8]
SIDE = 192
_TEXT = 44


@dataclass(frozen=True)
class Casting:
    """The people of one film. picture: its address; frames: how many it has; people: by their numbers."""

    picture: str
    frames: int
    people: tuple[Person, ...]

    def as_json(self) -> dict[str, Any]:
        """What a program reads."""
        told = [_told(self, one) for one in self.people]
        auto = f"track:{speaker(list(self.people)).number}" if self.people else None
        return {"picture": self.picture, "frames": self.frames, "auto": auto, "people": told}


def _told(cast: Casting, one: Person) -> dict[str, Any]:
    return {
        "face": f"track:{one.number}",
        "frames": one.frames,
        "share": round(one.frames / max(cast.frames, 1), 4),
        "point": f"{one.at[0]},{one.at[1]}@{one.seconds:.2f}",
        "talks": one.talks >= TALKS,
    }


def footage_of(jobs: Sequence[Job], files: Mapping[str, Mapping[str, str]], settings: Settings) -> dict[str, list[str]]:
    """Job ids by the address of their footage, portraits left out. files: `tasks.files.files_of` of each job id."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        found.setdefault(files[job.job_id]["picture"], []).append(job.job_id)
    return {address: ids for address, ids in found.items() if not is_picture(local_file(address, settings))}


def look(address: str, settings: Settings, known: Mapping[str, Any] | None = None) -> Casting:
    """The people of a film, numbered as crop numbers them; known: what crop said of it in `people.json`, if it has run.

    Raises Refusal as crop does where the film cannot be read.
    """
    source, limits = local_file(address, settings), Limits(**settings.media.model_dump())
    if known and "frames" in known:
        return Casting(
            address, known["frames"], tuple(Person(**one | {"at": tuple(one["at"])}) for one in known["people"])
        )
    rate = float(probe(source, limits).rate)
    models = FaceModels(model_path("face_detection", settings), model_path("face_landmark_attention", settings))
    with TemporaryDirectory(prefix="emodiff-people-") as folder:
        film = survey(source, limits, models, settings.crop.min_face_pixels, rate, Path(folder))
        people = tuple(people_of(film, heard(source, film.times))) if film.seen else ()
    return Casting(address, len(film.times), people)


def contact_sheet(cast: Casting, settings: Settings, columns: int = 6) -> Picture:
    """A picture (H, W, 3) with the largest view of everybody, in the order of their numbers, and what `face` takes."""
    tiles: dict[int, Picture] = {}
    for frame in decode(local_file(cast.picture, settings), Limits(**settings.media.model_dump())):
        tiles |= {one.number: _tile(frame.picture, one) for one in cast.people if one.frame == frame.index}
        if len(tiles) == len(cast.people):
            break
    filled = [tiles[one.number] for one in cast.people]
    filled += [np.full((SIDE + _TEXT, SIDE, 3), 32, np.uint8)] * (-len(filled) % min(columns, max(1, len(filled))))
    wide = min(columns, len(filled))
    return np.vstack([np.hstack(filled[k : k + wide]) for k in range(0, len(filled), wide)])


def _tile(picture: Picture, one: Person) -> Picture:
    """The face with twice its width around it, its number below."""
    half = max(24, one.width or picture.shape[0] // 4)
    around = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REPLICATE)
    x, y = one.at
    face = around[y : y + 2 * half, x : x + 2 * half]
    shown = np.full((SIDE + _TEXT, SIDE, 3), 32, np.uint8)
    shown[:SIDE] = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    said = (f"track:{one.number}", f"{one.frames} frames{', talks' if one.talks >= TALKS else ''}")
    for row, text in enumerate(said):
        place = (6, SIDE + 18 + 18 * row)
        cv2.putText(shown, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (240, 240, 240), 1, cv2.LINE_AA)
    return shown
