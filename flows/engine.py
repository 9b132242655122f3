"""Prefect, kept quiet and at home: its environment is settled here before anything imports it."""

import os
from pathlib import Path

from flows.guard import guard
from infra.storage import LocalStore, Store

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_CLI_COLORS": "false",
    # Each job's beginning and end is in its state; as log lines they would be sent once more.
    "PREFECT_LOGGING_LEVEL": "WARNING",
}
# Services of a server that lives for one flow: nothing is scheduled, late, paused or triggered in it.
EPHEMERAL = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    **{
        f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false"
        for name in ("SCHEDULER", "LATE_RUNS", "TRIGGERS", "FOREMAN", "PAUSE_EXPIRATIONS", "CANCELLATION_CLEANUP")
    },
}


def has_server() -> bool:
    """Whether a Prefect server was named, by environment; else one lives as long as the batch."""
    return bool(os.environ.get("PREFECT_API_URL"))


def settle(store: Store) -> None:
    """Set what Prefect reads when it is imported; what the user has set stays. A local root holds Prefect's home.

    What is started from then on ends with this process.
    """
    home = store.path("prefect") if isinstance(store, LocalStore) else Path.home() / ".cache" / "emodiff" / "prefect"
    wanted = QUIET if has_server() else QUIET | EPHEMERAL
    for name, value in {**wanted, "PREFECT_HOME": str(home)}.items():
        os.environ.setdefault(name, value)
    guard()
