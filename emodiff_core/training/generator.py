"""Trains the generator on shards of pairs: one loop for CPU and GPU, which goes on bit by bit after a kill.

`python -m emodiff_core.training.generator runs/pairs runs/generator --preset demo --steps 6000`
"""

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from emodiff_core.generator.model import Generator, build
from emodiff_core.generator.presets import PRESETS, Name
from emodiff_core.training import history
from emodiff_core.training.checkpoints import Average, load, save
from emodiff_core.training.losses import loss, noised, silent
from emodiff_core.training.shards import Batch, draw, shards
from emodiff_core.training.sheets import Watch, watch


@dataclass(frozen=True)
class Plan:
    """How to train. steps: in all; batch: windows a step; rate: of AdamW after `warmup` steps, falling to a tenth as a
    cosine over the last `settle` of all steps; side: pixels of the squares to train on, see `shards.draw`;
    one_step: share of windows at t = 1; decay: of the average; seed: of data, noise and first weights; every: steps
    between looks; form: "regression" is the same network taught to answer at once, from no noise."""

    preset: Name = "demo"
    form: Literal["diffusion", "regression"] = "diffusion"
    steps: int = 6000
    batch: int = 16
    side: int = 96
    rate: float = 5e-4
    warmup: int = 100
    settle: float = 0.6
    one_step: float = 0.7
    decay: float = 0.995
    seed: int = 0
    every: int = 250


class Run:
    """One training in a folder: `checkpoint.pt`, `curve.csv`, `sheets/`, and at the end the averaged model."""

    def __init__(self, plan: Plan, data: Path, folder: Path, device: str = "cpu") -> None:
        self.plan, self.data, self.folder, self.device = plan, data, folder, device
        torch.manual_seed(plan.seed)
        self.model = build(plan.preset)
        torch.nn.Module.to(self.model, device)
        self.average = Average.of(self.model, plan.decay)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=plan.rate, betas=(0.9, 0.99), weight_decay=1e-2)
        self.step = 0
        self.names = [path.name for path in shards(data / "train")]
        self.seconds, self.cpu_seconds = 0.0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def train(self, grow: bool = False) -> Generator:
        """Train to the end; the averaged model. grow: take the shards that are there now, and at every look anew."""
        self.names = [p.name for p in shards(self.data / "train")] if grow else self.names
        watched = (watch if self.model.guided else history.watch)(self.data / "validation")
        began, used = time.monotonic(), time.process_time()
        for batch in self._batches():
            figures = self._update(batch)
            self.step += 1
            if self.step % self.plan.every == 0 or self.step == self.plan.steps:
                self.seconds += time.monotonic() - began
                self.cpu_seconds += time.process_time() - used
                self._look(watched, figures)
                self.names = [p.name for p in shards(self.data / "train")] if grow else self.names
                self._save()
                began, used = time.monotonic(), time.process_time()
        return self.averaged()

    def averaged(self) -> Generator:
        """The model with averaged weights, ready to render."""
        model = build(self.plan.preset)
        model.load_state_dict({name: value.cpu() for name, value in self.average.weights.items()})
        model.eval()
        return model

    def _batches(self) -> Iterator[Batch]:
        while self.step < self.plan.steps:
            folders = [self.data / "train" / name for name in self.names]
            if self.model.guided:
                yield draw(folders, self.plan.batch, self.plan.seed, self.step, self.plan.side)
            else:
                yield history.draw(folders, self.plan.batch, self.plan.seed, self.step)

    def _update(self, batch: Batch) -> dict[str, float]:
        random = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        drawn = noised(batch, random, self.plan.one_step)
        drawn = silent(drawn) if self.plan.form == "regression" else drawn
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * schedule(self.plan, self.step)
        self.model.train()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device != "cpu"):
            value, figures = loss(self.model, batch.to(self.device), drawn.to(self.device))
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.model, self.step)
        return figures

    def _look(self, watched: Watch, figures: dict[str, float]) -> None:
        """A row of the curve and a sheet of pictures."""
        model = self.averaged()
        row = {
            "step": self.step,
            "seconds": round(self.seconds),
            "people": len(self.names),
            **figures,
            **watched.figures(model),
        }
        path = self.folder / "curve.csv"
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if fresh:
                writer.writeheader()
            writer.writerow({k: round(v, 4) for k, v in row.items()})
        print(" ".join(f"{k} {round(v, 3)}" for k, v in row.items()), flush=True)
        watched.sheet(model, self.folder / "sheets" / f"{self.step:06d}.png")

    def _save(self) -> None:
        state = {"model": self.model.state_dict(), "average": self.average.weights, "step": self.step}
        state |= {"optimizer": self.optimizer.state_dict(), "names": self.names, "seconds": self.seconds}
        state |= {"cpu_seconds": self.cpu_seconds, "device": self.device}
        save(self.folder / "checkpoint.pt", {**state, "plan": asdict(self.plan)})

    def _resume(self) -> None:
        state: dict[str, Any] | None = load(self.folder / "checkpoint.pt", self.device)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.average.weights = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.names, self.seconds = state["step"], state["names"], state["seconds"]
        self.cpu_seconds = state.get("cpu_seconds", 0.0)


def schedule(plan: Plan, step: int) -> float:
    """Factor on the learning rate at a step."""
    settling = max(0.0, step / plan.steps - (1 - plan.settle)) / plan.settle
    fall = 0.1 + 0.9 * (0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * settling))))
    return min(1.0, (step + 1) / plan.warmup) * fall


def main() -> None:
    """The command line; see the file's first lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="demo", choices=tuple(PRESETS))
    parser.add_argument("--form", default="diffusion", choices=("diffusion", "regression"))
    for name, value in asdict(Plan()).items():
        if name not in ("preset", "form"):
            parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--grow", action="store_true", help="take what shards there are now, and anew at every look")
    given = vars(parser.parse_args())
    torch.set_num_threads(given["threads"])
    plan = Plan(**{name: given[name] for name in asdict(Plan())})
    run = Run(plan, given["data"], given["folder"], given["device"])
    run.train(given["grow"]).save_pretrained(given["folder"] / "model")


if __name__ == "__main__":
    main()
