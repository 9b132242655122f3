"""The fault lab: nights in which everything is broken on purpose, and what must hold afterwards.

python -m tests.faults [--seeds A-B] [--store local|s3|both] [--lanes N]
"""

import argparse
import sys
import time
from collections import Counter, defaultdict

from tests.faults.lab import Lab, Verdict
from tests.faults.schedule import KINDS


def main() -> int:
    """Exit code 0 where every night passed."""
    asked = _arguments()
    first, _, last = asked.seeds.partition("-")
    seeds = [(seed, store_of(seed, asked.store)) for seed in range(int(first), int(last or first) + 1)]
    start, verdicts = time.monotonic(), []
    with Lab(asked.lanes) as lab:
        for verdict in lab.many(seeds):
            verdicts.append(verdict)
            if verdict.wrong or asked.verbose:
                print(_line(verdict), flush=True)
            if len(verdicts) % 25 == 0:
                said = f"{len(verdicts)} of {len(seeds)} nights in {time.monotonic() - start:.0f} s"
                print(said, file=sys.stderr, flush=True)
    print(table(verdicts), f"\n{time.monotonic() - start:.0f} s", sep="\n")
    failed = [verdict for verdict in verdicts if verdict.wrong]
    if failed:
        print("failed:", " ".join(f"{verdict.seed}/{verdict.store}" for verdict in failed))
    print(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def table(verdicts: list[Verdict]) -> str:
    """Kind of fault, nights, faults that really struck, and how they came out."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for one in verdicts:
        rows[one.kind] += Counter(
            {"nights": 1, one.store: 1, "failed" if one.wrong else "passed": 1, "struck": one.struck, "runs": one.runs}
        )
    columns = ("nights", "local", "s3", "struck", "runs", "passed", "failed")
    lines = [f"{'':48}" + "".join(f"{name:>8}" for name in columns)]
    for kind in KINDS:
        if kind.name in rows:
            lines.append(f"{kind.name:48}" + "".join(f"{rows[kind.name][name]:>8}" for name in columns))
    whole: Counter[str] = sum(rows.values(), Counter())
    return "\n".join([*lines, f"{'all':48}" + "".join(f"{whole[name]:>8}" for name in columns)])


def store_of(seed: int, asked: str) -> str:
    """Both: an eighth is on S3, of each kind in its turn, for it costs five times as much."""
    return asked if asked != "both" else ("s3" if (seed // len(KINDS) + seed) % 8 == 3 else "local")


def _line(verdict: Verdict) -> str:
    about = f"seed {verdict.seed} ({verdict.kind}, {verdict.store}, {verdict.runs} runs, {verdict.seconds:.1f} s)"
    return "\n".join([f"{about}: {'FAILED' if verdict.wrong else 'passed'}", *(f"  {text}" for text in verdict.wrong)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seeds", default="0-515", metavar="A-B", help="the same seed is the same night")
    parser.add_argument("--store", default="both", choices=("local", "s3", "both"))
    parser.add_argument("--lanes", default=4, type=int, help="nights side by side")
    parser.add_argument("--verbose", action="store_true", help="say also what passed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
