"""`emodiff run --json` with stages that cost nothing.

python -m tests.faults.command SHEET ROOT BATCH [GROUP.NAME=VALUE ...]
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

from flows.commands.running import prepare, run_batch
from infra.errors import EmodiffError
from tests.faults.stages import fault_catalog


def main(sheet: str, root: str, batch: str, *flags: str) -> int:
    """Exit code as `emodiff run --json`."""
    # Workers import the stages from here; Ray gives them the driver's environment.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    order = replace(prepare(sheet, root, batch, flags, None), catalog=fault_catalog())
    return run_batch(order, as_json=True)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except EmodiffError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
