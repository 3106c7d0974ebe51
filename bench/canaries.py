"""How late the steps of many canaries are that all are in flight at once, and what they cost.

Each run has a system of its own: PostgreSQL, Redis, one beat and two workers, as `tidegate up`
starts them. What moves the traffic only records when it was asked to.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from canaries_profile import profiled
from canaries_report import CHAPTER, goals_of, line_of, section, sweeps_table, table_of
from canaries_run import Lab, Run
from findings import machine

from tidegate.logs import configure_logging

FEW, MANY = 1_000, 10_000
RATES = "10,20,50"


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flying", default=f"{FEW},{MANY}", help="canaries at once, in turn")
    parser.add_argument("--rates", default=RATES, help="steps that are due in a second, in turn")
    parser.add_argument("--seconds", type=float, default=60, help="for which is measured (60)")
    parser.add_argument("--warm", type=float, default=10, help="and before that (10)")
    parser.add_argument(
        "--profile", action="store_true", help="show statements, and where the workers' time goes"
    )
    parser.add_argument("--save", action="store_true", help="write canaries.json and RESULTS.md")
    options = parser.parse_args(arguments)
    options.flying = sorted(int(count) for count in options.flying.split(","))
    options.rates = [float(rate) for rate in options.rates.split(",")]
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    told = machine(in_memory=False)
    runs: list[dict[str, Any]] = []
    sweeps: dict[int, dict[str, Any]] = {}
    for flying in options.flying:
        for rate in options.rates:
            run, sweep = one_run(options, flying, rate)
            sweeps.setdefault(flying, asdict(sweep))
            runs.append(asdict(run))
            print(line_of(runs[-1]), flush=True)
    return {"machine": told, "runs": runs, "sweeps": list(sweeps.values())}


def one_run(options: argparse.Namespace, flying: int, rate: float) -> tuple[Run, Any]:
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-canary-")))
        come = round(rate * (options.warm + options.seconds))
        lab = opened.enter_context(Lab(folder, flying, come))
        sweep = lab.sweep()
        watch = profiled(lab.system, folder) if options.profile else contextlib.nullcontext()
        run = lab.run(rate, warm=options.warm, seconds=options.seconds, watch=watch)
        return run, sweep


def main() -> int:
    options = options_of(sys.argv[1:])
    configure_logging("console", "WARNING")
    # So that nothing is left when it is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The bench was ended."))
    found = measure(options)
    if options.save:
        CHAPTER.save(found, section(found))
    print(table_of(found["runs"]))
    print(sweeps_table(found["sweeps"]))
    print("\n".join(goals_of(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
