"""Displacement fields: no teeth at the outline of a face, no lone pixels, and smooth fields left alone."""

import numpy as np

from emodiff_core.faces.field import combed, extend, feathered

SIZE = 120
Y, X = np.mgrid[:SIZE, :SIZE].astype(np.float32)
FACE = (np.hypot(X - 60, Y - 60) < 35).astype(np.float32)


def roughness(field: np.ndarray, where: np.ndarray) -> float:
    """Mean step from a pixel to the one below."""
    return float(np.abs(np.diff(field, axis=0))[where[1:]].mean())


def test_triangles_that_disagree_at_the_outline_leave_no_comb():
    comb = np.zeros((SIZE, SIZE, 2), np.float32)
    rim = np.abs(np.hypot(X - 60, Y - 60) - 35) < 4
    comb[rim, 0] = np.where(Y[rim] % 8 < 4, 6, -6)
    calm = feathered(comb, FACE, 8.0)
    assert roughness(calm, rim) < 0.35 * roughness(comb, rim)
    inside = np.hypot(X - 60, Y - 60) < 12
    assert np.abs(calm - comb)[inside].max() < 0.05, "the middle of the face is not touched"


def test_a_field_that_moves_everything_alike_is_not_changed():
    flat = np.full((SIZE, SIZE, 2), 3.5, np.float32)
    assert np.abs(feathered(flat, FACE, 8.0) - flat).max() < 1e-4
    assert np.abs(combed(flat, FACE > 2) - flat).max() == 0


def test_lone_pixels_go_with_what_is_around_them_but_not_beside_lips():
    field = np.stack([X * 0.1, Y * 0.1], -1)
    field[50, 50] = field[90, 90] = 40
    lips = np.zeros((SIZE, SIZE), bool)
    lips[91, 91] = True
    clean = combed(field, lips)
    assert np.abs(clean[50, 50] - (5, 5)).max() < 0.3
    assert clean[90, 90, 0] == 40


def test_an_extension_dies_out_and_keeps_what_is_known():
    known = FACE > 0.5
    field = np.where(known[..., None], np.float32(5), np.float32(0)) * np.ones((1, 1, 2), np.float32)
    out = extend(field, known, np.ones_like(known), falloff=10)
    assert np.abs(out[known] - 5).max() == 0
    assert out[60, 97, 0] > 4 and np.abs(out[0, 0]).max() < 0.05
