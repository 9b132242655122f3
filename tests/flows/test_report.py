"""The report: failures first, everything within the page, hostile names harmless."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.commands.planning import forecast
from flows.driver import Order
from flows.report.page import write_report
from flows.report.plots import Bar, lips, timeline
from infra.fingerprint import Digests
from infra.ledger import Writer, write_plan
from infra.rows import Attempt
from infra.storage import open_store
from tasks.jobs import Job
from tests.faults.stages import fault_catalog
from tests.tasks.test_route import Here

EVIL = '</title><script>alert(1)</script><img src=x onerror="alert(2)">'


class Page(HTMLParser):
    """Tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    here = Here(tmp_path_factory.mktemp("report"))
    rows: list[dict[str, Any]] = [
        {"job_id": "fine", "title": "check:poster"},
        {"job_id": "still", "title": "check:fail", "seed": 2},
        {"job_id": "bug", "title": "mux:bug", "seed": 3},
        {"job_id": "gone", "picture": "nowhere.png"},
        {"job_id": "evil", "title": EVIL, "seed": 4},
    ]
    for row in rows:
        here.run(**row)
    base = {"picture": "face.png", "speech": "hello.wav", "language": "en"}
    jobs = [Job.model_validate(base | row) for row in [*rows, {"job_id": "later"}]]
    order = Order("night", jobs, str(here.folder), here.store, here.settings, fault_catalog())
    write_plan(here.store, "night", forecast(order, Digests()))
    with Writer(here.store, "night") as writer:
        writer.add(*here.rows)
    return here.store.read(write_report(here.store, "night")).decode()


def test_what_failed_comes_first_with_cause_and_remedy(page: str) -> None:
    order = [page.index(f"<h3>{name} ") for name in ("still", "bug", "gone", "later", "fine")]
    assert max(order[:3]) < order[3] < order[4]
    assert "CHECK_FAILED" in page and "The lips do not move" in page and "What to do" in page
    assert "FILE_MISSING" in page and "ZeroDivisionError" in page
    assert "No run has brought it to an end yet" in page


def test_it_needs_nothing_else(page: str) -> None:
    parsed = Page(page)
    sources = [a["src"] or "" for tag in ("img", "video") for a in parsed.all(tag)]
    assert sources and all(source.startswith("data:") for source in sources)
    assert not parsed.all("link") and not parsed.all("script") and not re.search(r"https?://", page)


def test_names_from_outside_stay_text(page: str) -> None:
    parsed = Page(page)
    assert not parsed.all("script")
    assert not any("onerror" in attributes for _, attributes in parsed.tags)
    assert "&lt;script&gt;" in page


def test_no_column_of_plan_or_ledger_is_ever_markup(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    told = json.dumps([{"level": EVIL, "code": EVIL, "message": EVIL, "time": 1.0}])
    trace = json.dumps([{"level": "error", "code": "TRACEBACK", "message": EVIL, "time": None}])
    more = dict.fromkeys(("fingerprint", "error_code", "error_kind", "message", "hint", "worker", "output"), EVIL)
    with Writer(store, "night") as writer:
        for job, status, findings in (("a", "shipped", told), ("b", "failed", told), ("c", "failed", trace)):
            for stage in ("generate", "job"):
                row = Attempt("night", EVIL + job, stage, status, end=1.0, findings=findings, bytes=10**9, **more)
                writer.add(row)
    fields = dict.fromkeys(("title", "language", "emotion", "picture", "speech", "cues"), EVIL) | {"intensity": 1.0}
    rows = [{"job": EVIL + job, "stage": "job", "detail": json.dumps({"row": fields})} for job in "abcd"]
    write_plan(store, "night", [row | {"action": EVIL, "reason": EVIL} for row in rows])
    text = store.read(write_report(store, "night")).decode()
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "link", "a", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not page.all("img") and len(page.all("video")) == 1
    assert (page.all("video")[0]["src"] or "").startswith("../../deliveries/night/")
    assert text.count("&lt;script&gt;alert(1)") > 20


def test_each_video_has_a_poster_and_a_name_for_those_who_cannot_see_it(page: str) -> None:
    videos = Page(page).all("video")
    assert any((video.get("poster") or "").startswith("data:image/jpeg") for video in videos)
    assert all((video["aria-label"] or "").startswith("Video of ") and "controls" in video for video in videos)
    assert page.count("Mouth opening (line) against speech activity (area) over time") == 3


def test_a_mouth_that_was_not_found_leaves_a_gap_in_the_line() -> None:
    time = np.arange(100) / 25
    opening = np.where((time > 1) & (time < 2), np.nan, 0.2)
    drawn = lips(time, opening, np.ones(100))
    path = re.search(r'class="mouth" d="([^"]*)"', drawn)
    assert path is not None and path.group(1).count("M") == 2


def test_a_plot_of_nothing_is_nothing() -> None:
    assert lips(np.array([]), np.array([]), np.array([])) == ""
    assert timeline([], "empty") == ""
    assert "nan" not in lips(np.arange(3.0), np.full(3, np.nan), np.zeros(3))


def test_bars_keep_their_order_and_their_label_is_escaped() -> None:
    drawn = timeline([Bar("a", "crop", 0, 1, "<b>"), Bar("b", "mux", 1, 3, "x")], "work")
    assert "&lt;b&gt;" in drawn and drawn.index(">a</text>") < drawn.index(">b</text>")


def test_a_large_batch_stays_a_page_that_opens(tmp_path: Path) -> None:
    here = Here(tmp_path)
    jobs = [
        Job.model_validate({"job_id": f"j{i}", "picture": "none", "speech": "none", "language": "en"})
        for i in range(1000)
    ]
    order = Order("big", jobs, str(tmp_path), here.store, here.settings, fault_catalog())
    write_plan(here.store, "big", forecast(order, Digests()))
    text = here.store.read(write_report(here.store, "big")).decode()
    assert "800 more" in text and len(text) < 1_000_000
