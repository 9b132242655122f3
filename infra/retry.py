"""What is tried again, how often and after how long, by the error's code; and what is said of work that was lost."""

import random
from dataclasses import dataclass

from infra.errors import Failure, Retry
from infra.settings import Workers

LONGEST_BACKOFF_S = 60.0


@dataclass(frozen=True)
class Rule:
    """How the retries of one code differ from `workers.tries` and `workers.backoff_s`.

    more: tries added; most: no more tries than this; slower: factor on the waiting.
    """

    more: int = 0
    most: int = 1000
    slower: float = 1.0


RULES = {
    "STORAGE": Rule(more=2),  # an outage outlasts a stage, and waiting costs nothing
    "TIMEOUT": Rule(most=2),  # what hung once for its whole time mostly hangs again
    "OUT_OF_MEMORY": Rule(slower=4.0),  # until neighbours have ended
    "GPU_OOM": Rule(slower=4.0),
    "WORKER_LOST": Rule(),
}
PLAIN = Rule()


def may_try(code: str, tries: int, options: Workers) -> bool:
    """Whether work that failed with this code after so many tries gets another one."""
    rule = RULES.get(code, PLAIN)
    return tries < min(options.tries + rule.more, rule.most)


def wait_s(code: str, tries: int, options: Workers) -> float:
    """Seconds before the next try: doubles with each, within LONGEST_BACKOFF_S, and varies by half so that what
    failed together does not come back together."""
    first = options.backoff_s * RULES.get(code, PLAIN).slower
    return min(LONGEST_BACKOFF_S, first * 2 ** max(0, tries - 1)) * random.uniform(0.5, 1.5)


def worker_lost(stage: str, worker: str, deaths: int, suspect: bool) -> Failure:
    """The failure of work whose worker died."""
    message = f"The worker {worker} died during {stage} (death {deaths})"
    hint = "Its log and the machine's memory say more"
    if suspect:
        hint = "It is tried once more, alone; one more death and it is parked"
    return Failure("WORKER_LOST", "TransientError", message, hint, Retry.BACKOFF)


def poison(stage: str, deaths: int) -> Failure:
    """The failure of work that killed a worker even when it was alone."""
    message = f"{deaths} workers died during {stage} of this item, the last one while nothing else ran"
    hint = "Its input is probably what kills them: look at it, then `emodiff retry --force`"
    return Failure("POISON", "InputError", message, hint, Retry.NEVER)


def timed_out(stage: str, worker: str, options: Workers) -> Failure:
    """The failure of work that did not end in time."""
    message = f"{stage} was not done after {options.timeout_s:g} s on {worker}"
    return Failure("TIMEOUT", "TransientError", message, "Raise workers.timeout_s if it needs more", Retry.BACKOFF)
