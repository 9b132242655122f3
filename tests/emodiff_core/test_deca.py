"""DECA: parity with the official code under shared random weights, its crop, and files that must be refused."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from emodiff_core.deca import COUNTS, DecaCodes, DecaEncoder, convert, crop, decoded, load_deca, projected, window
from emodiff_core.flame import load_builtin
from emodiff_core.flame_files import load_flame
from emodiff_core.refusal import Refusal
from tests.emodiff_core.flame_layout import encoder_state, write

GOLDEN = Path(__file__).parents[1] / "golden" / "deca_parity.npz"
"""Made by running yfeng95/DECA's encoders.py, lbs.py and batch_orth_proj on `flame_layout`'s numbers."""


def seeded_state() -> dict[str, torch.Tensor]:
    shapes = {k: tuple(v.shape) for k, v in DecaEncoder().state_dict().items() if not k.endswith("num_batches_tracked")}
    return {key: torch.from_numpy(value) for key, value in encoder_state(shapes).items()}


def deca_tar(path: Path) -> Path:
    torch.save({"E_flame": seeded_state(), "E_detail": {}, "D_detail": {}}, path)
    return path


def test_the_encoder_agrees_with_the_official_one(tmp_path: Path) -> None:
    encoder = load_deca(deca_tar(tmp_path / "deca_model.tar"))
    crops = torch.from_numpy(np.random.default_rng(7).random((2, 3, 224, 224)).astype(np.float32))
    with torch.no_grad():
        codes = encoder(crops).numpy()
    with np.load(GOLDEN) as golden:
        assert np.abs(codes - golden["codes"]).max() < 1e-4


def test_flame_decode_and_projection_agree_with_the_official_ones(tmp_path: Path) -> None:
    head = load_flame(write(tmp_path / "flame.pkl"), points=some_points(tmp_path))
    with np.load(GOLDEN) as golden:
        parts = [torch.from_numpy(golden[k]) for k in ("betas", "pose", "camera")]
        betas, pose, camera = parts
        none = torch.zeros(3, 50)
        codes = DecaCodes(betas[:, :100], none, betas[:, 100:], pose, camera, torch.zeros(3, 9, 3))
        vertices = decoded(head, codes)[:, golden["index"]]
        assert np.abs(vertices.numpy() / 100 - golden["vertices"]).max() < 1e-4
        assert np.abs(projected(vertices, camera).numpy() - golden["projected"]).max() < 1e-4


def some_points(folder: Path) -> Path:
    path = folder / "points.npz"
    np.savez(path, points_vertices=np.zeros((468, 3), np.int64), points_weights=np.full((468, 3), 1 / 3, np.float32))
    return path


def test_codes_come_in_decas_order_and_sizes() -> None:
    assert sum(COUNTS.values()) == 236
    codes = DecaEncoder().eval().codes(torch.rand(2, 3, 224, 224))
    assert codes.shape.shape == (2, 100) and codes.pose.shape == (2, 6) and codes.light.shape == (2, 9, 3)


def test_a_converted_file_gives_the_same_codes(tmp_path: Path) -> None:
    official = deca_tar(tmp_path / "deca_model.tar")
    converted = load_deca(convert(official, tmp_path / "deca.safetensors"))
    crops = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    assert torch.equal(converted(crops), load_deca(official)(crops))


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.mark,)  # type: ignore[return-value]


def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "deca_model.tar"
    torch.save({"E_flame": Hostile(mark)}, path)
    with pytest.raises(Refusal) as refused:
        load_deca(path)
    assert refused.value.code == "HOSTILE_WEIGHTS" and not mark.exists()


def test_files_that_are_no_deca_model_are_refused(tmp_path: Path) -> None:
    torn, other = tmp_path / "torn.tar", tmp_path / "other.tar"
    torn.write_bytes(pickle.dumps([1])[:3])
    torch.save({"state": torch.zeros(3)}, other)
    for path in (torn, other):
        with pytest.raises(Refusal):
            load_deca(path)


def test_the_crop_holds_the_face_from_brows_to_chin() -> None:
    head = load_builtin()
    points = head.landmarks(head.template[None])[0].numpy() * np.array([20, -20, 20]) + np.array([300, 250, 0])
    x, y, side = window(points)
    assert abs(x - 300) < 2 and points[152, 1] < y + side / 2 and side == int(side)
    inside = points[:, 0] > x - side / 2
    assert inside.all() and (points[:, 0] < x + side / 2).all()


def test_the_crops_corners_are_the_windows_corners() -> None:
    ramp = np.zeros((400, 400, 3), np.uint8)
    ramp[..., 0] = np.clip(np.arange(400) // 2, 0, 255)[None]
    cut = crop(ramp, (200.5, 200.5, 200.0))[0, 0] * 255
    assert cut.shape == (224, 224)
    assert abs(float(cut[100, 0]) - 50) < 0.6 and abs(float(cut[100, -1]) - 150) < 0.6
