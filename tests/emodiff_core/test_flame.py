"""Heads: official FLAME files opened without running them, articulation, ICT-FaceKit's folder, landed landmarks."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from emodiff_core.flame import HeadModel, load_builtin
from emodiff_core.flame_files import load_flame
from emodiff_core.ict_files import read_folder, read_obj
from emodiff_core.landing import landed
from emodiff_core.refusal import Refusal
from emodiff_core.safe_pickle import load_arrays
from emodiff_core.skinning import rotations
from tests.emodiff_core.flame_layout import arrays, write


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return load_flame(write(tmp_path_factory.mktemp("flame") / "generic_model.pkl"))


def test_a_flame_file_becomes_a_head_in_centimetres(flame: HeadModel) -> None:
    source = arrays()
    assert np.allclose(flame.template.numpy(), source["v_template"] * 100, atol=1e-4)
    assert flame.shape_basis.shape[0] == 100 and flame.expression_basis.shape[0] == 50
    assert flame.parents == (-1, 0, 1, 1, 1) and flame.pose_basis.shape[0] == 36
    wanted = np.moveaxis(source["shapedirs"], 2, 0)[300:350] * 100
    assert np.allclose(flame.expression_basis.numpy(), wanted, atol=1e-4)


def test_chumpy_and_sparse_members_come_out_as_arrays(tmp_path: Path) -> None:
    found, source = load_arrays(write(tmp_path / "flame.pkl")), arrays()
    assert np.array_equal(found["shapedirs"], source["shapedirs"])
    assert np.allclose(found["J_regressor"], source["J_regressor"])


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch hostile_was_here",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_pickle_is_refused_by_name_and_runs_nothing(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps({"v_template": Hostile()}, protocol=protocol))
    with pytest.raises(Refusal, match="system") as refused:
        load_flame(path)
    assert refused.value.code == "HOSTILE_WEIGHTS"
    assert not Path("hostile_was_here").exists()


@pytest.mark.parametrize(("module", "name"), [("builtins", "eval"), ("numpy", "load"), ("scipy.sparse", "load_npz")])
def test_even_array_libraries_may_only_build_arrays(tmp_path: Path, module: str, name: str) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(f"c{module}\n{name}\n(S'x'\ntR.".encode())
    with pytest.raises(Refusal) as refused:
        load_arrays(path)
    assert refused.value.code == "HOSTILE_WEIGHTS"


def test_an_object_array_inside_a_pickle_cannot_smuggle_a_call(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({"v_template": np.array([Hostile()], dtype=object)}))
    with pytest.raises(Refusal) as refused:
        load_arrays(path)
    assert refused.value.code == "HOSTILE_WEIGHTS"


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x02]q\x00."])
def test_a_file_that_is_no_model_is_called_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        load_flame(path)
    assert refused.value.code == "WEIGHTS_UNREADABLE"


def test_resting_joints_change_nothing(flame: HeadModel) -> None:
    shape, expression = torch.randn(2, 10) * 0.3, torch.randn(2, 50) * 0.3
    still, turned = flame.vertices(shape, expression), flame.articulated(shape, expression, torch.zeros(2, 5, 3))
    assert torch.allclose(still, turned, atol=1e-3)


def test_turning_the_root_turns_the_whole_head_about_its_joint(flame: HeadModel) -> None:
    turns = torch.zeros(1, 5, 3)
    turns[0, 0] = torch.tensor([0.1, 0.4, -0.2])
    none = torch.zeros(1, 1), torch.zeros(1, 50)
    moved = flame.articulated(*none, turns)[0]
    joint = flame.joints[0] @ flame.template
    wanted = (flame.template - joint) @ rotations(turns[0, 0]).T + joint
    assert torch.allclose(moved, wanted, atol=1e-3)


def test_the_jaw_opens_the_mouth_and_leaves_the_brows(flame: HeadModel) -> None:
    turns = torch.zeros(1, 5, 3)
    turns[0, 2, 0] = 0.3
    none = torch.zeros(1, 1), torch.zeros(1, 50)
    points = flame.landmarks(flame.articulated(*none, turns))[0] - flame.landmarks(flame.template[None])[0]
    assert points[152].norm() > 1.0 and points[9].norm() < 0.1


def test_articulation_can_be_differentiated_at_rest(flame: HeadModel) -> None:
    turns = torch.zeros(1, 5, 3, requires_grad=True)
    flame.articulated(torch.zeros(1, 1), torch.zeros(1, 50), turns).square().mean().backward()
    assert turns.grad is not None and torch.isfinite(turns.grad).all()


def test_rotations_agree_with_scipy() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    ours = rotations(torch.from_numpy(vectors)).numpy()
    assert np.abs(ours - Rotation.from_rotvec(vectors).as_matrix()).max() < 1e-9


def test_landmarks_land_where_they_lie_on_a_moved_and_scaled_head() -> None:
    head = load_builtin()
    other = head.template.numpy() * 1.07 + np.array([0.0, 2.0, -1.0], np.float32)
    corners, share = landed(other.astype(np.float32), head.faces.numpy())
    found = (other[corners] * share[..., None]).sum(1)
    wanted = head.landmarks(head.template[None])[0].numpy() * 1.07 + np.array([0.0, 2.0, -1.0])
    assert np.median(np.linalg.norm(found - wanted, axis=1)) < 0.3


def test_an_obj_file_is_read_with_its_materials(tmp_path: Path) -> None:
    path = tmp_path / "box.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nusemtl M_Face\nf 1/1 2/2 3/3 4/4\nusemtl M_Teeth\nf 1 2 3\n")
    vertices, polygons, material, names = read_obj(path)
    assert vertices.shape == (4, 3) and names == ["M_Face", "M_Teeth"]
    assert polygons.tolist() == [[0, 1, 2, 3], [0, 1, 2, -1]] and material.tolist() == [0, 1]


def test_a_folder_that_is_not_icts_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"generic_neutral_mesh\.obj"):
        read_folder(tmp_path)
    (tmp_path / "generic_neutral_mesh.obj").write_text("v 0 0 0\nf 1 1 1\n")
    with pytest.raises(Refusal, match="identity000"):
        read_folder(tmp_path)
    (tmp_path / "identity000.obj").write_text("v 0 0 0\n")
    with pytest.raises(Refusal, match="1 vertices"):
        read_folder(tmp_path)
