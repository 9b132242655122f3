"""Sheets: pictures to look at, beside the figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.quality.held_out import Clip

Bytes = NDArray[np.uint8]


def write_sheets(folder: Path, clips: Sequence[Clip], answers: Mapping[str, Sequence[Bytes]], columns: int = 6) -> None:
    """A PNG for each clip: a row for each renderer in the order of answers, the truth below, columns evenly in time.

    `sheets.txt` beside them names the rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(clips):
        rows = [frames[number] for frames in answers.values()] + [clip.truth]
        shown = np.linspace(0, len(clip.truth) - 1, min(columns, len(clip.truth))).astype(int)
        picture = np.vstack([np.hstack(list(row[shown])) for row in rows])
        cv2.imwrite(str(folder / f"clip{number:02d}.png"), picture[..., ::-1])
    (folder / "sheets.txt").write_text("\n".join([*answers, "truth"]) + "\n", "utf8")
