"""`tidegate history`: what happened to a deployment, who did it, and why."""

from typing import Annotated, Final

import typer

from tidegate_cli import client
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import Column, Row, moment, show_json, show_table


def _what(event: Row) -> str:
    """Return what an event is about: the deployment, one of its targets, a step, an alarm."""
    name = str(event.get("name") or "")
    match event.get("subject"):
        case "deployment" | "step" | "alarm" as subject:
            return f"{subject} {name}"
        case "lifecycle_event":
            return f"{event.get('target')} {name}"
        case _:
            return str(event.get("target") or "")


COLUMNS: Final[tuple[Column, ...]] = (
    ("at", lambda event: moment(event.get("at"))),
    ("what", _what),
    ("status", lambda event: event.get("to")),
    ("by", lambda event: event.get("actor")),
    ("why", lambda event: " ".join(str(event.get("reason") or "").split())),
)


def history(
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="The deployment.")],
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Show all that happened to a deployment: steps, alarms, who did what, and why."""
    with client.connect(profile) as service:
        events = list(service.items("deployments", deployment_id, "events"))
    if as_json:
        show_json(events)
        return
    show_table(events, COLUMNS, nothing="Nothing has happened yet.")
