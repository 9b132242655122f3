"""Expression: the track's points become codes of a head, one row per frame; DECA reads them where it is installed."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel
from infra.settings import Settings
from tasks.codes_file import Flame, write_codes
from tasks.deca import DecaReader
from tasks.heads import head_of
from tasks.licences import reader_of
from tasks.stage import Finding, Item, Result
from tasks.track_file import Landmarks, read_irises, read_track

Floats = NDArray[np.float32]

_BLOCK = 1000
POOR_FIT = 0.25  # centimetres; a good fit leaves a quarter of it


class Expression:
    """Track -> `codes.parquet`."""

    name: ClassVar[str] = "expression"
    version: ClassVar[str] = "3"

    def setup(self, settings: Settings) -> None:
        """Load the head, and DECA where it reads the expressions."""
        self._head = head_of(settings.expression.head)
        self._deca = DecaReader(settings) if reader_of(settings) == "deca" else None

    def run(self, item: Item) -> Result:
        """Fill item.out with the codes of every frame; those of frames with a reason are not to be used."""
        crop = item.inputs["crop"]
        if self._deca is None:
            codes, flame = _fitted(crop, self._head), None
        else:
            codes, flame = _told(self._deca, crop, self._head)
        write_codes(item.out, codes, flame)
        left = float(np.sqrt(np.square(codes.residual[:, :2]).sum(1).mean()))
        findings: tuple[Finding, ...] = ()
        if left > POOR_FIT:
            message = f"The head fits this face to {left:.2f} cm only; the face may be hidden, drawn or very unusual"
            findings = (Finding("warning", "POOR_FIT", message),)
        figures = {"frames": float(len(codes)), "residual_cm": left}
        return Result(findings, figures if self._deca is None else figures | {"map_left": self._deca.between.left[1]})


def _fitted(crop: Path, head: HeadModel, expression: Floats | None = None) -> Codes:
    """Codes of every frame; where the face is not in the picture at all they are zeros."""
    track, irises, points = read_track(crop, landmarks=False), read_irises(crop), Landmarks(crop)
    there = [np.ptp(points[k : k + _BLOCK][..., 0], axis=1) > 0 for k in range(0, len(track), _BLOCK)]
    seen = np.flatnonzero(np.concatenate(there))
    codes = fit_clip(
        Landmarks(crop, seen),
        head,
        rate=float(track.rate),
        weight=track.fit[seen].astype(np.float64),
        expression=None if expression is None else expression[seen],
        irises=None if irises is None else irises[seen],
        shots=track.shots[seen],
    )
    return codes if len(seen) == len(track) else _placed(codes, seen, len(track))


def _placed(codes: Codes, seen: NDArray[np.intp], count: int) -> Codes:
    """Codes of some frames among `count`, the others zero and as large as the rest."""
    place = np.zeros(count, np.intp)
    place[seen] = np.arange(len(seen))
    full = codes.frames(place)
    there = np.isin(np.arange(count), seen)[:, None]
    return replace(full, expression=full.expression * there, rotation=full.rotation * there, sigma=full.sigma * there)


def _told(deca: DecaReader, crop: Path, head: HeadModel) -> tuple[Codes, Flame]:
    """Codes whose expression DECA says; pose, identity and residual come from the face mesh, which the warp needs."""
    flame, shape = deca(crop)
    arkit = deca.between.arkit(flame).astype(np.float32)
    codes = _fitted(crop, head, arkit)
    sigma = np.broadcast_to(deca.between.sigma, arkit.shape).astype(np.float32)
    return replace(codes, sigma=sigma), Flame(flame, shape)
