"""What is believed to be a face."""

import numpy as np
import pytest

from emodiff_core.faces.cast import Stretch
from emodiff_core.faces.mesh import EYE_CORNERS, Mesh
from tasks.survey import believed

RATE = 25.0


def stretch(frames: int, presence: float, doubt: float, score: float) -> Stretch:
    """A face of random points that looks ahead."""
    points = np.random.default_rng(0).normal(0, 40, (468, 3)).astype(np.float32)
    points[list(EYE_CORNERS)] = [[-40, 0, 0], [40, 0, 0]]
    return Stretch(0, 0, [Mesh(points, presence, doubt)] * frames, score=score)


@pytest.mark.parametrize(
    ("frames", "presence", "doubt", "score", "expected"),
    [
        (47, 1.0, 0.06, 0.54, False),  # foliage: the mesh is sure, its mirror image and the detector are not
        (47, 1.0, 0.06, 0.95, True),  # a face behind a hand
        (47, 1.0, 0.01, 0.54, True),  # a face that the detector hardly sees
        (5, 0.6, 0.01, 0.95, False),  # a moment, and hardly a face
        (25, 0.6, 0.01, 0.95, True),  # a second of it
    ],
)
def test_a_face_needs_the_detector_or_the_mirrored_mesh_and_a_moment(frames, presence, doubt, score, expected) -> None:
    one = stretch(frames, presence, doubt, score)
    assert abs(one.meshes[0].yaw) < 40
    assert believed(one, RATE) == expected
