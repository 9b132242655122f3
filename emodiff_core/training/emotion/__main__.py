"""`python -m emodiff_core.training.emotion --out folder [--work folder] [--steps 6000] ...`"""

import argparse
from dataclasses import fields
from pathlib import Path

from emodiff_core.training.emotion.loop import Settings, train


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train the emotion model on synthetic speech.")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, config and card")
    parser.add_argument("--work", type=Path, default=Path("runs/emotion"), help="folder for clips and checkpoints")
    for f in fields(Settings):
        parser.add_argument(f"--{f.name}", type=type(f.default), default=f.default)
    given = vars(parser.parse_args())
    out, work = given.pop("out"), given.pop("work")
    train(Settings(**given), work, out, lambda text: print(text, flush=True))


if __name__ == "__main__":
    main()
