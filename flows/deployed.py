"""Flows that a Prefect server starts by itself: what `emodiff run` does, by schedule or by hand in the UI."""

from contextlib import ExitStack
from typing import Any

from prefect import flow
from prefect.states import Completed, Failed

from flows.batch import run_with_prefect
from flows.commands.planning import settle_plan
from flows.commands.running import prepare
from flows.driver import Driver
from flows.keeping import keeping
from flows.report.page import write_report
from flows.stopping import stopping
from infra.fingerprint import Digests


@flow(name="batch", flow_run_name="{name}", persist_result=False)
def batch(sheet: str, root: str, name: str | None = None, settings: list[str] | None = None) -> Any:
    """One sheet, as `emodiff run SHEET --root ROOT --batch NAME --set ...`."""
    order = prepare(sheet, root, name, settings or [], None)
    digests = Digests()
    with ExitStack() as stack:
        stack.enter_context(keeping(order.store, order.batch))
        driver = stack.enter_context(Driver(order, digests=digests))
        settle_plan(order, digests, driver.book)
        stack.enter_context(stopping(driver))
        run_with_prefect(driver)
    report = order.store.address(write_report(order.store, order.batch))
    failed = [outcome for outcome in driver.outcomes.values() if outcome.status != "shipped"]
    if failed:
        return Failed(message=f"{len(failed)} of {len(order.jobs)} jobs did not ship; {report}")
    return Completed(message=report)
