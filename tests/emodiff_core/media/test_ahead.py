"""A stream that is made ahead says the same as the stream."""

import threading
from collections.abc import Iterator

import pytest

from emodiff_core.media.ahead import ahead


def test_items_come_in_order_and_none_is_lost():
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([])) == []


def test_an_error_is_raised_where_it_would_have_been():
    def failing() -> Iterator[int]:
        yield from range(5)
        raise ValueError("the sixth")

    heard = []
    with pytest.raises(ValueError, match="the sixth"):
        for item in ahead(failing()):
            heard.append(item)
    assert heard == [0, 1, 2, 3, 4]


def test_no_more_than_the_depth_is_made_before_it_is_asked_for():
    made: list[int] = []

    def counted() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            yield item

    stream = ahead(counted(), 4)
    assert next(stream) == 0
    stream.close()
    assert len(made) <= 6


def test_leaving_early_leaves_no_thread():
    stream = ahead(iter(range(100)))
    next(stream)
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
