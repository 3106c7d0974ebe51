"""What a deployment to thousands of hosts takes: time, processor, memory, statements, messages.

Hosts stand nowhere: each answers after a set time. All else is real: PostgreSQL, Redis, one worker
for decisions, two for hosts, the beat. Each deployment has a system of its own.
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
from findings import machine
from scale_alone import measured
from scale_report import CHAPTER, alone_table, goals_of, line_of, section, table_of
from scale_run import CONFIGS, Lab, Run

from tidegate.logs import configure_logging

HOSTS = "1000,5000,10000"
ANSWER = 10.0
SLOTS = 500


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", default=HOSTS, help="how many hosts, in turn")
    parser.add_argument("--configs", default=",".join(CONFIGS), help="which configs, of those")
    parser.add_argument("--answer", type=float, default=ANSWER, help="seconds a host takes (10)")
    parser.add_argument("--slots", type=int, default=SLOTS, help="of each worker for hosts (500)")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    parser.add_argument("--save", action="store_true", help="write scale.json and RESULTS.md")
    parser.add_argument("--add", action="store_true", help="to what was saved before")
    options = parser.parse_args(arguments)
    options.hosts = [int(count) for count in options.hosts.split(",")]
    options.configs = options.configs.split(",")
    return options


def measure(options: argparse.Namespace) -> dict[str, Any]:
    told = machine(in_memory=False)
    known = CHAPTER.load().get("runs", []) if options.add else []
    runs = {(run["config"], run["hosts"]): run for run in known}
    for config in options.configs:
        for count in options.hosts:
            runs[config, count] = asdict(one_run(options, count, config))
            print(line_of(runs[config, count]), flush=True)
    return {
        "machine": told,
        "slots": options.slots,
        "runs": [runs[key] for key in sorted(runs)],
        "alone": {"hosts": max(options.hosts), "taken": measured(max(options.hosts))},
    }


def one_run(options: argparse.Namespace, count: int, config: str) -> Run:
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-scale-")))
        lab = opened.enter_context(Lab(folder, options.slots))
        watch = profiled(lab.system, folder) if options.profile else contextlib.nullcontext()
        return lab.run(count, config, options.answer, watch)


def main() -> int:
    options = options_of(sys.argv[1:])
    configure_logging("console", "WARNING")
    # So that nothing is left when it is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The bench was ended."))
    found = measure(options)
    if options.save:
        CHAPTER.save(found, section(found))
    print(table_of(found["runs"]), alone_table(found["alone"]), sep="\n\n")
    print("\n".join(goals_of(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
