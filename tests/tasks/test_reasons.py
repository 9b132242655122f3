"""Why something runs again, in words."""

from typing import Any

import pytest

from tasks.reasons import reason

BEFORE: dict[str, Any] = {
    "stage": "generate",
    "version": "1",
    "input.picture": "p1",
    "input.crop": "c1",
    "input.audio": "a1",
    "job.emotion": "happy",
    "settings.generate.steps": 1,
    "weights.generator/model.safetensors": "w1",
    "weights.generator/a.json": "w2",
    "span": [0, 100],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "its artifact is gone"),
        ({"job.emotion": "sad"}, "emotion: happy -> sad"),
        ({"input.picture": "p2"}, "picture changed"),
        ({"input.music": "m1"}, "music changed"),
        ({"input.audio": "a2"}, "the sound changed"),
        ({"input.crop": "c2"}, "crop changed"),
        ({"settings.generate.steps": 4}, "setting generate.steps: 1 -> 4"),
        ({"settings.generate.new": True}, "setting generate.new: none -> True"),
        ({"weights.generator/model.safetensors": "x", "weights.generator/a.json": "y"}, "weights of generator changed"),
        ({"version": "2"}, "stage version 1 -> 2"),
        ({"span": [0, 90]}, "it was cut elsewhere"),
        ({"job.emotion": "sad", "span": [0, 90]}, "emotion: happy -> sad; it was cut elsewhere"),
    ],
)  # fmt: skip
def test_each_part_has_its_words(change: dict[str, Any], said: str) -> None:
    assert reason(BEFORE, BEFORE | change) == said


def test_many_changes_are_counted_and_long_values_cut() -> None:
    names = {f"input.generate/{k:03}": str(k) for k in range(9)}
    assert reason(BEFORE, BEFORE | names).endswith("span 3 changed and 5 more")
    assert len(reason(BEFORE, BEFORE | {"job.title": "x" * 500})) < 60


def test_what_was_never_made_and_what_was_not_noted() -> None:
    assert reason(None, BEFORE) == "not made yet"
    assert reason({}, BEFORE) == "made of something else before"
