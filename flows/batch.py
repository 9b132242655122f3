"""The batch as Prefect sees it: a flow, a sub-flow for each few hundred jobs, and one task run for each job."""

from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.cancelling import cancelling
from flows.driver import Driver, run_plainly
from flows.engine import has_server
from flows.evidence import show_findings
from infra.logs import logger

# Prefect passes parameters by value and shows them; a driver is neither copied nor shown, so tasks find it here.
DRIVERS: dict[str, Driver] = {}


@task(name="job", task_run_name="{job_id}", cache_policy=NO_CACHE, persist_result=False, retries=0)
def job(batch: str, job_id: str) -> State[Any]:
    """One job; Failed in the UI when it failed, with its code and sentence."""
    outcome = DRIVERS[batch].run(job_id)
    if outcome.status == "shipped":
        return Completed(message=outcome.delivery)
    if outcome.status == "stopped":
        return Cancelled(message=outcome.message)
    if has_server():
        show_findings(batch, outcome)
    return Failed(message=f"{outcome.code}: {outcome.message}")


@flow(name="emodiff-part", flow_run_name="{batch} from {first}", persist_result=False, validate_parameters=False)
def part(batch: str, first: int, job_ids: Sequence[str]) -> State[Any]:
    """Some of a large batch's jobs, most urgent first."""
    _submit(batch, job_ids)
    return _verdict(DRIVERS[batch], job_ids)


@flow(name="emodiff-batch", flow_run_name="{batch}", persist_result=False, validate_parameters=False)
def whole(batch: str) -> State[Any]:
    """All jobs of a batch; a large one is cut into sub-flows that Prefect can hold. Its cancel drains the batch."""
    driver = DRIVERS[batch]
    limit = driver.order.settings.prefect.jobs_per_flow
    ids = driver.queue()
    with cancelling(driver):
        if len(ids) <= limit:
            _submit(batch, ids)
        else:
            for first in range(0, len(ids), limit):
                _with_threads(part, driver)(batch, first, ids[first : first + limit], return_state=True)
    return _verdict(driver, ids)


def run_with_prefect(driver: Driver) -> None:
    """Run all jobs of a driver; how they ended is in its outcomes.

    Prefect holds no state that matters: where its server cannot be reached or goes away, jobs are run without it.
    """
    name = driver.order.batch
    DRIVERS[name] = driver
    try:
        _with_threads(whole, driver)(name, return_state=True)
    except Exception as error:
        logger(batch=name).warning("running without Prefect", why=f"{type(error).__name__}: {error}")
    finally:
        del DRIVERS[name]
    run_plainly(driver)


def _submit(batch: str, job_ids: Sequence[str]) -> None:
    futures = [job.submit(batch, job_id) for job_id in job_ids]
    for future in futures:
        future.wait()


def _with_threads(flow_: Any, driver: Driver) -> Any:
    return flow_.with_options(task_runner=ThreadPoolTaskRunner(max_workers=driver.admitted()))


def _verdict(driver: Driver, job_ids: Sequence[str]) -> State[Any]:
    outcomes = [driver.outcomes.get(job_id) for job_id in job_ids]
    failed = [outcome for outcome in outcomes if outcome is not None and outcome.status == "failed"]
    open_ = [outcome for outcome in outcomes if outcome is None or outcome.status == "stopped"]
    if driver.stopping.is_set() and open_:
        return Cancelled(message=f"{len(open_)} of {len(outcomes)} jobs were not done; the same command goes on")
    if failed or open_:
        return Failed(message=f"{len(failed) + len(open_)} of {len(outcomes)} jobs failed")
    return Completed(message=f"{len(outcomes)} jobs shipped")
