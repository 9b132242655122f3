"""Any exception to a failure that a row can hold and an operator can act on."""

import errno

from emodiff_core.refusal import Refusal
from infra.errors import EmodiffError, Failure, Retry, advice
from infra.rows import Attempt, Status

PARKED = ("InputError", "RightsError")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


FILES_MAY_COME = ("FILE_MISSING", "FILE_UNREADABLE", "NOT_A_FILE")


def permanent(row: Attempt) -> bool:
    """Whether the same work would fail the same way again, so that it is not done: parked until its input changes.

    A bug is not: a newer release may have mended it. Nor is a file that was not there.
    """
    return row.status == Status.FAILED and row.error_kind in PARKED and row.error_code not in FILES_MAY_COME


def failure_of(error: BaseException) -> Failure:
    """The failure; what nobody foresaw is a Bug with code BUG."""
    if isinstance(error, EmodiffError):
        return Failure(error.code, type(error).__name__, error.message, error.hint, error.retry)
    if isinstance(error, Refusal):
        return Failure(error.code, "InputError", error.message, advice(error.hint), Retry.NEVER)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return _transient("GPU_OOM" if "cuda" in str(error).lower() else "OUT_OF_MEMORY", "Out of memory", error)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return _transient("STORAGE", "The disk is full", error)
    words = _words(error)
    message = f"{type(error).__name__}: {words}" if words else type(error).__name__
    hint = "This is ours to mend: report it with the output of `emodiff why`"
    return Failure("BUG", "Bug", message, hint, Retry.NEVER)


def _words(error: BaseException) -> str:
    """What an error says; one that fails even at that says nothing, and is no reason to lose a worker."""
    try:
        return str(error)
    except Exception:
        return ""


def _transient(code: str, what: str, error: BaseException) -> Failure:
    return Failure(code, "TransientError", f"{what}: {error}", "Give it more room, then run again", Retry.BACKOFF)
