"""How far a head may turn before footage lets go of it, on people of the synthetic world whose angle is known.

`python -m tests.benchmarks.profiles [NUMBER...]`: held-out people turn to 77 degrees and back, to either side. Columns:
the largest true angle of a frame that would be rendered, on the way out and back; the mean and largest error of the
mesh's points in rendered frames, in hundredths of the face's width when frontal; the share of frames under 45 degrees
that are rendered; and what reason the others have.
"""

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emodiff_core.faces.choose import FaceModels
from emodiff_core.flame import HeadModel, load_builtin
from emodiff_core.media import Limits
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.story import Film, Scripted, film
from infra.models import model_path
from tasks.people import reasons_of
from tasks.survey import survey
from tests.scenes import write_film

RATE, SIZE = 25, (320, 320)
COLUMNS = ("out", "back", "error", "worst", "under 45", "reasons")


def turning(number: int, side: float, head: HeadModel) -> Film:
    """A held-out person who turns; side: 1 to one side, -1 to the other."""
    someone = person(number, "held_out")
    return film((someone, someone), head, SIZE, RATE, (Scripted((0,), 4.0, act="turn", close=0.5, side=side),))


def row(made: Film, models: FaceModels) -> tuple[object, ...]:
    """What became of its frames."""
    degrees = np.degrees(np.abs(made.turned))
    with TemporaryDirectory() as folder:
        found = survey(write_film(Path(folder) / "film.mp4", made), Limits(), models, 48, RATE, Path(folder))
        reasons = np.array(reasons_of(found, 0, np.zeros(len(degrees), bool)), dtype=object)
        kept = np.array([reason is None for reason in reasons])
        errors = np.full(len(degrees), np.nan)
        for one in found.of(0):
            seen = np.load(one.points)["points"][..., :2]
            truth = np.stack([made.scene.points[k][0][:, :2] for k in range(one.first, one.end)])
            errors[one.first : one.end] = np.linalg.norm(seen - truth, axis=2).mean(1)
    width = float(np.ptp(made.scene.points[0][0][:, 0]))
    middle = int(degrees.argmax())
    out, back = (degrees[part][kept[part]].max(initial=0) for part in (slice(0, middle), slice(middle, None)))
    others = Counter(str(reason) for reason in reasons if reason is not None)
    told = ", ".join(f"{count} {name}" for name, count in others.items())
    mean, worst = 100 * np.nanmean(errors[kept]) / width, 100 * np.nanmax(errors[kept]) / width
    return out, back, mean, worst, float(kept[degrees < 45].mean()), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", nargs="*", type=int, default=[0, 1, 2, 3, 4, 5])
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    head = load_builtin()
    print(f"{'person':>8}{'side':>6}" + "".join(f"{name:>10}" for name in COLUMNS))
    for number in parser.parse_args().people:
        for side in (1, -1):
            *figures, told = row(turning(number, side, head), models)
            print(f"{number:8}{side:6}" + "".join(f"{figure:10.2f}" for figure in figures) + f"  {told}", flush=True)


if __name__ == "__main__":
    main()
