"""What an idle system costs: starts one, lets it settle, and measures all its processes."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

CPU_LIMIT = 3.0
"""Per cent of one core."""
MEMORY_LIMIT = 600.0
"""Megabytes (of 1,000,000 bytes) that all processes take together."""
READY_WITHIN = 120.0
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """What one process took while the system was watched."""

    name: str
    cpu: float
    """Per cent of one core."""
    rss: float
    pss: float
    """Megabytes, with what several processes share divided among them."""


def main() -> int:
    """Measure, print a table, and return 1 when a limit is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to measure (60)")
    parser.add_argument("--settle", type=float, default=15, help="how long to wait before (15)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidegate-idle-") as folder, running(folder) as system:
        time.sleep(options.settle)
        shares = measure(system, options.seconds)
    print(table(shares))
    problems = judge(shares)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


@contextlib.contextmanager
def running(folder: str) -> Iterator[psutil.Process]:
    """Run a whole system on *folder* and yield its supervisor once it is ready."""
    command = [str(Path(sys.executable).with_name("tidegate")), "up"]
    command += ["--data-dir", f"{folder}/data", "--port", "0", "--flower-port", "0"]
    foreign = [name for name in os.environ if name.startswith("TIDEGATE_")]
    environment = {k: v for k, v in os.environ.items() if k not in foreign}
    output = Path(folder, "output.txt")
    with output.open("wb") as file:
        up = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            await_readiness(up, output)
            yield psutil.Process(up.pid)
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(timeout=60)


def await_readiness(up: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while b"Tidegate is ready" not in output.read_bytes():
        if up.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The system did not get ready:\n{output.read_text(errors='replace')}")
        time.sleep(0.2)


def measure(system: psutil.Process, seconds: float) -> list[Share]:
    """Watch the supervisor and everything below it for a while."""
    before = cpu_seconds(system)
    begun = time.monotonic()
    time.sleep(seconds)
    after, passed = cpu_seconds(system), time.monotonic() - begun
    if before.keys() != after.keys():
        sys.exit("A process of the system ended or began meanwhile; measure again.")
    return [
        share_of(process, 100 * (after[process] - before[process]) / passed) for process in after
    ]


def cpu_seconds(system: psutil.Process) -> dict[psutil.Process, float]:
    found = {}
    for process in [system, *system.children(recursive=True)]:
        times = process.cpu_times()
        found[process] = times.user + times.system
    return found


def share_of(process: psutil.Process, cpu: float) -> Share:
    memory = process.memory_full_info()
    # Only Linux says how much is shared; elsewhere it counts in full.
    pss = getattr(memory, "pss", memory.rss)
    return Share(name_of(process), cpu, memory.rss / MB, pss / MB)


def name_of(process: psutil.Process) -> str:
    words = [Path(word).name for word in process.cmdline()]
    if "valkey-server" in words[0]:
        return "redis"
    known = {"up", "tidegate_api", "worker", "hosts", "control", "beat", "flower"}
    return " ".join(word for word in words if word in known) or words[0]


def judge(shares: Sequence[Share]) -> list[str]:
    """Return a sentence for each limit that is reached."""
    cpu, memory = sum(share.cpu for share in shares), sum(share.pss for share in shares)
    problems = []
    if cpu >= CPU_LIMIT:
        problems.append(f"{cpu:.2f} % of a core is too much: the limit is {CPU_LIMIT:.0f} %.")
    if memory >= MEMORY_LIMIT:
        problems.append(f"{memory:.0f} MB are too many: the limit is {MEMORY_LIMIT:.0f} MB.")
    return problems


def table(shares: Sequence[Share]) -> str:
    """Return the shares as lines of text, with their sum."""
    total = Share(
        "together",
        sum(share.cpu for share in shares),
        sum(share.rss for share in shares),
        sum(share.pss for share in shares),
    )
    lines = [f"{'process':<16} {'CPU %':>7} {'RSS MB':>8} {'PSS MB':>8}"]
    lines += [f"{s.name:<16} {s.cpu:>7.2f} {s.rss:>8.1f} {s.pss:>8.1f}" for s in (*shares, total)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
