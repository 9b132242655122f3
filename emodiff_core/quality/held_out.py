"""Held-out clips: people, voices and sentences that no model has seen, filmed with the truth, and rendered again."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import FACE_OVAL, LIPS_OUTER
from emodiff_core.flame import HeadModel
from emodiff_core.generator.span import Renderer, render_span
from emodiff_core.generator.target import portrait
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.actor import actor
from emodiff_core.synthetic.camera import camera_of, clean
from emodiff_core.synthetic.corpus import line
from emodiff_core.synthetic.emotions import direction
from emodiff_core.synthetic.motion import Motion
from emodiff_core.synthetic.people import Split
from emodiff_core.synthetic.render import shoot
from emodiff_core.synthetic.speech import Speech
from emodiff_core.training.pairs import Eyes, portrait_codes
from emodiff_core.training.scenes import SIZE, Scene, take

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
RATE = 25


@dataclass(frozen=True)
class Clip:
    """picture: (H, W, 3) the identity; truth: (N, H, W, 3) uint8; face, mouth: (N, H, W) in [0, 1] where they are by
    the exact points; source: fitted codes of the picture; plan: the scene; said: what is heard; times: (N,) seconds."""

    picture: Bytes
    truth: Bytes
    face: Floats
    mouth: Floats
    source: Codes
    plan: Scene
    said: Speech
    times: NDArray[np.float64]

    def target(self, head: HeadModel, expression: Floats | None = None) -> Codes:
        """Codes to render: the true expression (N, 53) or another, on the fitted person, moved as at run time."""
        shown = self.plan.codes.expression[1:] if expression is None else expression
        return portrait(self.source, head, shown, self.plan.motion.rotation, self.plan.motion.translation)

    def some(self, rows: slice) -> "Clip":
        """Some of the frames."""
        codes, motion = self.plan.codes, self.plan.motion
        kept = np.concatenate([[0], 1 + np.arange(len(self.truth))[rows]])
        moves = Motion(motion.rotation[rows], motion.translation[rows], motion.eyes[rows])
        expression, rotation, camera = codes.expression[kept], codes.rotation[kept], codes.camera[kept]
        plan = replace(
            self.plan, codes=codes.moved(expression, rotation, camera), motion=moves, tokens=self.plan.tokens[rows]
        )
        seen = {name: getattr(self, name)[rows] for name in ("truth", "face", "mouth", "times")}
        return replace(self, plan=plan, **seen)


def speaking(
    number: int, filmed: HeadModel, fitted: HeadModel, eyes: Eyes, emotion: str, intensity: float, times: Floats | None,
    split: Split = "held_out", frames: int = 75, again: float = 0.0,
) -> Clip:  # fmt: skip
    """Person `number` of a split speaking a line of it; times: (N,) seconds or the first `frames` at 25 a second;
    again: seconds after which the line begins anew, at once where it is longer."""
    said = line(split, number, emotion, intensity).spoken().padded(0.3, 0.4)
    said = said.padded(0.0, max(0.0, again - said.seconds))
    at = np.arange(min(frames, int(said.seconds * RATE))) / RATE if times is None else times.astype(np.float64)
    while said.seconds < at[-1]:
        said = said.then(said)
    return film(number, filmed, fitted, eyes, said, at, direction(emotion) * np.float32(intensity), split)


def film(
    number: int, filmed: HeadModel, fitted: HeadModel, eyes: Eyes, said: Speech, times: NDArray[np.float64],
    felt: Floats, split: Split = "held_out",
) -> Clip:  # fmt: skip
    """Film a person and fit the identity picture. Raises Refusal NO_FACE where the face mesh sees no face."""
    plan = take(split, number, filmed, said, times, felt)
    camera = replace(clean(camera_of(plan.person)), blur=camera_of(plan.person).blur)
    shot = shoot(actor(plan.person, filmed, detail=3 * SIZE), plan.codes, (SIZE, SIZE), camera)
    source = portrait_codes(shot.frames[0], fitted, eyes)
    if source is None:
        raise Refusal("NO_FACE", f"no face is seen in held-out person {number}", "take another number")
    points = shot.points[1:, :, :2]
    face = np.stack([polygon(p[FACE_OVAL], (SIZE, SIZE)) for p in points])
    mouth = np.stack([polygon(_wider(p[LIPS_OUTER]), (SIZE, SIZE)) for p in points])
    return Clip(shot.frames[0], shot.frames[1:], face, mouth, source, plan, said, times)


def rendered(clip: Clip, head: HeadModel, renderer: Renderer, expression: Floats | None = None) -> Bytes:
    """(N, H, W, 3) uint8: the identity picture made to act as the truth does."""
    target = clip.target(head, expression)
    frames = render_span([clip.picture], clip.source, target, clip.plan.tokens, head, renderer, seed=1)
    return np.stack([frame.image for frame in frames])


def _wider(ring: Floats, by: float = 1.25) -> Floats:
    middle = ring.mean(0)
    return (middle + (ring - middle) * by).astype(np.float32)
