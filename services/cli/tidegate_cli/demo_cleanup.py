"""What the demo's hosts leave running when they are gone: hooks under way, and the sites."""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Final

from tidegate.clock import monotonic

HOOKS_WITHIN: Final = 8.0
SITES_WITHIN: Final = 3.0


def end_what_runs(hosts: Path) -> None:
    """End every hook and every site of the hosts under this folder; none may arrive any more."""
    running = [run for run in hosts.glob("*/state/runs/*") if _is_running(run)]
    for run in running:
        (run / "cancel").write_text("kill")
    _wait_until(lambda: not any(map(_is_running, running)), within=HOOKS_WITHIN)
    _end_sites(hosts, signal.SIGTERM)
    if not _wait_until(lambda: not any(_sites(hosts)), within=SITES_WITHIN):
        _end_sites(hosts, signal.SIGKILL)


def _is_running(run: Path) -> bool:
    """Tell whether the runner holds the lock of its run."""
    try:
        lock = os.open(run / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _end_sites(hosts: Path, number: signal.Signals) -> None:
    for pid in _sites(hosts):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _sites(hosts: Path) -> Iterator[int]:
    """Yield the pids of the sites that run; a pid that belongs to another program is none."""
    for file in hosts.glob("*/site/server.pid"):
        text = file.read_text().strip()
        if text.isdecimal() and str(file.parent / "app" / "serve.py") in _command_of(int(text)):
            yield int(text)


def _command_of(pid: int) -> str:
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            return ""
    ps = shutil.which("ps") or "/bin/ps"
    shown = subprocess.run(  # noqa: S603  # ours
        [ps, "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return shown.stdout


def _wait_until(condition: Callable[[], bool], *, within: float) -> bool:
    deadline, pause = monotonic() + within, Event()
    while not (holds := condition()) and monotonic() < deadline:
        pause.wait(0.05)
    return holds
