"""Parquet cue files opened in a process of their own: a damaged one may end the process that opens it, and that must
not be a batch's driver."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from infra.errors import InputError
from tasks.cues import Cue, cue_bytes, parse_cues, read_cues

LIMIT_S = 60.0
_HINT = "Write it anew, or as CSV"


class Reader:
    """Says what cue files hold, one after the other; its process starts with the first and ends with this one.

    command: of a process that answers each line, a path as JSON, with a line of JSON: [null, cues] or
    [[code, message, hint], null] for an InputError.
    """

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "tasks.cue_reader")) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> list[Cue]:
        """The cues of a file.

        Raises InputError CUES_MISSING, CUES_INVALID, the latter also where opening the file ended the process.
        """
        with self._lock:
            answer = self._answer(str(path.absolute()))
        if not answer:
            message = f"The cue file {path.name}: a damaged Parquet file, reading it ended the process that read it"
            raise InputError("CUES_INVALID", message, _HINT)
        error, cues = json.loads(answer)
        if error is not None:
            raise InputError(*error)
        return [Cue.model_validate(cue) for cue in cues]

    def _answer(self, path: str) -> str:
        """A line, empty where the process died or was ended after LIMIT_S; another one is begun for the next file."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        late = threading.Timer(LIMIT_S, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps(path) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late.cancel()
        if not line.endswith("\n"):
            process.kill()
            process.wait()
            self._process = None
            return ""
        return line


_reader = Reader()


def guarded_cues(path: Path) -> list[Cue]:
    """As `read_cues`, for a process that must not end: a text is read here, a Parquet elsewhere."""
    data = cue_bytes(path)
    return _reader(path) if data.startswith(b"PAR1") else parse_cues(data, path.name)


def main() -> None:
    """Answer the lines of the standard input until it ends."""
    for line in sys.stdin:
        print(json.dumps(_told(Path(json.loads(line)))), flush=True)


def _told(path: Path) -> list[Any]:
    """What a file holds, or its error, beside None."""
    try:
        return [None, [cue.model_dump(mode="json") for cue in read_cues(path)]]
    except InputError as error:
        return [[error.code, error.message, error.hint], None]


if __name__ == "__main__":
    main()
