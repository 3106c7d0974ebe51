"""What CodeDeploy's API shows of a failed event: an error code, a script, a message, and a log."""

from typing import Final

LONGEST_LOG: Final = 2047
"""Characters of a log that the agent reports, line ends counted."""
_WARNING: Final = "Warning - "
"""Begins a line of ours, which the agent does not have; what scripts write begins otherwise."""


def log_tail(log: bytes) -> str:
    """Return the last whole lines of *log* that the agent would report.

    A line that is longer than all that is reported hides itself and what is before it.
    """
    lines = log.decode("utf-8", "replace").split("\n")
    lines = [f"{line}\n" for line in lines[:-1]] + [line for line in lines[-1:] if line]
    lines = [line for line in lines if not line.startswith(_WARNING)]
    tail: list[str] = []
    room = LONGEST_LOG
    for line in reversed(lines):
        room -= len(line)
        if room < 0:
            break
        tail.append(line)
    return "".join(reversed(tail))
