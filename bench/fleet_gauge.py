"""What programs cost: processor time, and memory at its highest.

`fleet_gauge.py FILE COMMAND…` runs a command and writes to FILE, as JSON, what it and everything
that it left behind took.
"""

import ctypes
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from parts.processes import ending_with_us, kill_all

PR_SET_CHILD_SUBREAPER = 36
LOOK_EVERY = 0.25
SHARE_OF_LOOKING = 0.1
"""To look takes time itself, the more the more processes there are: never more than this."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one deployment to some hosts took."""

    seconds: float
    cpu: dict[str, float]
    """Seconds of processor time of the control side, by process."""
    memory: int
    """Bytes that the processes of the control side held together, at the highest."""


class Peak:
    """Watches the memory of processes, and of all below them, while it is entered."""

    def __init__(self, pids: Iterable[int], *, below_only: bool = False) -> None:
        self.bytes = 0
        self._roots = [psutil.Process(pid) for pid in pids]
        self._below_only = below_only
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            begun = time.thread_time()
            self.bytes = max(self.bytes, self._look())
            pause = max(LOOK_EVERY, (time.thread_time() - begun) / SHARE_OF_LOOKING)

    def _look(self) -> int:
        total = 0
        for root in self._roots:
            try:
                family = root.children(recursive=True)
            except psutil.NoSuchProcess:
                continue
            total += sum(pss_of(p.pid) for p in ([] if self._below_only else [root]) + family)
        return total


def pss_of(pid: int) -> int:
    """Bytes of memory of a process, with what it shares divided among those that share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def cpu_of(pid: int) -> float:
    """Seconds of processor time of a process and all below it, living or buried."""
    total = 0.0
    process = psutil.Process(pid)
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def peak_rss_of(pid: int) -> int:
    """Bytes of memory of one process at its highest, with all that it shares."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def run_gauged(name: str, command: Sequence[str], folder: Path) -> tuple[Cost, str]:
    """Run a command to its end, and return what it took and what it said."""
    found = folder / f"{name}.cost.json"
    with (folder / f"{name}.log").open("w+b") as log:
        gauge = [sys.executable, __file__, str(found), *command]
        ended = subprocess.run(
            ending_with_us(gauge),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
        log.seek(0)
        said = log.read().decode(errors="replace")
    if ended.returncode != 0:
        raise SystemExit(f"{name} ended with {ended.returncode}:\n{said[-4000:]}")
    cost = json.loads(found.read_text())
    return Cost(cost["seconds"], {name: cost["cpu"]}, cost["memory"]), said


def main() -> int:
    """Run the command as a child, and become the parent of what it leaves behind."""
    found, command = Path(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    me = psutil.Process()
    begun = time.monotonic()
    with Peak([me.pid], below_only=True) as peak:
        ended = subprocess.run(ending_with_us(command), check=False)
        seconds = time.monotonic() - begun
    kill_all(me.children(recursive=True))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "memory": peak.bytes}
    found.write_text(json.dumps(cost))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
