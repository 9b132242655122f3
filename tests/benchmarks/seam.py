"""What shows of a dub in footage: step, flicker, grain and sharpness of its new pixels over the source's own.

`python -m tests.benchmarks.seam [--seconds 3] [--plain] [--sheet FOLDER] CLIP...`; a number instead of a clip is a
held-out person of the synthetic world. Everyone is re-voiced with a line that is not theirs, as the stages do it, but
without a codec. --plain leaves out what `faces.paste` does; a sheet shows source, dub and eight times their difference.
"""

import argparse
from contextlib import nullcontext
from dataclasses import astuple, fields
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.audio import log_mel
from emodiff_core.codes import Codes
from emodiff_core.emotion import load_builtin_emotion
from emodiff_core.faces.choose import FaceModels
from emodiff_core.faces.crop import rectangle
from emodiff_core.faces.track import Tracker, track_of
from emodiff_core.fit import fit_clip
from emodiff_core.flame import HeadModel, load_builtin
from emodiff_core.generator.conditions import audio_tokens
from emodiff_core.generator.renderer import load_renderer
from emodiff_core.generator.span import Finished, render_span
from emodiff_core.generator.target import revoiced
from emodiff_core.media import decode
from emodiff_core.quality.seam import SeamFigures, seam_figures
from emodiff_core.synthetic.motion import head_motion
from emodiff_core.synthetic.people import person
from emodiff_core.synthetic.render import render
from emodiff_core.synthetic.speech import utterance
from emodiff_core.synthetic.visemes import mouth
from infra.models import model_path

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

LINE = "My grandmother baked apple bread for the whole village, every Sunday before the market opened."
THEIRS = "They said the bridge was closed and nobody told us about it."
RATE = 25.0


def film_of(name: str, head: HeadModel, seconds: float) -> list[Picture]:
    """The first seconds of a clip, or a synthetic person who speaks and moves, (H, W, 3) each."""
    if not name.isdigit():
        return [frame.picture for frame in decode(Path(name)) if frame.time < seconds]
    someone, times = person(int(name), "held_out"), np.arange(round(seconds * RATE)) / RATE
    motion = head_motion("natural", times, np.zeros(0, np.float32), int(name))
    shown = np.clip(mouth(utterance(THEIRS).phonemes, times) + motion.eyes, 0, 1)
    camera = np.array([20.0, 200.0, 210.0]) + motion.translation * (0, 20, -20)
    codes = someone.codes(head, shown, motion.rotation, camera.astype(np.float32))
    return list(render(someone, head, codes, (420, 400)).frames)


def crops_of(pictures: list[Picture], models: FaceModels, head: HeadModel) -> tuple[list[Picture], Codes]:
    """The crop rectangle of every frame and the codes in it."""
    tracker = Tracker(models)
    track = track_of([tracker(picture) for picture in pictures], RATE)
    assert track is not None and track.found.all(), "no face in some frames"
    height, width = pictures[0].shape[:2]
    x, y, w, h = rectangle(track.points, (height, width))
    codes = fit_clip(track.points - np.array([x, y, 0], np.float32), head, irises=track.irises - np.float32([x, y, 0]))
    return [np.ascontiguousarray(picture[y : y + h, x : x + w]) for picture in pictures], codes


def dubbed(pictures: list[Picture], codes: Codes, head: HeadModel, plain: bool = False) -> list[Finished]:
    """The frames saying LINE; plain: not matched to their source."""
    samples, times = utterance(LINE).samples, np.arange(len(codes)) / RATE
    mel = log_mel(samples)
    path = load_builtin_emotion().trajectory(
        mel, np.ones(len(mel), np.float32), times, np.zeros((len(times), 8), np.float32)
    )
    tokens = audio_tokens(mel, times)
    with patch("emodiff_core.generator.span.Matcher", lambda *_: None) if plain else nullcontext():
        return list(render_span(pictures, codes, revoiced(codes, path.speech), tokens, head, load_renderer(), seed=1))


def sheet(pictures: list[Picture], frames: list[Finished], count: int = 3) -> Picture:
    """Some frames as source, dub and eight times their difference side by side, twice as large."""
    rows = []
    for k in np.linspace(0, len(frames) - 1, count + 2).astype(int)[1:-1]:
        own, new = pictures[k], frames[k].image
        apart = np.clip(8 * np.abs(new.astype(np.int16) - own), 0, 255).astype(np.uint8)
        rows.append(np.hstack([own, new, apart]))
    return np.asarray(cv2.resize(np.vstack(rows), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    models, head = FaceModels(model_path("face_detection"), model_path("face_landmark_attention")), load_builtin()
    print(f"{'clip':34}" + "".join(f"{field.name:>11}" for field in fields(SeamFigures)))
    for name in given.clips:
        pictures, codes = crops_of(film_of(name, head, given.seconds), models, head)
        frames = dubbed(pictures, codes, head, given.plain)
        figures = seam_figures([f.image for f in frames], pictures, [f.mask for f in frames])
        print(f"{Path(name).stem:34}" + "".join(f"{value:11.3f}" for value in astuple(figures)), flush=True)
        if given.sheet:
            given.sheet.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(given.sheet / f"{Path(name).stem}.png"), sheet(pictures, frames)[..., ::-1])


if __name__ == "__main__":
    main()
