import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from emodiff_core.fit.bounded import solve_bounded


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_the_answer_is_that_of_scipys_bounded_least_squares(seed, size):
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(size + 5, size)), rng.normal(size=size + 5) * 2
    low, high = np.zeros(size), np.ones(size)
    found = solve_bounded(
        (matrix.T @ matrix)[None], -(matrix.T @ target)[None], np.full((1, size), 0.5), low[None], high[None]
    )[0]
    np.testing.assert_allclose(found, lsq_linear(matrix, target, (low, high), tol=1e-14).x, atol=2e-5)


def test_clipping_the_free_answer_would_be_worse():
    hessian, gradient = np.array([[[1.0, 0.9], [0.9, 1.0]]]), np.array([[-2.0, -1.6]])
    found = solve_bounded(hessian, gradient, np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2)))[0]
    clipped = np.clip(np.linalg.solve(hessian[0], -gradient[0]), 0, 1)
    worth = lambda x: 0.5 * x @ hessian[0] @ x + gradient[0] @ x  # noqa: E731
    assert worth(found) < worth(clipped) - 0.1
