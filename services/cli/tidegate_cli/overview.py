"""`tidegate deployments` and `show`: which deployments there are, and how each stands."""

from datetime import datetime
from typing import Annotated, Any, Final

import typer

from tidegate.clock import SystemClock
from tidegate_cli import client
from tidegate_cli.alarm_view import alarm_columns
from tidegate_cli.client import Document, Service
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import Column, Row, moment, show_facts, show_json, show_table
from tidegate_cli.output import show as show_text
from tidegate_cli.progress import is_pause
from tidegate_cli.steering import Id
from tidegate_cli.traffic_view import (
    coming,
    movement,
    moves_traffic,
    read_at,
    remarks,
    share,
    step_cells,
    who_and_why,
)

NEWEST: Final = 20


def _overview(deployment: Row) -> str:
    counts: Any = deployment.get("overview") or {}
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count)


def _score(deployment: Row) -> str:
    """Return how many targets succeeded of how many, and how many failed."""
    counts: Any = deployment.get("overview") or {}
    failed = f", {counts['Failed']} Failed" if counts.get("Failed") else ""
    return f"{counts.get('Succeeded', 0)}/{sum(counts.values())}{failed}"


def _last_event(target: Row) -> str:
    """Return the event that runs or failed, else the last one that ended."""
    events: Any = target.get("lifecycle_events") or ()
    for wanted in (("InProgress",), ("Failed",), ("Succeeded",)):
        found = [event for event in events if event.get("status") in wanted]
        if found:
            return f"{found[-1].get('name')} {found[-1].get('status')}"
    return ""


def _traffic_columns(now: datetime) -> tuple[Column, ...]:
    return (
        ("target", lambda target: target.get("id")),
        ("status", lambda target: target.get("status")),
        ("moves", lambda target: movement(_traffic(target))),
        ("traffic", lambda target: share(_traffic(target))),
        ("read", lambda target: read_at(_traffic(target), now)),
        ("message", lambda target: _message(target) or _traffic(target).get("note")),
    )


def _message(target: Row) -> str:
    return " ".join(str(target.get("message") or "").split())


def _traffic(target: Row) -> Document:
    found: Any = target.get("traffic") or {}
    return dict(found)


COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda deployment: deployment.get("id")),
    ("group", lambda d: f"{d.get('application')}/{d.get('deployment_group')}"),
    ("status", lambda deployment: deployment.get("status")),
    ("created", lambda deployment: moment(deployment.get("created_at"))),
    ("targets", _score),
    ("revision", lambda deployment: deployment.get("revision")),
)


TARGET_COLUMNS: Final[tuple[Column, ...]] = (
    ("target", lambda target: target.get("id")),
    ("status", lambda target: target.get("status")),
    ("event", _last_event),
    ("message", _message),
)


STEP_COLUMNS: Final[tuple[Column, ...]] = (
    ("step", lambda step: step.get("number")),
    ("event", lambda step: step.get("event")),
    ("what", lambda step: step.get("what")),
    ("status", lambda step: step.get("status")),
    ("at", lambda step: step.get("at")),
    ("note", lambda step: step.get("note")),
)


def deployments(
    *,
    application: Annotated[
        str | None, typer.Option("--application", metavar="APP", help="Only of this application.")
    ] = None,
    deployment_group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Only to this group.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status", metavar="STATUS", help="Only with this status; several with commas."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show so many.")] = NEWEST,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """List deployments, newest first."""
    with client.connect(profile) as service:
        found = list(
            service.items(
                "deployments",
                limit=limit,
                application=application,
                deployment_group=deployment_group,
                status=[one for text in status or () for one in text.split(",") if one],
            )
        )
    if as_json:
        show_json(found)
        return
    nothing = "There is no such deployment; `tidegate deploy` creates one."
    show_table(found, COLUMNS, nothing=nothing)


def show(deployment_id: Id, as_json: Json = False, profile: Profile = None) -> None:
    """Show a deployment, its alarms and targets, and where traffic moves its steps."""
    with client.connect(profile) as service:
        deployment = service.get("deployments", deployment_id)
        targets = list(service.items("deployments", deployment_id, "targets"))
        path = ("deployments", deployment_id, "steps")
        steps = service.get(*path)["items"] if moves_traffic(deployment) else None
        pause = _pause(service, deployment)
    if as_json:
        more = {} if steps is None else {"steps": steps}
        show_json({**deployment, "targets": targets, **more})
        return
    now = SystemClock().now()
    show_facts(_facts(deployment, pause, now))
    if alarms := deployment.get("alarms"):
        show_text("")
        show_table(alarms, alarm_columns(now), nothing="")
    if targets:
        show_text("")
        columns = TARGET_COLUMNS if steps is None else _traffic_columns(now)
        show_table(targets, columns, nothing="")
    if steps:
        show_text("")
        show_table([step_cells(step, now) for step in steps], STEP_COLUMNS, nothing="")


def _pause(service: Service, deployment: Document) -> Document:
    """Return the event of the pause in which a deployment is, or nothing."""
    if not deployment.get("paused_at"):
        return {}
    events = service.items("deployments", str(deployment["id"]), "events")
    return next(iter([one for one in events if is_pause(one)][-1:]), {})


def _paused(deployment: Document, pause: Document) -> str:
    since = moment(deployment.get("paused_at"))
    return f"{since}{who_and_why(pause)}" if since else ""


def _facts(deployment: Document, pause: Document, now: datetime) -> list[tuple[str, object]]:
    link = deployment.get("rollback") or {}
    follows = deployment.get("follow_up") or {}
    error = deployment.get("error") or {}
    facts = [
        *((head, value(deployment)) for head, value in COLUMNS),
        ("started", moment(deployment.get("started_at"))),
        ("completed", moment(deployment.get("completed_at"))),
        ("targets by status", _overview(deployment)),
        ("creator", deployment.get("creator")),
        ("config", deployment.get("deployment_config")),
        ("description", deployment.get("description")),
        ("previous revision", deployment.get("previous_revision")),
        ("error", f"{error.get('code')}: {error.get('message')}" if error else None),
        ("paused since", _paused(deployment, pause)),
        ("next", coming(deployment, now).removeprefix("Next: ")),
        ("rolled back by", link.get("rollback_deployment_id")),
        ("rolls back", link.get("rollback_triggering_deployment_id")),
        ("rollback", link.get("message")),
        ("follows", follows.get("root_deployment_id")),
        ("followed by", follows.get("follow_up_deployment_id")),
        ("note", " ".join(remarks(deployment))),
    ]
    return [(name, value) for name, value in facts if value not in (None, "", {})]
