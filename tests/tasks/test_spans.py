"""Spans hold every frame once and are cut where nobody speaks."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.spans import plan_spans


@given(
    frames=st.integers(1, 3000),
    rate=st.sampled_from([12.5, 23.976, 25.0, 60.0]),
    seconds=st.floats(0.5, 20),
    seed=st.integers(0, 2**31),
)
def test_each_frame_is_in_exactly_one_span(frames: int, rate: float, seconds: float, seed: int) -> None:
    activity = np.random.default_rng(seed).random(max(0, int(frames / rate * 100) - seed % 300))
    spans = plan_spans(np.arange(frames) / rate, activity, seconds)
    assert [span.index for span in spans] == list(range(len(spans)))
    assert spans[0].start == 0 and spans[-1].end == frames
    assert all(a.end == b.start for a, b in itertools.pairwise(spans))
    assert all(span.start < span.end for span in spans)


@given(frames=st.integers(200, 3000), seed=st.integers(0, 2**31))
def test_spans_are_neither_crumbs_nor_endless(frames: int, seed: int) -> None:
    spans = plan_spans(np.arange(frames) / 25, np.random.default_rng(seed).random(frames * 4), 4.0)
    assert all(2.0 - 0.05 <= (span.end - span.start) / 25 <= 6.0 + 0.05 for span in spans)


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=300))
def test_footage_with_uneven_frame_times_is_covered_too(gaps: list[float]) -> None:
    times = np.cumsum(gaps)
    spans = plan_spans(times, np.zeros(10), 3.0)
    assert sum(span.end - span.start for span in spans) == len(times)


def test_a_cut_falls_into_the_pause() -> None:
    activity = np.ones(1200)
    activity[430:470] = 0
    first = plan_spans(np.arange(300) / 25, activity, 4.0)[0]
    assert 4.3 <= first.end / 25 <= 4.7
