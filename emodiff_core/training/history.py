"""Histories: a frame with the two before it, for models that are told of no guide but of what was just seen.

`python -m emodiff_core.training.history runs/history --models MODELS --ict HEAD.NPZ --people 0:150`
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emodiff_core.codes import Codes
from emodiff_core.faces.outlines import polygon
from emodiff_core.faces.points import EYE_LEFT, EYE_RIGHT, FACE_OVAL, LIPS_INNER, LIPS_OUTER
from emodiff_core.faces.warp import head_points, window_view
from emodiff_core.flame import HeadModel, load_builtin, load_ict
from emodiff_core.generator.conditions import Conditions
from emodiff_core.generator.target import portrait
from emodiff_core.generator.windows import rest_points, window_matrix
from emodiff_core.synthetic.actor import actor
from emodiff_core.synthetic.camera import camera_of
from emodiff_core.synthetic.people import Split
from emodiff_core.synthetic.render import shoot
from emodiff_core.training.builder import command, filmed_on, set_back
from emodiff_core.training.pairs import TARGETS, Eyes, eyes_of, portrait_codes
from emodiff_core.training.scenes import SIZE, Scene, scene
from emodiff_core.training.shards import MIRROR_CODES, Batch, coloured, shards
from emodiff_core.training.sheets import Watch

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

BEFORE = (0.0, 0.04, 0.08)
"""Seconds before its target of each frame of a history: itself, and two frames at 25 a second."""
SIDE = 128
FRESH = 0.15
"""Share of frames that are told the identity picture instead of frames before: a film has to begin."""


@dataclass(frozen=True)
class History:
    """K frames of one person in the window `face`.

    frames: (K, 3, 3, S, S) uint8, target first, see BEFORE; masks: (K, 5, S, S) uint8 of the target, see
    `Warp.masks`; identity: (3, S, S) uint8; expression: (K, 53); tokens: (K, 11, 320).
    """

    frames: Bytes
    masks: Bytes
    identity: Bytes
    expression: Floats
    tokens: Floats


def history(split: Split, number: int, filmed: HeadModel, fitted: HeadModel, eyes: Eyes, targets: int = TARGETS) -> (
    History | None
):  # fmt: skip
    """The frames that `pairs` makes of a person, with those before; None where the face is not found."""
    plans = [scene(split, number, filmed, targets, before) for before in BEFORE]
    camera = camera_of(plans[0].person)
    cast = actor(plans[0].person, filmed, detail=3 * SIZE)
    source = shoot(cast, plans[0].codes.frames(slice(0, 1)), (SIZE, SIZE), camera).frames[0]
    codes = portrait_codes(source, fitted, eyes)
    if codes is None:
        return None
    quiet = replace(camera, noise=0.0, quality=100)
    films = [shoot(cast, plan.codes.frames(slice(1, None)), (SIZE, SIZE), quiet).frames for plan in plans]
    goals = [_goal(plan, codes, fitted) for plan in plans]
    seen = [_windows(film, goal, fitted) for film, goal in zip(films, goals, strict=True)]
    return History(
        frames=np.stack(seen, 1),
        masks=_masks(goals[0], fitted),
        identity=_windows(source[None], codes, fitted)[0],
        expression=goals[0].expression,
        tokens=plans[0].tokens,
    )


def _goal(plan: Scene, codes: Codes, head: HeadModel) -> Codes:
    return portrait(codes, head, plan.codes.expression[1:], plan.motion.rotation, plan.motion.translation)


def _windows(film: Bytes, goal: Codes, head: HeadModel) -> Bytes:
    """(K, 3, S, S) of frames (K, H, W, 3), each in its own window."""
    views = [
        window_view(frame.astype(np.float32), window_matrix(rest, "face", SIDE), SIDE)
        for frame, rest in zip(film, rest_points(head, goal), strict=True)
    ]
    return np.clip(np.stack(views).transpose(0, 3, 1, 2) + 0.5, 0, 255).astype(np.uint8)


def _masks(goal: Codes, head: HeadModel) -> Bytes:
    """(K, 5, S, S): where lips, mouth, eyes and face are, by the contours of the codes; for the loss alone."""
    out = np.zeros((len(goal), 5, SIDE, SIDE), np.float32)
    for row, rest in enumerate(rest_points(head, goal)):
        matrix = window_matrix(rest, "face", SIDE)
        points = head_points(head, head.posed(goal.frames(slice(row, row + 1)))[0])[:, :2]
        at = points @ matrix[:, :2].T + matrix[:, 2]
        lips, inner, left, right, oval = (
            polygon(at[ring], (SIDE, SIDE)) for ring in (LIPS_OUTER, LIPS_INNER, EYE_LEFT, EYE_RIGHT, FACE_OVAL)
        )
        out[row] = np.stack([np.clip(lips - inner, 0, 1), inner, 0 * inner, np.maximum(left, right), oval])
    return (out * 255).astype(np.uint8)


def write(folder: Path, name: str, made: History) -> None:
    """One shard, a folder with one file; it appears whole or not at all."""
    part = folder / f".{name}"
    part.mkdir(parents=True, exist_ok=True)
    np.savez(part / "history.npz", **{**vars(made), "tokens": made.tokens.astype(np.float16)})
    part.rename(folder / name)


def build(folder: Path, split: Split, people: range, models: Path, ict: Path | None) -> None:
    """Shards of some people of a split; what is there already is left."""
    heads = [load_builtin()] + ([set_back(load_ict(ict))] if ict else [])
    eyes = eyes_of(models)
    for number in people:
        name = f"p{number:06d}"
        if not (folder / split / name).exists():
            made = history(split, number, filmed_on(number, heads), heads[0], eyes)
            if made is not None:
                write(folder / split, name, made)
            print(split, name, "no face" if made is None else "done", flush=True)


def draw(folders: Sequence[Path], count: int, seed: int, step: int, per_person: int = 4) -> Batch:
    """A batch of `count` frames with those before, `per_person` of one person; the same for the same seed and step."""
    random = np.random.default_rng([seed, step])
    chosen = random.choice(len(folders), -(-count // per_person), replace=len(folders) < count)
    parts = [_some(folders[k], per_person, random) for k in chosen]
    return coloured(Batch.joined(parts).at(slice(0, count)), random)


def _some(folder: Path, count: int, random: np.random.Generator) -> Batch:
    with np.load(folder / "history.npz") as stored:
        rows = random.integers(0, len(stored["frames"]), count)
        batch = _read(stored, rows)
    fresh = torch.from_numpy(random.random((count, 1, 1, 1)) < FRESH).float()
    c = batch.conditions
    assert c.motion is not None
    motion = torch.lerp(c.motion, c.identity.repeat(1, 2, 1, 1), fresh)
    batch = replace(batch, conditions=replace(c, motion=motion))
    return _mirrored(batch) if random.random() < 0.5 else batch


def _read(stored: "np.lib.npyio.NpzFile", rows: NDArray[np.intp]) -> Batch:
    count = len(rows)
    frames = torch.from_numpy(stored["frames"][rows]).float() / 127.5 - 1
    identity = (torch.from_numpy(stored["identity"]).float() / 127.5 - 1).expand(count, -1, -1, -1)
    masks = torch.from_numpy(stored["masks"][rows]).float() / 255
    return Batch(
        unguided(
            identity,
            torch.cat([frames[:, 1], frames[:, 2]], 1),
            torch.from_numpy(stored["expression"][rows]).float(),
            torch.from_numpy(stored["tokens"][rows]).float(),
            masks,
        ),
        frames[:, 0],
    )


def unguided(
    identity: torch.Tensor, motion: torch.Tensor, expression: torch.Tensor, audio: torch.Tensor,
    masks: torch.Tensor | None = None,
) -> Conditions:  # fmt: skip
    """Conditions of N frames of the window `face` for a model without a guide, which is told none.

    identity: (N, 3, S, S), motion: (N, 6, S, S) in [-1, 1], the last frame first; expression: (N, 53); audio:
    (N, 11, 320); masks: (N, 5, S, S), for the loss alone. In the guide's place stands the identity.
    """
    count, side = len(identity), identity.shape[-1]
    blank, yes = torch.zeros(count, 1, side, side), torch.ones(count, dtype=torch.bool)
    return Conditions(
        guide=identity,
        valid=torch.ones_like(blank),
        masks=blank.repeat(1, 5, 1, 1) if masks is None else masks,
        normals=blank.repeat(1, 3, 1, 1),
        identity=identity,
        known=blank,
        expression=expression,
        window=torch.zeros(count, dtype=torch.long),
        audio=audio,
        has_expression=yes,
        has_audio=yes.clone(),
        motion=motion,
    )


def _mirrored(batch: Batch) -> Batch:
    c = batch.conditions
    motion = None if c.motion is None else c.motion.flip(-1)
    flip = {name: getattr(c, name).flip(-1) for name in ("guide", "masks", "identity")}
    changed = replace(c, **flip, motion=motion, expression=c.expression[:, MIRROR_CODES])
    return Batch(changed, batch.truth.flip(-1))


def watch(folder: Path, each: int = 8) -> Watch:
    """Frames of the first people of a folder, `each` of one; before them stands the truth."""
    parts = []
    for number, shard in enumerate(shards(folder)[:8]):
        with np.load(shard / "history.npz") as stored:
            parts.append(_read(stored, np.random.default_rng(number).integers(0, len(stored["frames"]), each)))
    order = torch.arange(len(parts) * each).reshape(len(parts), each).T.flatten()
    return Watch(Batch.joined(parts).at(order))


if __name__ == "__main__":
    command(__doc__, build)
