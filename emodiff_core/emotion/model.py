"""The trained model as the pipeline uses it: trajectories at any times of any picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from emodiff_core.audio import ROWS
from emodiff_core.emotion.network import Committee, Network, Shape
from emodiff_core.refusal import Refusal
from emodiff_core.synthetic.emotions import compose
from emodiff_core.synthetic.visemes import close_lips

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BUILTIN = Path(__file__).parent.parent / "weights" / "emotion"
_CHUNK, _CONTEXT = 3000, 200
"""Rows rendered at once and rows of overlap to either side: a film does not have to fit one LSTM."""
_REST = 40
"""Rows of silence after the last, in which lips that the sound leaves open close."""


@dataclass(frozen=True)
class Trajectory:
    """Expression over N times. speech (N, 53): the words alone; emotion (N, 53): what feeling adds to them, negative
    where it takes away; total (N, 53) = speech + emotion, in [0, 1]."""

    speech: Floats
    emotion: Floats
    total: Floats


class EmotionModel:
    """psi(t) = psi_speech(t) + a(t) (mu_e + G_e(t)); lips that speech closes stay closed."""

    def __init__(self, network: Network | Committee) -> None:
        self.network = network.eval()

    def trajectory(
        self, sound: Floats, activity: Floats, times: Doubles, weights: Floats, seed: int = 0, first: int = 0
    ) -> Trajectory:
        """What the face does.

        sound: (M, bins) of `log_mel`, or of the speech model that the network was trained with; activity: (M,) speech
        probability, both 100 rows a second; times: (N,) seconds, any rate; weights: (N, 8) how strongly each of
        EMOTIONS is felt (`cue_weights`); seed: of the fluctuations; first: row of a longer track, divisible by 4,
        that sound begins with and times count from.
        """
        sound = np.pad(sound, ((0, _REST), (0, 0)), constant_values=self.network.shape.silence)
        activity = np.pad(activity, (0, _REST))
        speech, feeling = self._rows(sound, seed, first)
        speech = speech * _gate(activity)[:, None]
        spoken = np.clip(_at(speech, times, ROWS), 0, 1)
        felt = np.einsum("ne,nec->nc", weights, self._emotion_at(feeling, times))
        total = compose(spoken, np.clip(felt, 0, 1).astype(np.float32))
        return Trajectory(spoken, total - spoken, total)

    def _rows(self, sound: Floats, seed: int, first: int) -> tuple[Floats, Floats]:
        """Mouth codes (M, 53) with closed lips shut and G (M / 4, 8, 53), chunk by chunk."""
        noise = _noise((first + len(sound)) // 4 + 2 * _CONTEXT, self.network.shape.noise, seed)[first // 4 :]
        mouths, feelings = [], []
        for start in range(0, len(sound), _CHUNK):
            low, high = max(0, start - _CONTEXT), min(len(sound), start + _CHUNK + _CONTEXT)
            codes, feeling = self._chunk(sound[low:high], noise[low // 4 :])
            mouths.append(codes[start - low : start - low + _CHUNK])
            feelings.append(feeling[(start - low) // 4 : (start - low + _CHUNK) // 4])
        return np.concatenate(mouths)[: len(sound)], np.concatenate(feelings)

    @torch.inference_mode()
    def _chunk(self, sound: Floats, noise: Floats) -> tuple[Floats, Floats]:
        silence = self.network.shape.silence
        padded = np.pad(sound.astype(np.float32), ((0, -len(sound) % 4), (0, 0)), constant_values=silence)
        codes, logit, features = self.network(torch.from_numpy(padded)[None])
        drawn = torch.from_numpy(noise[: len(padded) // 4])[None]
        feeling = self.network.emotion(features, drawn)[0].numpy()
        shut = closing(logit[0].numpy())
        return close_lips(np.clip(codes[0].numpy(), 0, 1), shut), feeling

    def _emotion_at(self, feeling: Floats, times: Doubles) -> Floats:
        """mu_e + G_e at times: (N, 8, 53)."""
        mean = self.network.mean.detach().numpy()
        flat = _at(feeling.reshape(len(feeling), -1), times, ROWS / 4, first=0.015)
        return np.maximum(mean + flat.reshape(-1, *mean.shape), 0)

    def save(self, folder: Path) -> None:
        """`model.safetensors` in half precision and `config.json` beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        halves = {k: v.half().contiguous() for k, v in self.network.state_dict().items()}
        save_file(halves, folder / "model.safetensors")
        config = asdict(self.network.shape) | {"members": len(_members(self.network))}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf8")

    @staticmethod
    def load(folder: Path) -> "EmotionModel":
        """Of a folder written by `save`. Raises Refusal WEIGHTS_MISSING."""
        shape, members = shape_of(folder), _config(folder).get("members", 1)
        network = Network(shape) if members == 1 else Committee([Network(shape) for _ in range(members)])
        network.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
        return EmotionModel(network)


def shape_of(folder: Path) -> Shape:
    """What a folder written by `EmotionModel.save` holds. Raises Refusal WEIGHTS_MISSING."""
    config = {name: value for name, value in _config(folder).items() if name != "members"}
    return Shape(**{**config, "speech": tuple(config["speech"])})


def joined(models: Sequence[EmotionModel]) -> EmotionModel:
    """One model of several of one shape: the average of their mouths errs less than each (Breiman 1996)."""
    return EmotionModel(Committee([member for model in models for member in _members(model.network)]))


def _members(network: Network | Committee) -> list[Network]:
    return [cast(Network, one) for one in network.members] if isinstance(network, Committee) else [network]


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / "model.safetensors").exists() or not (folder / "config.json").exists():
        raise Refusal("WEIGHTS_MISSING", f"no emotion model in {folder}", "train one: emodiff train emotion")
    return dict(json.loads((folder / "config.json").read_text("utf8")))


@lru_cache(1)
def load_builtin_emotion() -> EmotionModel:
    """The model that comes with the project, trained on its own synthetic speech (weights/emotion/card.md)."""
    return EmotionModel.load(BUILTIN)


def closing(logit: Floats) -> Floats:
    """How far the lips are shut (M,) by the network's logit: decided early, so that a likely p, b or m touches."""
    likely = 1 / (1 + np.exp(-logit))
    part = np.clip((likely - 0.12) / 0.16, 0, 1)
    return gaussian_filter1d(np.asarray(part * part * (3 - 2 * part), np.float32), 0.6)


def _gate(activity: Floats) -> Floats:
    """1 from a little before speech to a little after, 0 in silence, smooth (M,)."""
    wide = maximum_filter1d(np.asarray(activity, np.float32), 17)
    return np.clip(gaussian_filter1d(np.clip((wide - 0.2) / 0.3, 0, 1), 3.0), 0, 1).astype(np.float32)


def _at(rows: Floats, times: Doubles, rate: float, first: float = 0.0) -> Floats:
    """Rows (M, C), row k at first + k / rate seconds, read at times (N,) by a cubic spline, held at the ends."""
    clock = first + np.arange(len(rows)) / rate
    inside = np.clip(times, clock[0], clock[-1])
    if len(rows) < 2:
        return np.repeat(rows, len(times), 0)
    return np.asarray(CubicSpline(clock, rows, axis=0)(inside), np.float32)


def _noise(count: int, channels: int, seed: int) -> Floats:
    """Smooth noise (count, channels) of unit variance, 25 rows a second, that wanders within about a second."""
    white = np.random.default_rng(seed).normal(size=(count, channels))
    smooth = gaussian_filter1d(white, 17.0, axis=0)
    return (smooth * np.sqrt(17.0 * 3.54)).astype(np.float32)
