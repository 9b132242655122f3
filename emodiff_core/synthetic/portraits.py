"""Demo portraits, held-out people on the built-in head: python -m emodiff_core.synthetic.portraits FOLDER."""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.flame import HeadModel, load_builtin
from emodiff_core.synthetic.camera import camera_of, clean
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.render import render

SIDE = 512
PEOPLE = {"anna": (15, 0.10), "bruno": (9, -0.08), "chidi": (11, 0.06), "dario": (14, -0.05)}
"""Name of the file: number among the held-out people, turn of the head in radians."""


def portrait(number: int, turn: float, head: HeadModel, side: int = SIDE) -> NDArray[np.uint8]:
    """Head and shoulders (side, side, 3) uint8 of a held-out person with the faintest smile, lips closed."""
    someone = person(number, "held_out")
    expression = np.zeros((1, len(ARKIT)), np.float32)
    for name in ("mouthSmile_L", "mouthSmile_R"):
        expression[0, ARKIT.index(name)] = 0.12
    camera = np.array([[side / 33, side / 2, side * 0.46]], np.float32)
    codes = someone.codes(head, expression, np.array([[0.02, turn, 0.0]], np.float32), camera)
    film = render(someone, head, codes, (side, side), clean(camera_of(someone)), fineness=3)
    return np.asarray(film.frames[0], np.uint8)


def main(folder: Path) -> None:
    """Writes one PNG a person."""
    head = load_builtin()
    folder.mkdir(parents=True, exist_ok=True)
    for name, (number, turn) in PEOPLE.items():
        picture = portrait(number, turn, head)
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
