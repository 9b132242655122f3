"""The built-in head: the file is what the code makes, the surface is sound, and codes do what their names say."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emodiff_core.codes import ARKIT
from emodiff_core.faces.points import MIRROR
from emodiff_core.flame import HeadModel, Part, load_builtin
from emodiff_core.head.build import FILE, read, sculpted
from emodiff_core.head.sculpt import Sculpt, sculpt
from emodiff_core.raster import rasterize

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_builtin()


@pytest.fixture(scope="module")
def made() -> Sculpt:
    return sculpt()


def points(head: HeadModel, **codes: float) -> Floats:
    expression = torch.zeros(1, 53)
    for name, value in codes.items():
        expression[0, ARKIT.index(name)] = value
    return head.landmarks(head.vertices(torch.zeros(1, 1), expression))[0].numpy()


def moved(head: HeadModel, **codes: float) -> Floats:
    return points(head, **codes) - points(head)


def test_the_committed_file_is_what_the_sculpt_makes(head: HeadModel, made: Sculpt) -> None:
    assert np.abs(head.template.numpy() - made.vertices).max() < 1e-4
    assert np.array_equal(head.faces.numpy(), made.faces)
    assert np.array_equal(head.parts.numpy(), made.parts)


@pytest.mark.slow
def test_the_committed_directions_and_expressions_are_what_the_code_makes(head: HeadModel) -> None:
    arrays = sculpted(None)
    assert np.abs(arrays["expression_basis"].astype(np.float32) - head.expression_basis.numpy()).max() < 0.01
    assert np.abs(arrays["shape_basis"].astype(np.float32) - head.shape_basis.numpy()).max() < 0.01
    assert read(FILE).name == "builtin"


def test_it_is_the_size_of_a_head_in_the_frame_of_the_others(head: HeadModel) -> None:
    rest = points(head)
    assert 13.0 < rest[454, 0] - rest[234, 0] < 15.5
    assert 16.0 < rest[10, 1] - rest[152, 1] < 19.0
    assert rest[33, 0] < 0 < rest[263, 0] and rest[4, 2] > rest[168, 2] > rest[234, 2]
    assert 5_000 <= len(head.template) <= 9_000 and FILE.stat().st_size < 6_000_000


def test_the_skin_is_one_sheet_open_at_mouth_eyes_and_neck(made: Sculpt) -> None:
    faces = made.skin.faces
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    rims = np.concatenate([made.skin.lips[0], made.skin.lids[:, 0].ravel()])
    open_edges = unique[count == 1]
    at_rims = np.isin(open_edges, rims).all(1)
    assert at_rims.sum() == len(rims)
    assert (made.vertices[open_edges[~at_rims]][..., 1] < -14).all()


def test_triangles_face_outwards(head: HeadModel) -> None:
    pixels = head.template.numpy() * np.array([10, -10, 10], np.float32) + np.array([160, 200, 0], np.float32)
    seen = rasterize(pixels.astype(np.float32), head.faces.numpy(), (420, 320))
    parts = head.parts.numpy()[np.maximum(seen.face, 0)]
    assert (seen.face[90:300, 130:190] >= 0).all()
    assert set(np.unique(parts[seen.face >= 0])) >= {Part.SKIN, Part.LIP_UPPER, Part.LIP_LOWER, Part.SCLERA, Part.IRIS}


def test_it_is_symmetric(head: HeadModel) -> None:
    rest = points(head)
    assert np.abs(rest[MIRROR] * np.array([-1, 1, 1]) - rest).max() < 0.1


def test_lips_meet_at_rest_for_every_person(head: HeadModel) -> None:
    shape = torch.randn(20, len(head.shape_basis), generator=torch.Generator().manual_seed(4)).clamp(-2, 2)
    everyone = head.landmarks(head.vertices(shape, torch.zeros(20, 53)))
    assert (everyone[:, 13] - everyone[:, 14]).norm(dim=-1).max() < 0.05


def test_identities_are_orthogonal_bounded_and_at_least_20(head: HeadModel) -> None:
    assert len(head.shape_basis) >= 20
    reach = head.shape_basis[:, head.points_vertices].norm(dim=-1)
    assert reach.max() < 1.5
    offsets = (head.shape_basis[:, head.points_vertices] * head.points_weights[None, :, :, None]).sum(2)
    flat = (offsets * torch.tensor([1.0, 1.0, 0.45])).flatten(1)
    flat = flat / flat.norm(dim=1, keepdim=True)
    likeness = (flat @ flat.T - torch.eye(len(flat))).abs()
    assert likeness.mean() < 0.12


def test_one_unit_of_jaw_parts_the_lips_as_on_ict(head: HeadModel) -> None:
    gap = moved(head, jawOpen=1)
    assert gap[13, 1] - gap[14, 1] == pytest.approx(3.27, abs=0.35)
    assert gap[152, 1] == pytest.approx(-2.78, abs=0.45)


def test_a_smile_lifts_its_corner_as_on_ict(head: HeadModel) -> None:
    assert moved(head, mouthSmile_L=1)[291] == pytest.approx(np.array([0.74, 1.04, -0.92]), abs=0.2)
    assert np.abs(moved(head, mouthSmile_L=1)[61]).max() < 0.25


def test_mouth_close_closes_what_the_jaw_opens_and_presses_as_ict_does(head: HeadModel) -> None:
    both = points(head, jawOpen=1, mouthClose=1)
    assert both[13, 1] - both[14, 1] == pytest.approx(-0.47, abs=0.35)


def test_a_blink_brings_the_lids_together(head: HeadModel) -> None:
    rest, shut = points(head), points(head, eyeBlink_L=1, eyeBlink_R=1)
    for upper, lower in ((159, 145), (386, 374)):
        assert rest[upper, 1] - rest[lower, 1] > 0.7
        assert abs(shut[upper, 1] - shut[lower, 1]) < 0.05


def test_shut_lids_hide_the_eyes(head: HeadModel) -> None:
    expression = torch.zeros(1, 53)
    expression[0, [ARKIT.index("eyeBlink_L"), ARKIT.index("eyeBlink_R")]] = 1
    vertices = head.vertices(torch.zeros(1, 1), expression)[0].numpy()
    pixels = vertices * np.array([20, -20, 20], np.float32) + np.array([160, 160, 0], np.float32)
    seen = rasterize(pixels.astype(np.float32), head.faces.numpy(), (320, 320))
    parts = head.parts.numpy()[seen.face[seen.face >= 0]]
    assert np.isin(parts, (Part.IRIS, Part.SCLERA)).sum() < 30


def test_the_jaw_carries_lower_teeth_and_tongue_and_leaves_the_upper_teeth(head: HeadModel) -> None:
    opening = head.expression_basis[ARKIT.index("jawOpen")].norm(dim=1)
    of = {part: head.faces[head.parts == part].unique() for part in Part}
    assert opening[of[Part.TEETH_LOWER]].min() > 1.0 and opening[of[Part.TONGUE]].min() > 0.3
    assert opening[of[Part.TEETH_UPPER]].max() < 1e-3


def test_gaze_turns_the_eyeball_the_way_it_says(head: HeadModel) -> None:
    iris = head.faces[head.parts == Part.IRIS].unique()
    left = iris[head.template[iris, 0] > 0]
    move = {n: head.expression_basis[ARKIT.index(f"eyeLook{n}_L"), left].mean(0) for n in ("Up", "Down", "In", "Out")}
    assert move["Up"][1] > 0.2 and move["Down"][1] < -0.2 and move["In"][0] < -0.2 and move["Out"][0] > 0.2


def test_left_and_right_are_mirror_images(head: HeadModel) -> None:
    for name in ("mouthSmile", "browDown", "eyeBlink", "noseSneer"):
        left, right = moved(head, **{f"{name}_L": 1}), moved(head, **{f"{name}_R": 1})
        assert np.abs(left[MIRROR] * np.array([-1, 1, 1]) - right).max() < 0.1
