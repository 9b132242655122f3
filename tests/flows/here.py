"""A batch run in this process on any store: the real route, ledger and deliveries, with stages that cost nothing."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from flows.book import read_book
from infra.fingerprint import Digests
from infra.ledger import Writer, write_plan
from infra.rows import Attempt
from infra.settings import Settings
from infra.storage import LocalStore, Store
from tasks.address import ground
from tasks.execute import Bench, Work
from tasks.jobs import Job
from tasks.plan import plan_job
from tasks.route import Hands, JobOutcome, run_job
from tests.faults.stages import fault_catalog


class Here:
    """Runs sheets, each time as the same batch; every job has its own speech, all have one picture."""

    def __init__(self, store: Store, folder: Path, batch: str = "night") -> None:
        self.store, self.folder, self.batch = store, folder, batch
        self.settings = Settings(storage=store.options)
        self.bench = Bench(store.root, self.settings, fault_catalog(), str(folder / "scratch"))
        folder.mkdir(exist_ok=True)
        (folder / "face.png").write_bytes(b"face")

    def copied(self, store: Store) -> "Here":
        """The same batch as it stands, in another store."""
        assert isinstance(self.store, LocalStore)
        for name in sorted(path.name for path in self.store.path().iterdir()):
            store.put_tree(self.store.path(name), name)
        return Here(store, self.folder, self.batch)

    def job(self, job_id: str, words: str = "hello", **fields: Any) -> Job:
        """A job that speaks these words."""
        (self.folder / f"{job_id}.wav").write_bytes(f"{job_id} {words}".encode())
        row = {"job_id": job_id, "picture": "face.png", "speech": f"{job_id}.wav", "language": "de"}
        return Job.model_validate(row | fields)

    def run(self, *jobs: Job) -> dict[str, JobOutcome]:
        """Plan, run, and note in the ledger; how each job ended."""
        book, digests = read_book(self.store, self.batch), Digests()
        base = ground(self.batch, self.settings, fault_catalog(), digests)
        with Writer(self.store, self.batch) as writer:
            note = lambda row: writer.add(book.number(row))  # noqa: E731

            def call(work: Work) -> "Future[Attempt]":
                future: Future[Attempt] = Future()
                future.set_result(self.bench.run(work))
                note(future.result())
                return future

            about = (self.store, digests, str(self.folder))
            hands = Hands(*about, call, note, book.known, book.parked, book.last, made=book.made)
            write_plan(self.store, self.batch, [row for job in jobs for row in plan_job(job, base, hands)])
            return {job.job_id: run_job(job, base, hands) for job in jobs}
