"""Lanes: who is rendered with whom, and that it does not matter."""

import torch

from emodiff_core.generator.lanes import Lanes, Request
from tests.emodiff_core.generator.worlds import conditions, small_model


def request(job, frames, seed, **more):
    return Request(job, 0, "face", conditions(frames, seed=seed), **more)


def test_pixels_are_the_same_bits_alone_and_in_company():
    model = small_model()
    alone = Lanes(model, batch=4, steps=2)
    alone.add(request("ours", 5, 1))
    expected = {r.frame: r.picture for r in alone.drain()}
    crowd = Lanes(model, batch=4, steps=2)
    crowd.add(request("theirs", 3, 2))
    crowd.add(request("ours", 5, 1))
    crowd.add(request("others", 6, 3))
    ours = {r.frame: r.picture for r in crowd.drain() if r.job == "ours"}
    assert ours.keys() == expected.keys() == set(range(5))
    assert all(torch.equal(ours[frame], expected[frame]) for frame in expected)


def test_the_urgent_span_goes_first_and_frames_keep_their_numbers():
    lanes = Lanes(small_model(), batch=4)
    lanes.add(request("slow", 3, 1, urgency=2.0))
    lanes.add(request("urgent", 2, 2, urgency=1.0, first=40))
    assert len(lanes) == 5
    order = [(r.job, r.frame) for r in lanes.drain()]
    assert order == [("urgent", 40), ("urgent", 41), ("slow", 0), ("slow", 1), ("slow", 2)]
    assert len(lanes) == 0


def test_every_batch_has_the_same_shape():
    model, seen = small_model(), []

    class Watched:
        picture_of = model.picture_of

        def __call__(self, state, time, given):
            seen.append(len(state))
            return model(state, time, given)

    lanes = Lanes(Watched(), batch=4)
    lanes.add(request("a", 6, 1))
    assert len(list(lanes.drain())) == 6
    assert seen == [4, 4]


def test_nothing_waiting_renders_nothing():
    assert Lanes(small_model()).step() == []
