"""SIGKILL at any moment: what is committed is whole, what is not is made again."""

import hashlib
import multiprocessing
import os
import random
import signal
import time

from infra.artifacts import adopt_artifact, commit_artifact, find_artifact, verify_artifact
from infra.ledger import Reader, Writer
from infra.rows import Attempt
from infra.storage import open_store


def _content(number):
    return hashlib.sha256(str(number).encode()).digest() * 4000


def _produce(root, scratch):
    store = open_store(root)
    with Writer(store, "night", rows=3) as writer:
        for number in range(10_000):
            fingerprint = f"{number:064d}"
            artifact = adopt_artifact(store, "crop", fingerprint, contents=True)
            if artifact is None:
                folder = scratch / f"{os.getpid()}-{number}"
                folder.mkdir(parents=True)
                for name in ("a", "b"):
                    (folder / name).write_bytes(_content(f"{number}{name}"))
                artifact = commit_artifact(store, "crop", "1", fingerprint, folder)
            writer.add(
                Attempt("night", f"{number}", "crop", "succeeded", fingerprint=fingerprint, output=artifact.address)
            )


def test_a_process_killed_at_any_moment_leaves_nothing_that_is_half_written(tmp_path):
    chance, store = random.Random(7), open_store(tmp_path / "root")
    reached = 0
    for _ in range(6):
        process = multiprocessing.get_context("spawn").Process(target=_produce, args=(store.root, tmp_path / "scratch"))
        process.start()
        while not find_artifact(store, "crop", f"{reached:064d}") and process.is_alive():
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        reached += sum(1 for _ in _committed(store, reached))
    assert reached > 6
    rows = Reader(store, "night").refresh().current()
    assert all(store.exists(f"{row.output}/a") for row in rows.values()), "a row is written after its artifact"


def _committed(store, first):
    number = first
    while (artifact := find_artifact(store, "crop", f"{number:064d}")) is not None:
        assert verify_artifact(store, artifact, contents=True) == []
        assert store.read(f"{artifact.address}/b") == _content(f"{number}b")
        yield artifact
        number += 1
