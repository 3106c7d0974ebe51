"""Steps of a trial, one line each, and commands that fail with what they said."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[2]
BEGUN = monotonic()


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> str:
    """What a command prints; where it fails, all that it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-4000:]
        message = f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}"
        raise AssertionError(message)
    return done.stdout.strip()


@contextmanager
def step(what: str) -> Iterator[list[str]]:
    """Print a line when a step has ended; what is put into the list stands behind it."""
    begun, notes = monotonic(), list[str]()
    try:
        yield notes
    except BaseException:
        _say("FAILED", begun, what, notes)
        raise
    _say("ok", begun, what, notes)


def _say(how: str, begun: float, what: str, notes: Sequence[str]) -> None:
    now = monotonic()
    behind = f": {', '.join(notes)}" if notes else ""
    sys.stdout.write(f"{now - BEGUN:7.1f} s  {how:6} {now - begun:6.1f} s  {what}{behind}\n")
    sys.stdout.flush()
