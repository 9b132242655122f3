"""What signals mean at each moment of a run, in processes of their own."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
from flows.stopping import stopping

def hear():
    os.kill(os.getpid(), signal.{name})

drained = []
try:
    with stopping() as stop:
        try:
            {moments}
        finally:
            print(len(drained), "drained", flush=True)
            {late}
except KeyboardInterrupt:
    sys.exit(7)
"""
DRAIN = "stop.drain = lambda within: drained.append(within)"


@pytest.mark.parametrize(
    ("moments", "late", "code", "drained"),
    [
        (f"{DRAIN}; hear()", "pass", 0, 1),
        (f"{DRAIN}; hear(); hear()", "pass", None, None),
        (f"{DRAIN}; hear()", "hear()", None, 1),
        ("hear()", "pass", 7, 0),
        ("hear()", "hear()", None, 0),
    ],
    ids=["once", "twice", "again in the last write", "before anything runs", "again while that is tidied up"],
)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_once_drains_and_twice_stops_at_once_whatever_is_under_way(moments, late, code, drained, name):
    code = 128 + getattr(signal, name) if code is None else code
    script = SCRIPT.format(name=name, moments=moments, late=late)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == code and "Traceback" not in done.stderr
    assert done.stdout == ("" if drained is None else f"{drained} drained\n")
    assert ("Stopped at once" in done.stderr) == (code > 128)
