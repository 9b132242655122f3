"""Rebuild the built-in head: `python -m emodiff_core.head [--mesh face_landmark.tflite]`."""

import argparse
from pathlib import Path

from emodiff_core.head.build import write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mesh", type=Path, help="the face-mesh model, to find its 468 points again")
    print(write(parser.parse_args().mesh))
