"""The loop: steps, average of weights, checkpoints that resume exactly, and a card written by the run itself."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emodiff_core.codes import ARKIT
from emodiff_core.emotion.model import EmotionModel, joined
from emodiff_core.emotion.network import Network, Shape
from emodiff_core.synthetic import flite
from emodiff_core.synthetic.phones import SPEECH_CODES
from emodiff_core.synthetic.visemes import OPENING
from emodiff_core.training.emotion.batches import Batch, batch
from emodiff_core.training.emotion.card import write_card
from emodiff_core.training.emotion.clips import Clip, clip, clips, nonsense_clip, recorded_clip, studio_clip
from emodiff_core.training.emotion.discriminators import Judges, judging_loss, pleasing_loss
from emodiff_core.training.emotion.ear import Ear, ear
from emodiff_core.training.emotion.measures import measure


@dataclass(frozen=True)
class Settings:
    """steps; size: windows a batch; rows: of a window, 100 a second; rate of learning; judged: share of the steps after
    which the judges take part; pleasing: weight of their opinion; average: decay of the averaged weights; clips of
    training and, held, of validation; every: steps between checkpoints; seed of weights and batches; processes that
    make clips; nonsense: further clips without sense; recorded: clips by Flite's voices, which join, twice as often as
    others, after the share recorded_from of the steps; shutting: weight of the closures of p, b and m; features: what
    is heard, log-mel or a folder or hub name of a wav2vec 2.0 or HuBERT model."""

    steps: int = 2400
    size: int = 16
    rows: int = 256
    rate: float = 2e-3
    judged: float = 0.7
    pleasing: float = 0.01
    average: float = 0.998
    clips: int = 1600
    held: int = 32
    every: int = 200
    seed: int = 1
    processes: int = 1
    nonsense: int = 0
    recorded: int = 0
    recorded_from: float = 0.6
    shutting: float = 0.3
    features: str = "log-mel"


class Run:
    """What a checkpoint holds: networks, their optimisers, the averaged network, the step."""

    def __init__(self, settings: Settings) -> None:
        self.ear = ear(settings.features)
        torch.manual_seed(settings.seed)
        shape = Shape(SPEECH_CODES, self.ear.bins, self.ear.features, self.ear.digest)
        self.settings, self.step = settings, 0
        self.network, self.average = Network(shape), Network(shape)
        self.average.load_state_dict(self.network.state_dict())
        self.average.eval()
        self.judges = Judges(2 * shape.hidden, len(shape.speech))
        self.optimiser = torch.optim.AdamW(self.network.parameters(), settings.rate, betas=(0.9, 0.98))
        self.judge_optimiser = torch.optim.Adam(self.judges.parameters(), 4e-4, betas=(0.5, 0.99))

    def advance(self, data: list[Clip]) -> dict[str, float]:
        """One step; returns its losses."""
        s = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = s.rate * min(1.0, (self.step + 1) / 200) * _cosine(self.step / s.steps)
        torch.manual_seed(s.seed * 1_000_003 + self.step)
        drawn = batch(data, s.size, s.rows, self.network.shape.noise, s.seed, self.step, self.ear)
        losses = self._learn(drawn, self.step >= s.judged * s.steps)
        keep = min(s.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)
        self.step += 1
        return losses

    def _learn(self, drawn: Batch, judged: bool) -> dict[str, float]:
        self.network.train()
        codes, logit, features = self.network(drawn.sound)
        feeling = _chosen(self.network, features, drawn)
        parts = losses(codes, logit, feeling, drawn, self.settings.shutting)
        if judged:
            parts["pleasing"] = self.settings.pleasing * self._judge(codes, features.detach(), feeling, drawn)
        self.optimiser.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        return {k: float(v.detach()) for k, v in parts.items()}

    def _judge(self, codes: Tensor, features: Tensor, feeling: Tensor, drawn: Batch) -> Tensor:
        """Teach the judges, then ask them."""
        columns = self.network.columns
        real = self.judges(drawn.mouth[:, ::2, columns], features, drawn.feeling, drawn.emotion)
        mouth = codes[:, ::2, columns]
        fake = self.judges(mouth.detach(), features, feeling.detach(), drawn.emotion)
        self.judge_optimiser.zero_grad()
        judging_loss(real, fake).backward()
        self.judge_optimiser.step()
        return pleasing_loss(self.judges(mouth, features, feeling, drawn.emotion))

    def state(self) -> dict[str, Any]:
        """All that a checkpoint keeps."""
        parts = ("network", "average", "judges", "optimiser", "judge_optimiser")
        return {"step": self.step, **{name: getattr(self, name).state_dict() for name in parts}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step = int(state["step"])
        for name, value in state.items():
            if name != "step":
                getattr(self, name).load_state_dict(value)


def losses(codes: Tensor, logit: Tensor, feeling: Tensor, drawn: Batch, shutting: float = 0.3) -> dict[str, Tensor]:
    """Mouth codes, their speed, the lips' opening in cm, closures with the weight `shutting`, and the feeling."""
    opening = torch.from_numpy(OPENING)
    error = codes - drawn.mouth
    shut = (drawn.shut > 0.5).float()
    return {
        "mouth": 30 * F.huber_loss(codes, drawn.mouth, delta=0.1),
        "speed": 200 * (error[:, 1:] - error[:, :-1]).square().mean(),
        "opening": 2 * (error @ opening).square().mean(),
        "shut": shutting * F.binary_cross_entropy_with_logits(logit, shut, pos_weight=torch.tensor(2.0)),
        "feeling": 30 * (feeling - drawn.feeling).square().mean(),
    }


def train_several(plans: Sequence[Settings], work: Path, out: Path, say: Callable[[str], None] = print) -> None:
    """Train a network of each plan, in `work`/1 and so on, and join them in `out` with a card."""
    if len(plans) == 1:
        train(plans[0], work, out, say)
        return
    folders = [work / str(number) for number in range(1, len(plans) + 1)]
    for plan, folder in zip(plans, folders, strict=True):
        train(plan, folder, folder / "out", say, work / "clips")
    joined([EmotionModel.load(folder / "out") for folder in folders]).save(out)
    held = held_out(plans[0].held, work / "clips", ear(plans[0].features))
    write_card(out, [(plan, plan.steps) for plan in plans], held)


def train(
    settings: Settings, work: Path, out: Path, say: Callable[[str], None] = print, cache: Path | None = None
) -> None:
    """Train, or go on with the run in `work`; the best averaged weights on validation lie in `out` with their card.

    cache: folder of the clips, `work`/clips by default.
    """
    cache = cache or work / "clips"
    run, path, best = Run(settings), work / "checkpoint.pt", float("-inf")
    some = partial(clips, cache=cache, processes=settings.processes, ear=run.ear)
    data = some("train", settings.clips)
    if settings.nonsense:
        data += some("train", settings.nonsense, make=nonsense_clip)
    more = 2 * some("train", settings.recorded, make=recorded_clip) if settings.recorded else []
    held = some("validation", settings.held)
    if path.exists():
        kept = torch.load(path, weights_only=True)
        run.restore(kept["run"])
        best = kept["best"]
        say(f"resumed at step {run.step}")
    began, recent = time.monotonic(), []
    while run.step < settings.steps:
        late = run.step >= settings.recorded_from * settings.steps
        recent.append(run.advance(data + more if late else data))
        if run.step % settings.every == 0 or run.step == settings.steps:
            figures = measure(EmotionModel(run.average), held)
            score = figures.mouth_corr + 0.5 * figures.bilabial_closed + 0.2 * figures.silence_closed
            means = {k: round(float(np.mean([r[k] for r in recent if k in r])), 4) for k in recent[-1]}
            say(f"{run.step} {time.monotonic() - began:.0f} s  {figures.line()}  {means}")
            recent = []
            if score > best:
                best = score
                EmotionModel(run.average).save(out)
            _write(path, {"run": run.state(), "best": best})
    if not (out / "model.safetensors").exists():
        # A run that goes on into an empty folder, with its best behind it.
        EmotionModel(run.average).save(out)
    write_card(out, [(settings, run.step)], held_out(settings.held, cache, run.ear))


def held_out(count: int, cache: Path, ear: Ear) -> dict[str, list[Clip]]:
    """The sets that the card is measured on; recorded voices where Flite is installed."""
    makers = {"studio": studio_clip, "hard": clip, **({"recorded": recorded_clip} if flite.installed() else {})}
    return {name: clips("held_out", count, cache, make=make, ear=ear) for name, make in makers.items()}


def _chosen(network: Network, features: Tensor, drawn: Batch) -> Tensor:
    """mu_e + G_e(t) of each window's own emotion (B, R / 4, 53). The sound's features are not taught by feelings."""
    every = network.emotion(features.detach(), drawn.noise)
    index = drawn.emotion[:, None, None, None].expand(-1, every.shape[1], 1, len(ARKIT))
    return every.gather(2, index)[:, :, 0] + network.mean[drawn.emotion][:, None]


def _cosine(share: float) -> float:
    return 0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * share)))


def _write(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)
