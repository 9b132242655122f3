"""A cancel in Prefect's UI: what Ctrl-C once is at the terminal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.driver import Driver
from flows.engine import has_server
from infra.logs import logger

EVERY_S = 2.0


@contextmanager
def cancelling(driver: Driver) -> Iterator[None]:
    """Within a flow: its cancel drains the driver. A last look is taken at the end, so that no cancel is missed."""
    from prefect.runtime import flow_run

    watched = flow_run.id if has_server() else None
    if not watched:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_watch, args=(driver, watched, done), name="cancelling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=30)


def _watch(driver: Driver, run_id: Any, done: threading.Event) -> None:
    from prefect.client.orchestration import get_client

    log = logger(batch=driver.order.batch)
    with get_client(sync_client=True) as client:
        while True:
            last = done.wait(EVERY_S)
            try:
                state = client.read_flow_run(run_id).state
            except Exception as error:
                # A server that is away says nothing about a cancel; the batch goes on without it.
                log.warning("Prefect is not heard", why=f"{type(error).__name__}: {error}")
                state = None
            if state is not None and (state.is_cancelling() or state.is_cancelled()):
                within = driver.order.settings.prefect.cancel_s
                log.warning("cancelled in Prefect: what runs is finished", within_s=within)
                driver.drain(within)
                return
            if last:
                return
