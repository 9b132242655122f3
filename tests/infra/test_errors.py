"""What an operator is told: one style of hints, whoever wrote them."""

import pickle
import re
from pathlib import Path

import pytest

from emodiff_core.refusal import Refusal
from infra.errors import InputError, advice
from tasks.failures import failure_of


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("name a picture that shows a face", "Name a picture that shows a face"),
        ("Run again.", "Run again"),
        ("`emodiff status` lists them", "`emodiff status` lists them"),
        ("pip install 'emodiff[train]' brings it", "pip install 'emodiff[train]' brings it"),
        ("settings.crop.min_face_pixels is too high", "settings.crop.min_face_pixels is too high"),
        ("use still, natural or a driving video", "Use still, natural or a driving video"),
        ("", ""),
    ],
)
def test_hints_are_told_in_one_style(written: str, told: str) -> None:
    assert advice(written) == told == advice(told)
    assert failure_of(Refusal("CODE", "message", written)).hint == told
    assert failure_of(InputError("CODE", "message", written)).hint == told
    assert pickle.loads(pickle.dumps(InputError("CODE", "message", written))).hint == told


def test_no_hint_in_the_source_ends_with_a_stop() -> None:
    """Of those that are written beside their error: what `advice` does not see, such as a message, is not meant."""
    folders = ("emodiff_core", "tasks", "flows", "infra")
    text = "".join(path.read_text() for folder in folders for path in Path(folder).rglob("*.py"))
    hints = re.findall(r'hint = f?"([^"]+)"', text)
    assert len(hints) > 20
    assert [hint for hint in hints if hint.endswith(".")] == []
