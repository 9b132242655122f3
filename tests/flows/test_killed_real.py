"""A night that is killed while it renders, with the real stages: the same command finishes it.

One of its jobs takes its head motion from a driving video.
"""

import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np

from emodiff_core.faces.track import Tracker
from emodiff_core.media import decode
from flows.state import read_state
from infra.ledger import read_attempts
from tests.flows.nights import RATE, TIMEOUT, Night, portrait
from tests.talking import models, mouth_open
from tests.voice import say


def test_killed_while_it_renders_the_same_command_renders_only_the_rest(tmp_path: Path) -> None:
    night = Night(tmp_path)
    say(tmp_path / "night.wav", "Good night")
    base = {"picture": portrait(tmp_path).name, "speech": "night.wav", "language": "en"}
    emotions = [base | {"job_id": emotion, "emotion": emotion} for emotion in ("neutral", "happy", "angry")]
    night.sheet(*emotions, base | {"job_id": "driven", "motion": swaying(tmp_path / "driver.mp4").name})

    process = night.begin()
    _wait_for(night, process, "generate", 1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed, made = time.time(), _made(night)
    assert len(made) >= 4 and not list(night.root.glob("deliveries/night/angry.*"))

    code, document = night.run()
    assert (code, document["counts"]["shipped"]) == (0, 4)
    rows = [row for row in read_attempts(night.store, "night", "") if row.start > killed]
    assert {row.status for row in rows if row.fingerprint in made and row.stage != "job"} <= {"reused"}
    assert any(row.status == "reused" and row.fingerprint in made for row in rows)
    state = read_state(night.store, "night")
    assert state.counts() == {"shipped": 4}
    assert all(Counter(row.key for row in job.rows).most_common(1)[0][1] == 1 for job in state.jobs)
    assert night.damage() == []

    moved, still = (nose(night.root / f"deliveries/night/{name}.mp4") for name in ("driven", "neutral"))
    driver = nose(tmp_path / "driver.mp4")[: len(moved)]
    assert np.corrcoef(moved, driver)[0, 1] > 0.9 and np.ptp(moved) > 0.5 * np.ptp(driver)
    assert np.corrcoef(still, driver)[0, 1] < 0.9 or np.ptp(still) < 0.3 * np.ptp(driver)


def swaying(path: Path) -> Path:
    """Somebody who talks and sways 8 pixels to the right and to the left, two seconds long."""
    frames = []
    for k in range(2 * RATE):
        shift = np.float32([[1, 0, 8 * np.sin(2 * np.pi * k / RATE)], [0, 1, 0]])
        open_ = mouth_open(4 + 4 * np.sin(k))
        frames.append(cv2.warpAffine(open_, shift, open_.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def nose(path: Path) -> np.ndarray:
    """Where the middle of the face is from left to right in each frame of a video, pixels."""
    tracker = Tracker(models())
    return np.array([tracker(frame.picture).points[:, 0].mean() for frame in decode(path)])


def _wait_for(night: Night, process: subprocess.Popen[str], stage: str, count: int) -> None:
    """Until so many artifacts of a stage are there, or the process has ended."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and len(list(night.root.glob(f"artifacts/{stage}/*/artifact.json"))) < count:
        assert process.poll() is None, "the night ended before it was killed"
        time.sleep(0.02)


def _made(night: Night) -> set[str]:
    """Fingerprints of what is finished."""
    return {path.parent.name for path in night.root.glob("artifacts/*/*/artifact.json")}
