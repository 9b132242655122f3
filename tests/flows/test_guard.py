"""A driver that is killed leaves nothing running, whatever it had started."""

import signal
import subprocess
import sys
import time

import psutil

STARTS_A_SERVER = """
import subprocess, sys, time
from flows.guard import guard
guard(); guard()
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(server.pid, flush=True)
time.sleep(600)
"""


def test_what_it_started_ends_when_it_is_killed() -> None:
    driver = subprocess.Popen([sys.executable, "-c", STARTS_A_SERVER], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    server = psutil.Process(int(driver.stdout.readline()))
    family = psutil.Process(driver.pid).children(recursive=True)
    assert len(family) == 2, "the server and one guard"
    assert server.is_running()
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def test_it_lets_others_live() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    done = subprocess.run([sys.executable, "-c", "from flows.guard import guard; guard()"], timeout=60)
    time.sleep(1)
    assert done.returncode == 0 and other.poll() is None
    other.kill()
    other.wait()
