"""Start, wait for and end the real programs that tests stand on."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import psutil

T = TypeVar("T")


def ending_with_us(command: Sequence[str], *, signal_name: str = "TERM") -> list[str]:
    """The command, so that the kernel ends it when this run dies, however it dies.

    It also ends when the thread that started it ends: start programs from the main thread.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, *command] if setpriv else list(command)


def wait_until(condition: Callable[[], T], *, within: float, what: str) -> T:
    """Ask until the answer is true and return it; an answer that stays false is a failure."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() > deadline:
            message = f"Waited {within:g} s in vain: {what}"
            raise AssertionError(message)
        time.sleep(0.02)
    return answer


def end(process: subprocess.Popen[bytes], *, within: float = 10) -> None:
    """Ask a program to end, and make it end if it does not."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def living_with(variable: str, value: str) -> list[psutil.Process]:
    """Every process whose environment says so: what a program leaves behind cannot hide."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and is_alive(process):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_all(processes: Iterable[psutil.Process]) -> None:
    doomed = list(processes)
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(doomed, timeout=10)
