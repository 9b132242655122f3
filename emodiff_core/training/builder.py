"""Builds shards of pairs: `python -m emodiff_core.training.builder runs/pairs --models FOLDER --people 0:800`."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from emodiff_core.flame import HeadModel, Part, load_builtin, load_ict
from emodiff_core.synthetic.people import Split
from emodiff_core.training.pairs import eyes_of, pairs
from emodiff_core.training.shards import write

ICT_SHARE = 0.65
Head = TypeVar("Head")
Build = Callable[[Path, Split, range, Path, Path | None], None]
"""folder, split, people, folder of the face models, ICT-FaceKit's head: see `build`."""


def build(folder: Path, split: Split, people: range, models: Path, ict: Path | None) -> None:
    """Shards of some people of a split; what is there already is left. ICT's people are filmed where ict is given."""
    heads = [load_builtin()] + ([set_back(load_ict(ict))] if ict else [])
    eyes = eyes_of(models)
    began, frames = time.monotonic(), 0
    for number in people:
        name = f"p{number:06d}"
        if (folder / split / name).exists():
            continue
        found = pairs(split, number, filmed_on(number, heads), heads[0], eyes)
        if found is not None:
            write(folder / split, name, found)
            frames += len(found.windows)
        rate = 4 * frames / (time.monotonic() - began)
        print(f"{split} {name} {'no face' if found is None else 'done'}, {rate:.1f} windows/s", flush=True)


def set_back(head: HeadModel, by: float = 0.12) -> HeadModel:
    """A head with its eyeballs `by` centimetres further back: ICT's corneas, drawn without their lids' own
    thickness, come through closed lids."""
    eyes = np.isin(head.parts.numpy(), (Part.SCLERA, Part.IRIS))
    template = head.template.clone()
    template[np.unique(head.faces.numpy()[eyes]), 2] -= by
    return replace(head, template=template)


def filmed_on(number: int, heads: Sequence[Head]) -> Head:
    """Which of heads, or of their names, a person is filmed on: the last for ICT_SHARE of the numbers."""
    return heads[-1] if (number * 0.618034) % 1 < ICT_SHARE else heads[0]


def command(about: str | None, build: Build) -> None:
    """A command line that builds some people of a split. about: what it says of itself."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, required=True, help="folder with the two face models")
    parser.add_argument("--split", default="train", choices=("train", "validation", "held_out"))
    parser.add_argument("--people", default="0:800", help="first:last or first:last:stride")
    parser.add_argument("--ict", type=Path, help="ICT-FaceKit's head.npz, for people of more kinds")
    given = parser.parse_args()
    build(given.folder, given.split, range(*map(int, given.people.split(":"))), given.models, given.ict)


if __name__ == "__main__":
    command(__doc__, build)
