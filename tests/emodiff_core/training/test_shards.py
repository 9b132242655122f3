"""Shards: written whole, drawn by seed and step, mirrored and cut without lying."""

import numpy as np
import pytest
import torch

from emodiff_core.codes import ARKIT
from emodiff_core.generator.windows import WINDOWS
from emodiff_core.training.pairs import LAYERS, Pairs
from emodiff_core.training.shards import MIRROR_CODES, cut, draw, mirrored, read, shards, write


def some_pairs(seed, frames=3, size=32):
    random = np.random.default_rng(seed)
    windows = random.integers(0, 256, (frames, 4, LAYERS, size, size), dtype=np.uint8)
    windows[:, :, 7:12] = 0
    windows[:, :, 7:12, 12:20, 8:24] = 255
    return Pairs(
        windows=windows,
        identity=random.integers(0, 256, (4, 3, size, size), dtype=np.uint8),
        expression=random.random((frames, 53), dtype=np.float32),
        tokens=random.random((frames, 11, 320), dtype=np.float32),
        footage=False,
    )


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        write(tmp_path, f"p{number:06d}", some_pairs(number))
    return tmp_path


def test_a_half_written_shard_is_not_seen(folder):
    (folder / ".p000009").mkdir()
    assert [path.name for path in shards(folder)] == ["p000000", "p000001", "p000002"]


def test_what_was_written_is_read(folder):
    pairs = some_pairs(1)
    batch = read(shards(folder)[1], np.array([2, 0]), np.array([1, 3]))
    assert torch.allclose((batch.truth[0] + 1) * 127.5, torch.from_numpy(pairs.windows[2, 1, :3]).float(), atol=1e-3)
    told = torch.from_numpy(pairs.windows[0, 3, 3:6]).float()
    assert torch.allclose((batch.conditions.guide[1] + 1) * 127.5, told, atol=1e-3)
    assert torch.allclose(batch.conditions.expression, torch.from_numpy(pairs.expression[[2, 0]]))
    assert batch.conditions.window.tolist() == [1, 3]


def test_the_same_seed_and_step_draw_the_same_batch_and_another_step_another(folder):
    one, again, other = (draw(shards(folder), 8, 5, step) for step in (7, 7, 8))
    assert torch.equal(one.truth, again.truth) and torch.equal(one.conditions.guide, again.conditions.guide)
    assert not torch.equal(one.truth, other.truth)
    assert len(one.truth) == 8


def test_known_pixels_are_the_true_ones(folder):
    batch = draw(shards(folder), 40, 0, 0)
    known = batch.conditions.known.expand_as(batch.truth) > 0.5
    assert known.any() and not known.all()
    assert torch.equal(batch.conditions.guide[known], batch.truth[known])
    assert (batch.conditions.valid[batch.conditions.known > 0.5] == 1).all()


def test_a_mirror_turns_left_eyes_into_right_ones_and_twice_is_nothing(folder):
    batch = read(shards(folder)[0], np.zeros(4, int), np.arange(4))
    turned = mirrored(batch)
    assert [WINDOWS[int(w)] for w in turned.conditions.window] == ["face", "mouth", "eye_r", "eye_l"]
    assert ARKIT[MIRROR_CODES[ARKIT.index("mouthLeft")]] == "mouthRight"
    assert ARKIT[MIRROR_CODES[ARKIT.index("eyeBlink_L")]] == "eyeBlink_R"
    back = mirrored(turned)
    assert torch.equal(back.truth, batch.truth)
    assert torch.equal(back.conditions.normals, batch.conditions.normals)
    assert torch.equal(back.conditions.expression, batch.conditions.expression)


def test_a_cut_takes_the_same_square_of_everything(folder):
    batch = read(shards(folder)[0], np.zeros(4, int), np.arange(4))
    batch.conditions.guide.copy_(batch.truth)
    small = cut(batch, 16, np.random.default_rng(0))
    assert small.truth.shape == (4, 3, 16, 16) and small.conditions.masks.shape == (4, 5, 16, 16)
    assert torch.equal(small.truth, small.conditions.guide)
