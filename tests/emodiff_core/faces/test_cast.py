"""Where on a head no second face can be."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from emodiff_core.faces.cast import on_head
from emodiff_core.faces.choose import FaceModels, find
from emodiff_core.faces.mesh import Mesh
from infra.models import model_path


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    """The astronaut's: from 180 to 271 pixels across, from 69 at the hair's line down to 178 at the chin."""
    models = FaceModels(model_path("face_detection"), model_path("face_landmark_attention"))
    return find(models, skimage.data.astronaut()).mesh


PLACES = {
    (225, 35): True,  # hair above the forehead
    (190, 60): True,  # a lock beside it
    (222, 120): True,  # the nose
    (330, 120): False,  # a head's width to the side
    (110, 120): False,
    (222, 260): False,  # the breast
    (225, 0): False,  # above the crown
}


@pytest.mark.parametrize("turn", [0, 90, 135, 180, 270])
def test_hair_and_cheeks_belong_to_the_head_and_a_neighbours_face_does_not(mesh: Mesh, turn: float) -> None:
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)
    turned = replace(mesh, points=mesh.points @ matrix.T)
    for (x, y), expected in PLACES.items():
        middle = matrix[:2, :2] @ np.array([x, y], np.float32)
        assert on_head((middle[0] - 20, middle[1] - 15, 40.0, 30.0), turned) == expected, (x, y)
