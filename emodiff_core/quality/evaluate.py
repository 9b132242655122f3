"""Evaluation of a generator on held-out people, voices and sentences, beside its baselines."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.faces.choose import FaceModels
from emodiff_core.flame import HeadModel
from emodiff_core.generator.conditions import TOKEN_WIDTH, TOKENS, Conditions
from emodiff_core.generator.model import Generator
from emodiff_core.generator.renderer import DiffusionRenderer
from emodiff_core.generator.sampler import sample
from emodiff_core.generator.span import Renderer
from emodiff_core.quality.autoregressive import unguided
from emodiff_core.quality.baselines import GuideAlone, Regressor
from emodiff_core.quality.held_out import RATE, Clip, rendered, speaking
from emodiff_core.quality.lips import LipReader
from emodiff_core.quality.pixels import psnr
from emodiff_core.quality.responses import emotion_response, identity_top1
from emodiff_core.quality.scores import correlation, lip_scores, openings, pixel_scores, row
from emodiff_core.quality.sheets import write_sheets
from emodiff_core.synthetic.emotions import EMOTIONS
from emodiff_core.training.builder import filmed_on
from emodiff_core.training.pairs import Eyes, eyes_of
from emodiff_core.training.scenes import SIZE

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
PAPER_STEPS = 1
"""More lose: what one frame adds in grain the next ones are told to go on with."""
LATE = 3
"""Frames by which the truth comes late in the row that a measure of lips must refuse."""


@dataclass(frozen=True)
class Size:
    """How much is looked at. clips of so many frames; steps to compare on every `every`-th frame; emotion, identity,
    drift: people of each measure; fps: whether speed is taken."""

    clips: int = 8
    frames: int = 60
    steps: tuple[int, ...] = (1, 2, 4, 8, 20)
    every: int = 15
    emotion: int = 12
    identity: int = 50
    drift: int = 6
    fps: bool = True


QUICK = Size(clips=1, frames=12, steps=(1, 2), every=6, emotion=1, identity=2, drift=1, fps=False)


@dataclass(frozen=True)
class World:
    """What an evaluation stands on. heads: the built-in one first, then others that people are filmed on."""

    heads: list[HeadModel]
    models: Path

    @property
    def eyes(self) -> Eyes:
        """The face models."""
        return eyes_of(self.models)

    def reader(self) -> LipReader:
        """A reader of lips that has seen no picture yet."""
        files = FaceModels(
            self.models / "face_detection_short_range.tflite", self.models / "face_landmark_with_attention.tflite"
        )
        return LipReader(files, (0, 0, SIZE, SIZE))

    def clip(self, number: int, times: Floats | None = None, frames: int = 75, again: float = 0.0) -> Clip:
        """Held-out person `number` speaking, feeling something of their own at some intensity, see `speaking`."""
        emotion, intensity = EMOTIONS[number % 8], (0.9, 0.5, 0.7)[number % 3]
        filmed = filmed_on(number, self.heads)
        return speaking(number, filmed, self.heads[0], self.eyes, emotion, intensity, times, frames=frames, again=again)


def evaluate(
    model: Generator,
    world: World,
    size: Size | None = None,
    twin: Generator | None = None,
    say: Callable[[str], None] = print,
    sheets: Path | None = None,
    paper: Generator | None = None,
) -> dict[str, Any]:
    """`metrics`, the figures of the default number of steps, and `table`, rows of figures of it and its baselines.

    The default is the fewest steps within 0.3 dB of the best. twin: a network of the same size that was trained
    without noise (`regression`); paper: one in the paper's form, see `autoregressive`; sheets: folder for pictures of
    every clip.
    """
    size = size or Size()
    head = world.heads[0]
    clips = [world.clip(number, frames=size.frames) for number in range(size.clips)]
    by_steps = _by_steps(model, clips, head, size)
    steps = {count: scores["psnr"] for count, scores in by_steps.items()}
    default = next(count for count in sorted(steps) if steps[count] > max(steps.values()) - 0.3)
    chosen = DiffusionRenderer(model, steps=default)
    answers = {"picture held": [np.repeat(c.picture[None], len(c.truth), 0) for c in clips]}
    renderers: dict[str, Renderer] = {"guide alone": GuideAlone()}
    if twin is not None:
        renderers["regression"] = Regressor(twin)
    for name, renderer in {**renderers, _steps(default): chosen}.items():
        answers[name] = [rendered(c, head, renderer) for c in clips]
    if paper is not None:
        answers["paper form"] = [unguided(paper, clip, head, PAPER_STEPS) for clip in clips]
    rows: dict[str, dict[str, float]] = {}
    for name, frames in answers.items():
        rows[name] = row(clips, frames, world.reader())
        say(_line(name, rows[name]))
    late = [np.concatenate([np.repeat(c.truth[:1], LATE, 0), c.truth[:-LATE]]) for c in clips]
    rows[f"truth, {LATE} frames late"] = row(clips, late, world.reader())
    rows["truth"] = {**lip_scores(clips, [c.truth for c in clips], world.reader())}
    if sheets is not None:
        write_sheets(sheets, clips, answers)
    metrics: dict[str, Any] = {**rows[_steps(default)], "default_steps": default}
    metrics["steps"] = {str(count): value for count, value in steps.items()}
    metrics["steps_mouth_detail"] = {str(count): scores["mouth_detail"] for count, scores in by_steps.items()}
    metrics |= _responses(clips, world, chosen, size, say)
    metrics["codec_lossless"] = codec_is_lossless(model, clips[0].truth[0])
    metrics["frames_per_second"] = speed(model, default) if size.fps else {}
    return {"metrics": metrics, "table": rows, "clips": size.clips, "frames": size.frames}


def _responses(
    clips: Sequence[Clip], world: World, chosen: DiffusionRenderer, size: Size, say: Callable[[str], None]
) -> dict[str, Any]:
    """What is measured on people of their own, said with the seconds it took."""
    head, eyes = world.heads[0], world.eyes
    found: dict[str, Any] = {}
    for name, work in {
        "mouth_corr_audio_only": lambda: _audio_only(clips, world, chosen),
        "emotion": lambda: emotion_response(head, eyes, chosen, range(size.emotion)),
        "identity_top1": lambda: identity_top1(head, eyes, chosen, size.identity),
        "drift_db": lambda: _drift(world, chosen, size.drift),
        "drift_db_guide": lambda: _drift(world, GuideAlone(), size.drift),
    }.items():
        began = time.perf_counter()
        value = work()
        found |= value if isinstance(value, dict) else {name: value}
        say(f"{name} {value} in {time.perf_counter() - began:.0f} s")
    return found


def _by_steps(model: Generator, clips: Sequence[Clip], head: HeadModel, size: Size) -> dict[int, dict[str, float]]:
    """What pixels say by number of steps, on some frames of every clip."""
    some = [clip.some(slice(None, None, size.every)) for clip in clips]
    out: dict[int, dict[str, float]] = {}
    for count in size.steps:
        renderer = DiffusionRenderer(model, steps=count)
        each = [pixel_scores(c, rendered(c, head, renderer), False) for c in some]
        out[count] = {name: float(np.mean([one[name] for one in each])) for name in ("psnr", "mouth_detail")}
    return out


def codec_is_lossless(model: Generator, picture: Bytes) -> bool:
    """Whether patches of pixels, the model's codec, give a picture (H, W, 3) back to the bit."""
    side = model.config["size"]
    pixels = torch.from_numpy(picture[:side, :side].transpose(2, 0, 1).astype(np.float32))[None]
    patches = torch.nn.functional.pixel_unshuffle(pixels, model.patch)
    return bool(torch.equal(torch.nn.functional.pixel_shuffle(patches, model.patch), pixels))


def _audio_only(clips: Sequence[Clip], world: World, renderer: DiffusionRenderer) -> float:
    """Correlation of the lips where codes come from the sound alone."""
    from emodiff_core.audio import log_mel, speech_activity
    from emodiff_core.emotion import load_builtin_emotion

    found = []
    for number, clip in enumerate(clips):
        mel = log_mel(clip.said.samples)
        felt = np.zeros((len(clip.times), 8), np.float32)
        felt[:, number % 8] = (0.9, 0.5, 0.7)[number % 3]
        activity = speech_activity(clip.said.samples)
        path = load_builtin_emotion().trajectory(mel, activity, clip.times, felt)
        answer = rendered(clip, world.heads[0], renderer, path.total)
        found.append(correlation(openings(answer, world.reader()), openings(clip.truth, world.reader())))
    return float(np.mean(found))


def _drift(world: World, renderer: Renderer, people: int) -> float:
    """PSNR of frames 480 to 500 less that of frames 20 to 40 of one take, mean over people. The same is said at both
    ends; how the head is held differs, which the guide's own drift tells."""
    return float(np.mean([_drift_of(world, renderer, number) for number in range(1, people + 1)]))


def _drift_of(world: World, renderer: Renderer, number: int) -> float:
    times = np.concatenate([np.arange(20, 40), np.arange(480, 500)]) / RATE
    clip = world.clip(number, times.astype(np.float32), again=460 / RATE)
    answer = rendered(clip, world.heads[0], renderer).astype(np.float32) / np.float32(255)
    truth = clip.truth.astype(np.float32) / np.float32(255)
    parts = [psnr(answer[part], truth[part], clip.face[part]) for part in (slice(20, 40), slice(0, 20))]
    return parts[0] - parts[1]


def speed(model: Generator, steps: int, batches: Sequence[int] = (1, 4, 8, 16)) -> dict[str, float]:
    """Frames a second by batch, a frame being its four windows; the diffusion alone, with the threads torch has."""
    out = {}
    for batch in batches:
        given, noise = blank(batch, model.config["size"]), torch.randn(batch, 3, *[model.config["size"]] * 2)
        sample(model, given, noise, steps)
        began, rounds = time.perf_counter(), max(2, 16 // batch)
        for _ in range(rounds):
            sample(model, given, noise, steps)
        out[str(batch)] = round(rounds * batch / 4 / (time.perf_counter() - began), 2)
    return out


def blank(count: int, size: int) -> Conditions:
    """Conditions that say nothing, for timing."""

    def zeros(channels: int) -> torch.Tensor:
        return torch.zeros(count, channels, size, size)

    yes = torch.ones(count, dtype=torch.bool)
    window, audio = torch.zeros(count, dtype=torch.long), torch.zeros(count, TOKENS, TOKEN_WIDTH)
    return Conditions(
        zeros(3), zeros(1), zeros(5), zeros(3), zeros(3), zeros(1), torch.zeros(count, 53), window, audio, yes, yes
    )


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _line(name: str, row: dict[str, float]) -> str:
    return f"{name:14s} " + "  ".join(f"{key} {value:.3f}" for key, value in row.items())
