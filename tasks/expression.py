"""Expression: the track's points become codes of a head, one row per frame."""

from typing import ClassVar

import numpy as np

from emodiff_core.fit import fit_clip
from infra.settings import Settings
from tasks.codes_file import write_codes
from tasks.heads import head_of
from tasks.stage import Finding, Item, Result
from tasks.track_file import read_track

POOR_FIT = 0.25  # centimetres; a good fit leaves a quarter of it


class Expression:
    """Track -> `codes.parquet`."""

    name: ClassVar[str] = "expression"
    version: ClassVar[str] = "1"

    def setup(self, settings: Settings) -> None:
        """Load the head."""
        self._head = head_of(settings.expression.head)

    def run(self, item: Item) -> Result:
        """Fill item.out with the codes of every frame; those of frames with a reason are not to be used."""
        track = read_track(item.inputs["crop"])
        codes = fit_clip(track.landmarks, self._head, rate=float(track.rate), weight=_weight(track.reasons))
        write_codes(item.out, codes)
        left = float(np.sqrt(np.square(codes.residual[:, :2]).sum(1).mean()))
        findings: tuple[Finding, ...] = ()
        if left > POOR_FIT:
            message = f"The head fits this face to {left:.2f} cm only; the face may be hidden, drawn or very unusual"
            findings = (Finding("warning", "POOR_FIT", message),)
        return Result(findings, {"frames": len(codes), "residual_cm": left})


def _weight(reasons: tuple[str | None, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([0.0 if reason else 1.0 for reason in reasons])
