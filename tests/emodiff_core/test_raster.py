"""The z-buffer: what is nearer is seen, hair has holes where its texture is thin."""

import numpy as np
import pytest

from emodiff_core.raster import cover, interpolate, rasterize
from emodiff_core.texture import read, spot

SIZE = (16, 24)
CORNERS = np.array([[0, 0, 1], [24, 0, 1], [24, 16, 1], [0, 16, 1]], np.float32)
TRIANGLES = np.array([[0, 2, 1], [0, 3, 2]])
UV = CORNERS[:, :2] / np.float32([24, 16])
ALPHA = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (2, 1))[..., None]


def test_two_triangles_fill_a_picture_without_a_gap_and_carry_its_values():
    seen = rasterize(CORNERS, TRIANGLES, SIZE)
    x, y = np.meshgrid(np.arange(24) + 0.5, np.arange(16) + 0.5)
    np.testing.assert_allclose(interpolate(seen, CORNERS, TRIANGLES)[..., :2], np.stack([x, y], -1), atol=1e-4)
    assert (rasterize(CORNERS, TRIANGLES[:, ::-1], SIZE).face == -1).all()
    assert (rasterize(CORNERS, TRIANGLES[:, ::-1], SIZE, cull=False).face >= 0).all()


@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_hair_covers_what_lies_behind_it_where_its_texture_is_thick_enough(limit):
    seen = rasterize(CORNERS, TRIANGLES, SIZE)
    hair = np.concatenate([CORNERS, CORNERS + np.float32([0, 0, 1])])
    uv, cut = np.concatenate([UV, UV]), np.full(8, limit, np.float32)
    cover(seen, hair, TRIANGLES + 4, 10, uv, ALPHA, cut)
    expected = np.array([read(ALPHA, spot(ALPHA, (x + 0.5) / 24, 0.5), 0) for x in range(24)]) >= limit
    assert ((seen.face >= 10) == expected).all() and (seen.depth[seen.face >= 10] == 2).all()
    assert expected.all() == (limit == 0)


def test_hair_behind_the_face_is_not_seen():
    seen = rasterize(CORNERS, TRIANGLES, SIZE)
    cover(seen, CORNERS - np.float32([0, 0, 1]), TRIANGLES, 10, UV, ALPHA, np.zeros(4, np.float32))
    assert (seen.face < 10).all()
