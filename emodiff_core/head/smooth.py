"""Evening out: neighbours' averages on the skin, with lips and lids held."""

import numpy as np
from scipy.sparse import csr_matrix

from emodiff_core.head.patches import Array
from emodiff_core.head.skin import VERMILION, Skin


def neighbours(skin: Skin) -> csr_matrix:
    """(V, V) rows that average a vertex's neighbours."""
    pairs = np.concatenate([skin.faces[:, [0, 1]], skin.faces[:, [1, 2]], skin.faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    n = len(skin.uv)
    matrix = csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    matrix.data[:] = 1.0
    return csr_matrix(matrix.multiply(1 / np.maximum(matrix.sum(1), 1)))


def evened(skin: Skin, values: Array, times: int, keep_size: bool = False) -> Array:
    """(V, 3) values smoothed; keep_size: Taubin's second step against shrinking; lip and lid rows stay."""
    mean = neighbours(skin)
    held = np.unique(np.concatenate([skin.lips[: VERMILION + 1].ravel(), skin.lids[:, :2].ravel()]))
    free = np.ones((len(values), 1))
    free[held] = 0
    out = values.copy()
    for _ in range(times):
        out += 0.5 * free * (mean @ out - out)
        if keep_size:
            out -= 0.52 * free * (mean @ out - out)
    return out


def along_lips(skin: Skin, values: Array, times: int) -> Array:
    """(V, 3) values evened along each lip's rows from corner to corner, corners held."""
    out = values.copy()
    rows = skin.lips[: VERMILION + 1]
    for lip in (rows[:, :21], np.concatenate([rows[:, 20:], rows[:, :1]], 1)):
        line = out[lip]
        for _ in range(times):
            line[:, 1:-1] = 0.5 * line[:, 1:-1] + 0.25 * (line[:, :-2] + line[:, 2:])
        out[lip] = line
    return out


def lips_met(skin: Skin, values: Array, gap: float) -> Array:
    """(V, 3) places with the rims of the lips brought together at gap cm; the rows outside follow less and less."""
    out = values.copy()
    upper, lower = np.arange(1, 20), np.arange(39, 20, -1)
    over, under = values[skin.lips[0, upper]], values[skin.lips[0, lower]]
    middle = 0.5 * (over + under)
    half = np.array([0, 0.5 * gap, 0])
    for r in range(6):
        share = 1 - r / 6
        out[skin.lips[r, upper]] += share * (middle + half - over)
        out[skin.lips[r, lower]] += share * (middle - half - under)
    return out


def lips_agree(skin: Skin, offsets: Array) -> Array:
    """(V, 3) offsets under which lips that meet go on meeting: both rims take the mean, rows outside less and less."""
    out = offsets.copy()
    upper, lower = np.arange(1, 20), np.arange(39, 20, -1)
    middle = 0.5 * (offsets[skin.lips[0, upper]] + offsets[skin.lips[0, lower]])
    for r in range(6):
        share = 1 - r / 6
        for columns in (upper, lower):
            out[skin.lips[r, columns]] += share * (middle - offsets[skin.lips[0, columns]])
    return out
