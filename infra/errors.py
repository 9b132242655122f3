"""Every way a job can fail.

EmodiffError                 code, message, hint, retry rule
├── InputError               permanent: the input must change (NO_FACE, CORRUPT_MEDIA, AUDIO_TOO_SHORT, ...)
├── RightsError              permanent: a licence or consent does not cover the use
├── TransientError           try again with back-off (STORAGE, WORKER_LOST, GPU_OOM, TIMEOUT)
├── QualityError             the result did not pass check; the remedy ladder decides
├── BudgetError              the batch may not spend more
├── SetupError               the command, sheet, settings or machine is not ready: nothing ran (SHEET, SETTINGS, ...)
└── Bug                      anything else: ours to mend, reported as such
"""

from dataclasses import dataclass
from enum import StrEnum


class Retry(StrEnum):
    """What a later attempt may do about an error."""

    NEVER = "never"
    BACKOFF = "backoff"
    REMEDY = "remedy"


NAMES = ("emodiff", "pip", "ffmpeg", "make", "prefect")
"""Words that begin a hint as they are written: commands."""


def advice(hint: str) -> str:
    """A hint as all of them are written: begins with a capital unless it begins with a command, ends without a stop."""
    first = hint.split(" ", 1)[0].rstrip(",:;")
    plain = first.isalpha() and first not in NAMES
    return (hint[:1].upper() + hint[1:] if plain else hint).removesuffix(".")


class EmodiffError(Exception):
    """Base of the tree: a stable code, a sentence of what was wrong, and what to do."""

    retry: Retry = Retry.NEVER

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = advice(hint)

    def __reduce__(self) -> tuple[type["EmodiffError"], tuple[str, str, str]]:
        return type(self), (self.code, self.message, self.hint)


class InputError(EmodiffError):
    """The input is at fault and trying again changes nothing."""


class RightsError(EmodiffError):
    """A licence, consent or right does not cover the use the batch states."""


class TransientError(EmodiffError):
    """The surroundings failed; the same work may succeed later."""

    retry = Retry.BACKOFF


class QualityError(EmodiffError):
    """The work was done and did not pass."""

    retry = Retry.REMEDY


class BudgetError(EmodiffError):
    """The batch reached a limit of time or money that its owner set."""


class SetupError(EmodiffError):
    """The command, its sheet, its settings or this machine is not ready; nothing has run."""


def newer(code: str, what: str, schema: object) -> SetupError:
    """The refusal to read half of what a newer program wrote."""
    return SetupError(code, f"{what} was written in schema {schema}", "Use the newer emodiff that wrote it")


class Bug(EmodiffError):
    """Not foreseen: the traceback is in the ledger row."""


@dataclass(frozen=True)
class Failure:
    """An error as a row can hold it."""

    code: str
    kind: str
    message: str
    hint: str
    retry: Retry
