"""Real Ray workers: urgent first, equal work once, and what dies, hangs or stumbles."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from infra.cluster import cluster
from infra.dispatch import Dispatcher, Drained, Hooks
from infra.retry import may_try, wait_s
from infra.rows import Attempt
from infra.settings import Settings
from infra.storage import open_store
from infra.workers import Recipe
from tasks.execute import Work, lost, repeatable
from tasks.jobs import Job
from tests.faults.stages import fault_catalog
from tests.poison import good_video


@pytest.fixture(scope="module")
def ray_is_up() -> Iterator[None]:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    with cluster(Settings().workers):
        yield


TWO = {
    "media": {"stages": ["crop", "audio", "mux", "check"], "count": 2, "cpus": 0.5},
    "model": {"stages": ["expression", "generate"]},
}


def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)


class Workshop:
    """A dispatcher with real workers, and the rows it recorded."""

    def __init__(self, folder: Path, **workers: Any) -> None:
        self.folder = folder
        self.settings = Settings.model_validate({"workers": {"backoff_s": 0.05} | workers})
        self.rows: list[Attempt] = []
        self.store = open_store(folder / "root")
        recipe = Recipe(
            "tasks.execute", "Bench", (str(folder / "root"), self.settings, fault_catalog(), str(folder / "scratch"))
        )
        hooks = Hooks(self.rows.append, lost, repeatable)
        self.dispatcher = Dispatcher(self.settings.workers, recipe, hooks, nullcontext)

    def audio(self, name: str, behaviour: str = "", order: tuple[int, ...] = ()) -> "Future[Attempt]":
        """Ask for the audio stage of a job, which behaves as told."""
        fields = {"job_id": name, "picture": "p", "speech": "s", "language": "en", "title": behaviour}
        return self.dispatcher.submit(Work("night", Job.model_validate(fields), "audio", f"{name:0>8}"), order)


@pytest.fixture
def workshop(tmp_path: Path, ray_is_up: None) -> Iterator[Any]:
    made: list[Workshop] = []

    def make(**workers: Any) -> Workshop:
        made.append(Workshop(tmp_path, **workers))
        return made[-1]

    yield make
    for one in made:
        one.dispatcher.close()


def test_equal_work_in_flight_is_done_once(workshop: Any) -> None:
    shop = workshop()
    answers = [shop.audio("same", "audio:sleep:0.3") for _ in range(5)]
    assert {answer.result(60).id for answer in answers} == {shop.rows[0].id}
    assert len(shop.rows) == 1 and shop.rows[0].ok


def test_the_most_urgent_goes_first(workshop: Any) -> None:
    shop = workshop(in_flight=1)
    first = shop.audio("first", "audio:sleep:1.0", (0,))
    later = [shop.audio(f"p{order}", order=(order,)) for order in (5, 1, 4, 2, 3)]
    for answer in [first, *later]:
        answer.result(60)
    assert [row.job for row in shop.rows] == ["first", "p1", "p2", "p3", "p4", "p5"]


def test_a_death_costs_a_try_and_leaves_the_neighbour_in_line_unharmed(workshop: Any, tmp_path: Path) -> None:
    shop = workshop()
    shaky = shop.audio("shaky", f"audio:die-once:{tmp_path}")
    neighbour = shop.audio("neighbour")
    assert shaky.result(60).ok and neighbour.result(60).ok
    assert [(row.job, row.error_code) for row in shop.rows if not row.ok] == [("shaky", "WORKER_LOST")]


def test_after_three_deaths_an_item_is_tried_once_more_alone_and_then_it_is_poison(workshop: Any) -> None:
    shop = workshop()
    deadly = shop.audio("poison", "audio:die")
    good = [shop.audio(f"good-{k}", "audio:sleep:0.4") for k in range(8)]
    assert all(answer.result(60).ok for answer in good)
    end = deadly.result(60)
    assert (end.status, end.error_code) == ("failed", "POISON") and "--force" in end.hint
    charged = [(row.job, row.error_code) for row in shop.rows if not row.ok]
    assert charged == [("poison", "WORKER_LOST")] * 3 + [("poison", "POISON")]
    assert max(row.end for row in shop.rows if row.ok) <= end.start, "nothing ran beside it"
    assert shop.audio("after").result(60).ok


def test_a_decoder_that_crashes_takes_its_worker_and_no_other_work_with_it(workshop: Any, tmp_path: Path) -> None:
    shop = workshop(deaths=1)
    film = good_video(tmp_path / "film.mp4", 0.2)
    crashed, beside = shop.audio("crashes", f"audio:crash:{film}"), [shop.audio(f"good-{k}") for k in range(3)]
    assert all(answer.result(60).ok for answer in beside)
    end = crashed.result(60)
    assert (end.error_code, end.error_kind) == ("POISON", "InputError") and "audio" in end.message and end.hint
    assert [row.job for row in shop.rows if not row.ok] == ["crashes", "crashes"]


def test_a_suspect_that_survives_alone_ships(workshop: Any, tmp_path: Path) -> None:
    shop = workshop(deaths=1)
    assert shop.audio("shaky", f"audio:die-once:{tmp_path}").result(60).ok
    assert [row.error_code for row in shop.rows] == ["WORKER_LOST", ""]


def test_draining_gives_suspects_back(workshop: Any) -> None:
    shop = workshop(deaths=1, pools=TWO)
    deadly, busy = shop.audio("poison", "audio:die"), shop.audio("busy", "audio:sleep:4")
    _until(lambda: len(shop.rows) == 1)
    shop.dispatcher.drain()
    with pytest.raises(Drained):
        deadly.result(60)
    assert busy.result(60).ok


@pytest.mark.parametrize(
    ("code", "tries"), [("STORAGE", 5), ("TIMEOUT", 2), ("OUT_OF_MEMORY", 3), ("RAY_START", 3), ("WORKER_LOST", 3)]
)
def test_each_class_of_error_has_its_number_of_tries(code: str, tries: int) -> None:
    options = Settings().workers
    assert [may_try(code, done, options) for done in range(1, 7)] == [done < tries for done in range(1, 7)]


def test_waiting_doubles_has_an_end_and_spreads_what_failed_together() -> None:
    options = Settings().workers
    for done, middle in ((1, 2.0), (2, 4.0), (3, 8.0), (30, 60.0)):
        waits = [wait_s("STORAGE", done, options) for _ in range(200)]
        assert 0.5 * middle <= min(waits) < 0.7 * middle and 1.3 * middle < max(waits) <= 1.5 * middle
    assert wait_s("OUT_OF_MEMORY", 1, options) >= 4.0


def test_what_hangs_is_ended_and_tried_again(workshop: Any, tmp_path: Path) -> None:
    shop = workshop(timeout_s=8.0)
    shop.audio("warm").result(60)
    end = shop.audio("slow", f"audio:hang-once:{tmp_path}").result(60)
    assert end.ok
    assert [row.error_code for row in shop.rows if not row.ok] == ["TIMEOUT"]


def test_waiting_for_a_place_in_the_cluster_is_not_counted_as_the_items_own_time(workshop: Any) -> None:
    import ray

    class Neighbour:
        def here(self) -> bool:
            return True

    busy = ray.remote(Neighbour).options(num_cpus=ray.cluster_resources()["CPU"]).remote()
    assert ray.get(busy.here.remote())
    shop = workshop(timeout_s=3.0)
    asked = time.time()
    waits = shop.audio("waits")
    time.sleep(4.5)
    assert not waits.done() and shop.rows == []
    ray.kill(busy)
    assert waits.result(60).ok
    (row,) = shop.rows
    assert row.start > asked + 4.5 and row.error_code == ""


def test_what_the_surroundings_spoilt_is_tried_again_and_what_the_input_spoilt_is_not(
    workshop: Any, tmp_path: Path
) -> None:
    shop = workshop()
    assert shop.audio("stumbles", f"audio:stumble:{tmp_path}").result(60).ok
    assert shop.audio("refused", "audio:refuse").result(60).error_code == "NO_FACE"
    assert [row.error_code for row in shop.rows] == ["STORAGE", "", "NO_FACE"]


def test_draining_finishes_what_runs_and_gives_back_what_waits(workshop: Any) -> None:
    shop = workshop(in_flight=1)
    running = shop.audio("running", "audio:sleep:1.0")
    waiting = shop.audio("waiting")
    time.sleep(0.3)
    shop.dispatcher.drain()
    assert running.result(60).ok
    with pytest.raises(Drained):
        waiting.result(60)
    with pytest.raises(Drained):
        shop.audio("late").result(60)


def test_draining_within_a_time_gives_back_what_takes_longer(workshop: Any) -> None:
    shop = workshop(in_flight=1)
    shop.audio("warm").result(60)
    long = shop.audio("long", "audio:hang")
    _until(lambda: bool(list(shop.folder.glob("scratch/*"))))
    begun = time.monotonic()
    shop.dispatcher.drain(within=1.0)
    with pytest.raises(Drained):
        long.result(60)
    assert 1.0 <= time.monotonic() - begun < 30 and [row.job for row in shop.rows] == ["warm"]


def test_a_ground_that_cannot_be_had_is_told_to_everybody_who_waits(tmp_path: Path) -> None:
    def ground() -> Any:
        raise ConnectionError("no cluster")

    settings = Settings()
    hooks = Hooks(lambda _: None, lost, repeatable)
    dispatcher = Dispatcher(settings.workers, Recipe("tasks.execute", "Bench"), hooks, ground)
    job = Job.model_validate({"job_id": "a", "picture": "p", "speech": "s", "language": "en"})
    for fingerprint in ("1", "2"):
        with pytest.raises(ConnectionError):
            dispatcher.submit(Work("b", job, "audio", fingerprint)).result(10)
    dispatcher.close()
