"""A seed becomes a night: which jobs, which of them misbehave, what else goes wrong, and how all of it must end.

Pure: the same seed is the same night on every machine. Kinds follow each other, so that any stretch of seeds as long as
KINDS holds each of them once; what else goes wrong besides is drawn.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.injury import Fault

PART, PLAN, PUBLISH, REPORT = "/attempts/.*parquet", "/plan", "^publish/", "/report.html"
VIDEO, SHEET = r"^deliveries/.*\.mp4", r"^deliveries/.*\.json"
FILE, RECORD = r"^artifacts/(?!.*artifact\.json)", r"^artifacts/.*artifact\.json"
EVER = 10_000


@dataclass(frozen=True)
class Kind:
    """A kind of night. faults: drawn with a source of chance; title: how the first job misbehaves, and code: what it
    must fail with, empty where it must ship; surprise: what the lab does from outside (kill, node, two, stop)."""

    name: str
    faults: Callable[[random.Random], Sequence[Fault]] = lambda _: ()
    title: str = ""
    code: str = ""
    surprise: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """One night. ends: job id to the code it must fail with, empty where it must ship; flush: rows and seconds after
    which the ledger is written; delays: seconds until the lab's surprise in each run."""

    seed: int
    kind: Kind
    store: str
    jobs: Sequence[Mapping[str, Any]]
    ends: Mapping[str, str]
    faults: Sequence[Fault]
    flush: tuple[int, float]
    delays: Sequence[float]
    prefect: bool

    @property
    def parts(self) -> int:
        """How many batches one process runs: several where nothing else happens, to see what it gathers."""
        return 5 if self.kind.name == "calm" and not self.faults and self.store == "local" else 1

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the workers, without where the cluster is."""
        return {"backoff_s": 0.05, "timeout_s": 60.0, "tries": 3} | dict(self.kind.settings)


def _dies(role: str, verb: str, key: str, moment: str, most: int = 1) -> Callable[[random.Random], list[Fault]]:
    def draw(chance: random.Random) -> list[Fault]:
        return [Fault("main", role, "kill", verb, key, moment, nth=chance.randint(1, most))]

    return draw


def _storage(act: str, times: int, amount: float = 0.0) -> Callable[[random.Random], list[Fault]]:
    def draw(chance: random.Random) -> list[Fault]:
        verb = "create" if act == "twice" else "write|create" if act in ("lost", "full") else "."
        roles = ("worker", "driver") if act in ("slow", "twice") else (chance.choice(("worker", "worker", "driver")),)
        # The first calls are the lease and the plan, whose failure ends a command before it began, which is an end too.
        return [Fault(f"main-{r}", r, act, verb, ".", "before", chance.randint(1, 12), times, amount) for r in roles]

    return draw


def _jump(role: str) -> Callable[[random.Random], list[Fault]]:
    def draw(chance: random.Random) -> list[Fault]:
        seconds = chance.choice((-86_400.0, -3600.0, -30.0, 30.0, 3600.0, 86_400.0))
        return [Fault("main", role, "jump", ".", ".", "before", chance.randint(1, 20), 2, seconds)]

    return draw


HANG = {"timeout_s": 6.0}
KINDS = (
    Kind("calm"),
    Kind("driver killed at any moment", surprise="kill"),
    Kind("driver killed before the plan", _dies("driver", "create", PLAN, "before")),
    Kind("driver killed in the plan", _dies("driver", "create", PLAN, "during")),
    Kind("driver killed before a row", _dies("driver", "create", PART, "before", 3)),
    Kind("driver killed mid-part", _dies("driver", "create", PART, "during", 3)),
    Kind("driver killed after a row", _dies("driver", "create", PART, "after", 3)),
    Kind("driver killed before a delivery", _dies("driver", "write", VIDEO, "before", 2)),
    Kind("driver killed in a delivery", _dies("driver", "write", VIDEO, "during", 2)),
    Kind("driver killed between video and its sheet", _dies("driver", "write", SHEET, "before", 2)),
    Kind("driver killed after a delivery", _dies("driver", "write", SHEET, "after", 2)),
    Kind("driver killed before publish", _dies("driver", "create", PUBLISH, "before")),
    Kind("driver killed in publish", _dies("driver", "create", PUBLISH, "during")),
    Kind("driver killed after publish", _dies("driver", "create", PUBLISH, "after")),
    Kind("driver killed in the report", _dies("driver", "write", REPORT, "during")),
    Kind("worker killed before its artifact", _dies("worker", "write", FILE, "before", 3)),
    Kind("worker killed in an artifact's files", _dies("worker", "write", FILE, "after", 3)),
    Kind("worker killed before the record", _dies("worker", "create", RECORD, "before", 3)),
    Kind("worker killed in the record", _dies("worker", "create", RECORD, "during", 3)),
    Kind("worker killed after the record, before the row", _dies("worker", "create", RECORD, "after", 3)),
    Kind("node killed", surprise="node"),
    Kind("storage errs for a moment", _storage("error", 2)),
    Kind("storage errs for long", _storage("error", 14)),
    Kind("storage is slow", _storage("slow", 25, 0.05)),
    Kind("storage does it twice", _storage("twice", EVER)),
    Kind("storage loses answers", _storage("lost", 3)),
    Kind("storage is full", _storage("full", 4)),
    Kind("stage hangs once", title="{stage}:hang-once:{folder}", settings=HANG),
    Kind("stage hangs always", title="{stage}:hang", code="TIMEOUT", settings=HANG | {"tries": 1}),
    Kind("stage leaks memory", title="{stage}:leak:96", code="OUT_OF_MEMORY"),
    Kind("stage returns rubbish", title="{stage}:rubbish", code="BUG"),
    Kind("stage raises what cannot be pickled", title="{stage}:mute", code="BUG"),
    Kind("stage has a bug", title="{stage}:bug", code="BUG"),
    Kind("stage refuses its input", title="{stage}:refuse", code="NO_FACE"),
    Kind("stage dies once", title="{stage}:die-once:{folder}"),
    Kind("stage dies always", title="{stage}:die", code="POISON"),
    Kind("stage stumbles", title="{stage}:stumble:{folder}"),
    Kind("check fails", title="check:fail", code="CHECK_FAILED"),
    Kind("driver's clock jumps", _jump("driver")),
    Kind("worker's clock jumps", _jump("worker")),
    Kind("two drivers", surprise="two"),
    Kind("stopped", surprise="stop"),
    Kind("stopped twice", surprise="stop twice"),
)
BESIDES = tuple(kind for kind in KINDS if kind.faults(random.Random(0)) and "full" not in kind.name)
STAGES = ("crop", "expression", "audio", "generate", "mux", "check")


def schedule(seed: int, store: str, folder: str) -> Schedule:
    """The night of a seed. folder: where its jobs leave marks for each other."""
    chance = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    count = 2 if store == "s3" else chance.randint(2, 4)
    title = kind.title.format(stage=chance.choice(STAGES), folder=folder)
    jobs = [_job(index, chance, title if not index else "") for index in range(count)]
    faults = list(kind.faults(chance))
    if chance.random() < 0.35:
        faults += [_renamed(fault, "besides") for fault in chance.choice(BESIDES).faults(chance)]
    return Schedule(
        seed=seed,
        kind=kind,
        store=store,
        jobs=jobs,
        ends={job["job_id"]: kind.code if job["title"] == title and title else "" for job in jobs},
        faults=faults,
        flush=chance.choice(((256, 30.0), (4, 0.2), (1, 0.05))),
        delays=[chance.uniform(0.05, 2.5) for _ in range(2)],
        prefect=seed % 125 == 7,
    )


def _job(index: int, chance: random.Random, title: str) -> dict[str, Any]:
    """Languages of one title share their picture, so that work is shared; who misbehaves has files of its own."""
    language = ("en", "fr", "de")[index % 3]
    files = {"picture": f"p{0 if title else chance.randint(1, 2)}", "speech": f"s{0 if title else index + 1}"}
    named = title or chance.choice(("Night", "Day"))
    return {"job_id": f"j{index}", "language": language, "title": named, "priority": chance.randint(0, 2), **files}


def _renamed(fault: Fault, name: str) -> Fault:
    from dataclasses import replace

    return replace(fault, name=f"{name}-{fault.role}")
