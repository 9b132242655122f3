"""Many frames at once see what one frame after the other sees."""

import numpy as np
import pytest
import torch

from emodiff_core.flame import load_builtin
from emodiff_core.raster import interpolate, rasterize
from emodiff_core.raster_batch import interpolate_batch, rasterize_batch

SIZE = (120, 96)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.fixture(scope="module")
def heads() -> tuple[np.ndarray, np.ndarray]:
    """Three turned heads in pixels: (3, V, 3), and their faces; parts of the last lie outside the picture."""
    head = load_builtin()
    shape = head.template.numpy()
    turned = []
    for angle, across in ((0.0, 48.0), (0.6, 40.0), (-1.0, 90.0)):
        spin = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        points = (shape - shape.mean(0)) @ spin.T * 4
        turned.append(points * [1, -1, 1] + [across, 60, 0])
    return np.array(turned, np.float32), head.faces.numpy().astype(np.int64)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cull", [True, False])
def test_each_frame_is_as_if_it_were_alone(heads: tuple[np.ndarray, np.ndarray], cull: bool, device: str) -> None:
    vertices, faces = heads
    seen = rasterize_batch(torch.tensor(vertices, device=device), torch.tensor(faces, device=device), SIZE, cull)
    for k, points in enumerate(vertices):
        alone = rasterize(points, faces, SIZE, cull)
        same = seen.face[k].cpu().numpy() == alone.face
        assert same.mean() > 0.9995 and (alone.face >= 0).mean() > 0.1
        np.testing.assert_allclose(seen.weights[k].cpu().numpy()[same], alone.weights[same], atol=1e-5)
        np.testing.assert_allclose(seen.depth[k].cpu().numpy()[same], alone.depth[same], rtol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_values_are_read_off_as_from_one_frame(heads: tuple[np.ndarray, np.ndarray], device: str) -> None:
    vertices, faces = heads
    told = [torch.tensor(one, device=device) for one in (vertices, faces)]
    seen = rasterize_batch(*told, SIZE)
    read = interpolate_batch(seen, told[0], told[1]).cpu().numpy()
    for k, points in enumerate(vertices):
        alone = rasterize(points, faces, SIZE)
        same = seen.face[k].cpu().numpy() == alone.face
        np.testing.assert_allclose(read[k][same], interpolate(alone, points, faces)[same], atol=1e-3)


def test_of_two_faces_at_the_same_depth_the_first_is_seen_and_nearer_ones_win_below_zero() -> None:
    square = torch.tensor([[0.0, 0, -5], [8, 0, -5], [0, 8, -5], [0, 0, -3], [8, 0, -3], [0, 8, -3]])[None]
    faces = torch.tensor([[0, 2, 1], [0, 2, 1], [3, 5, 4]])
    assert set(rasterize_batch(square, faces[:2], (8, 8)).face.unique().tolist()) == {-1, 0}
    assert set(rasterize_batch(square, faces, (8, 8)).face.unique().tolist()) == {-1, 2}
    assert set(rasterize_batch(square, faces.flip(1), (8, 8)).face.unique().tolist()) == {-1}
