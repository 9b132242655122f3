"""What is said while it runs: for a person on a terminal, JSON lines otherwise, always to stderr."""

import logging
import re
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from structlog.types import EventDict, Processor, WrappedLogger

    from infra.settings import Log

# Everything a terminal obeys, but tab and newline, which tracebacks need; and marks that turn the direction of text.
COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SECRETS = (
    (re.compile(r"://[^/@\s]+@"), "://***@"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "***"),
    (
        re.compile(
            r"(?i)((?:X-Amz-(?:Signature|Credential|Security-Token)|aws_secret_access_key|password)\s*[=:]\s*)[^\s&,;]+"
        ),
        r"\1***",
    ),
)


class _Stderr:
    """stderr as it is when something is said: what was there before may be closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure(options: "Log | None" = None, stream: TextIO | None = None) -> None:
    """Set up logging for this process. stream: stderr by default."""
    # structlog brings rich: a tenth of a second for commands that log nothing, so only who logs imports it.
    import structlog

    from infra.settings import Log

    options, stream = options or Log(), stream or cast(TextIO, _Stderr())
    human = options.format == "human" or (options.format == "auto" and stream.isatty())
    structlog.configure(
        processors=_for_people(stream.isatty()) if human else _for_machines(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, options.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def bound(**about: Any) -> AbstractContextManager[Any]:
    """While the block runs every line says what it is about: `with bound(batch=..., job=..., stage=...)`."""
    import structlog

    return structlog.contextvars.bound_contextvars(**about)


def logger(**about: Any) -> Any:
    """A logger; about: bound to each of its lines."""
    import structlog

    return structlog.get_logger(**about)


def harmless(text: str) -> str:
    """Text that cannot move a cursor, set a title or tell a credential."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return COMMANDS.sub("�", text)


def _shared(clock: str) -> "list[Processor]":
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt=clock, utc=True),
        structlog.processors.format_exc_info,
        _neutralise,
    ]


def _for_people(colors: bool) -> "list[Processor]":
    import structlog

    return [*_shared("%H:%M:%S"), structlog.dev.ConsoleRenderer(colors=colors)]


def _for_machines() -> "list[Processor]":
    import structlog

    return [*_shared("iso"), structlog.processors.JSONRenderer(default=str)]


def _neutralise(_: "WrappedLogger", __: str, event: "EventDict") -> "EventDict":
    return {harmless(str(key)): _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {harmless(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value if isinstance(value, int | float | None) else harmless(str(value))
