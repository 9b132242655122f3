"""Spans hold every frame once, are cut where nobody speaks and where the film is cut, and stay where they are."""

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import Settings
from tasks.spans import plan_spans, with_work
from tasks.timeline import plan_timeline
from tests.tasks.artifacts import bare_track

GAPS = st.lists(st.floats(0.001, 2.0), min_size=1, max_size=300)


@given(gaps=GAPS, speech=st.integers(0, 40_000), seconds=st.floats(0.5, 20), seed=st.integers(0, 2**31))
def test_each_frame_is_in_exactly_one_span_whatever_the_times_the_speech_and_the_cuts(gaps, speech, seconds, seed):
    random = np.random.default_rng(seed)
    times, shots = np.cumsum(gaps), np.cumsum(random.random(len(gaps)) < 0.05)
    spans = plan_spans(times, random.random(speech), seconds, shots)
    assert [span.index for span in spans] == list(range(len(spans)))
    assert spans[0].start == 0 and spans[-1].end == len(times)
    assert all(a.end == b.start for a, b in itertools.pairwise(spans))
    assert all(span.start < span.end for span in spans)
    assert all(len(set(shots[span.start : span.end])) == 1 for span in spans), "a span over a cut"


@given(frames=st.integers(200, 3000), seed=st.integers(0, 2**31))
def test_spans_are_neither_crumbs_nor_endless(frames: int, seed: int) -> None:
    spans = plan_spans(np.arange(frames) / 25, np.random.default_rng(seed).random(frames * 4), 4.0)
    assert all(1.0 - 0.05 <= (span.end - span.start) / 25 <= 8.0 + 0.05 for span in spans)


def test_a_boundary_falls_into_the_pause() -> None:
    activity = np.ones(1200)
    activity[430:470] = 0
    first = plan_spans(np.arange(300) / 25, activity, 4.0)[0]
    assert 4.3 <= first.end / 25 <= 4.7


@given(start=st.floats(0, 110), length=st.floats(0.1, 6), seed=st.integers(0, 2**31))
def test_a_changed_line_moves_no_boundary_elsewhere(start: float, length: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    times, shots = np.arange(3000) / 25, np.cumsum(random.random(3000) < 0.01)
    before = (random.random(60).repeat(200) > 0.3).astype(float)
    after = before.copy()
    after[int(start * 100) : int((start + length) * 100)] = random.random()
    edges = [{span.start for span in plan_spans(times, activity, 4.0, shots)} for activity in (before, after)]
    moved = np.array(sorted(edges[0] ^ edges[1])) / 25
    assert ((moved > start - 2.5) & (moved < start + length + 2.5)).all()


def test_spans_without_work_are_left_out_and_a_job_keeps_one() -> None:
    spans = plan_spans(np.arange(500) / 25, np.zeros(0), 4.0)
    rendered = np.zeros(500, bool)
    assert with_work(spans, rendered) == spans[:1]
    rendered[420] = True
    (left,) = with_work(spans, rendered)
    assert left.index == 0 and left.start <= 420 < left.end


@settings(max_examples=50)
@given(
    steps=st.lists(st.integers(1, 5000), min_size=1, max_size=100),
    first=st.integers(0, 10**6),
    rate=st.sampled_from(["24000/1001", "25", "30000/1001", "60000/1001"]),
    base=st.sampled_from(["1/12800", "1/90000", "1/1000", "1/24000"]),
)
def test_sound_begins_and_ends_within_half_a_sample_of_the_picture_whatever_the_frame_times(steps, first, rate, base):
    track = bare_track("footage", Fraction(rate), Fraction(base), first + np.cumsum([0, *steps]))
    timeline = plan_timeline(track, 48_000, Settings())
    assert timeline.pts[0] == first and len(timeline.pts) == len(steps) + 1
    assert np.diff(timeline.pts).tolist() == steps
    for samples, seconds in ((timeline.lead, timeline.start), (timeline.samples, timeline.end)):
        assert abs(Fraction(samples, 48_000) - seconds) <= Fraction(1, 2 * 48_000)


@given(samples=st.integers(1, 10**8), rate=st.sampled_from(["12", "25", "24000/1001", "30000/1001"]))
def test_a_portraits_picture_holds_its_speech_and_less_than_a_frame_more(samples: int, rate: str) -> None:
    made = Settings(picture={"rate": rate})
    timeline = plan_timeline(bare_track("portrait", Fraction(rate), 1 / Fraction(rate), np.zeros(1)), samples, made)
    assert 0 <= timeline.seconds - Fraction(samples, 48_000) < 1 / Fraction(made.picture.rate)
