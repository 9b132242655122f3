"""Deliveries: the video under its job's name, and beside it what was done, from what, with which findings and edits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from emodiff_core.quality.edit_map import edl_of
from infra.artifacts import Artifact, local_artifact, read_file
from infra.storage import Store
from tasks.jobs import Job


def delivery_key(batch: str, job_id: str, suffix: str = ".mp4") -> str:
    """Where a job's delivery is in the store."""
    return f"deliveries/{batch}/{job_id}{suffix}"


def video_name(files: Iterable[str]) -> str:
    """The file of a mux artifact that is delivered: `video.mp4`, `video.mov` or `video.mkv`."""
    return next(name for name in files if name.startswith("video.") and name != "video.json")


def deliver(
    store: Store,
    batch: str,
    job: Job,
    mux: Artifact,
    verdict: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    fingerprints: Mapping[str, Sequence[str]],
    fresh: bool = False,
) -> str:
    """Put the video and its record where people look for them; each whole, the record last. Returns the video's key.

    fresh: some of it was made just now, so nobody need look whether it is there already.
    """
    name = video_name(mux.files)
    key = delivery_key(batch, job.job_id, PurePath(name).suffix)
    record_key = delivery_key(batch, job.job_id, ".json")
    video = mux.files[name]
    record = {
        "job": job.model_dump(mode="json"),
        "batch": batch,
        "video": {"file": PurePath(key).name, "bytes": video.bytes, "sha256": video.sha256},
        "made": json.loads(read_file(store, mux, "video.json")),
        **{name: verdict[name] for name in ("edits", "speech_print") if name in verdict},
        "check": {name: value for name, value in verdict.items() if name not in ("edits", "speech_print")},
        "findings": [dict(finding) for finding in findings],
        "fingerprints": {stage: list(found) for stage, found in fingerprints.items()},
    }
    data = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True).encode()
    if fresh or not _delivered(store, key, record_key, data):
        store.put_file(local_artifact(store, mux) / name, key)
        if "edits" in verdict:
            edits = edl_of(verdict["edits"], job.title or job.job_id, PurePath(key).name)
            store.write(delivery_key(batch, job.job_id, ".edl"), edits.encode())
        store.write(record_key, data)
    return key


def _delivered(store: Store, key: str, record_key: str, data: bytes) -> bool:
    """Whether exactly this is there already: the record, which holds the video's digest, is written after it."""
    try:
        return store.read(record_key) == data and store.exists(key)
    except FileNotFoundError:
        return False
