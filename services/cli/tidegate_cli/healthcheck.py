"""`tidegate healthcheck`: whether a process here is well, for those who watch over it.

Containers ask every few seconds by `python -m tidegate_cli.healthcheck`, so that nothing is
imported here that takes long.
"""

import os
import sys
from collections.abc import Sequence
from enum import StrEnum

from tidegate.signs import FRESH, Found, look, signs_folder
from tidegate_cli.errors import Ended, ExitCode


class Part(StrEnum):
    API = "api"
    WORKER_CONTROL = "worker-control"
    WORKER_TRAFFIC = "worker-traffic"
    WORKER_HOSTS = "worker-hosts"
    BEAT = "beat"
    FLOWER = "flower"


class Unwell(Ended):
    """A process does not run here, or is not well."""


def healthcheck(part: Part) -> None:
    """Tell whether a process on this machine is well: 0, or 1 and what is wrong.

    The API by what its /readyz says; a worker by its heartbeat in the database, and by whether it
    takes messages from the broker; the beat by its heartbeat; Flower by whether it answers.
    """
    folder = signs_folder(os.environ)
    found = look(folder, part)
    if not found:
        raise Unwell(f"No {part} runs here that would leave its sign in {folder}.")
    for one in found:
        if wrong := _wrong(one):
            raise Unwell(f"The {part} is not well: {wrong}")
    sys.stdout.write(f"The {part} is well.\n")


def _wrong(found: Found) -> str | None:
    if found.ask is not None:
        # Only for the parts that answer over HTTP.
        from tidegate_cli.asking import ask  # noqa: PLC0415

        return ask(*found.ask)
    if found.age is None or found.age > FRESH:
        return f"it has shown no life for {found.age or 0:.0f} s."
    return found.why or None


def main(arguments: Sequence[str]) -> int:
    """Look at one part, and return the exit code."""
    try:
        healthcheck(Part(arguments[0]))
    except (ValueError, IndexError):
        sys.stderr.write(f"Say one of {', '.join(Part)}.\n")
        return ExitCode.USAGE
    except Ended as ended:
        sys.stderr.write(f"{ended}\n")
        return ended.exit_code
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
