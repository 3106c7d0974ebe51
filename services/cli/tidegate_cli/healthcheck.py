"""`tidegate healthcheck`: whether a process here is well, for those who watch over it."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from tidegate.signs import FRESH, Found, look, signs_folder
from tidegate_cli.asking import ask
from tidegate_cli.errors import Ended


class Part(StrEnum):
    API = "api"
    WORKER_CONTROL = "worker-control"
    WORKER_TRAFFIC = "worker-traffic"
    WORKER_HOSTS = "worker-hosts"
    BEAT = "beat"
    FLOWER = "flower"


class Unwell(Ended):
    """A process does not run here, or is not well."""


def healthcheck(
    part: Annotated[Part, typer.Argument(help="Which of the processes on this machine is meant.")],
) -> None:
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
    typer.echo(f"The {part} is well.")


def _wrong(found: Found) -> str | None:
    if found.ask is not None:
        return ask(*found.ask)
    if found.age is None or found.age > FRESH:
        return f"it has shown no life for {found.age or 0:.0f} s."
    return found.why or None
