"""`tidegate pause`, `resume`, `promote` and `rollback`: people steer a deployment."""

from typing import Annotated

import typer

from tidegate.clock import SystemClock
from tidegate_cli import client
from tidegate_cli.client import Document
from tidegate_cli.options import Json, Profile
from tidegate_cli.output import say, show_json
from tidegate_cli.traffic_view import coming
from tidegate_cli.verdict import rollback_of, sentence, summary

Id = Annotated[str, typer.Argument(metavar="ID", help="The deployment.")]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; its history says so.")
]


def pause(
    deployment_id: Id, reason: Reason = None, as_json: Json = False, profile: Profile = None
) -> None:
    """Have no step of a deployment to Lambda or ECS begin until it is resumed or promoted.

    What has begun goes on to its end. One that nobody resumes in 48 hours, or what the service
    says in TIDEGATE_PAUSE_LIMIT_HOURS, is stopped.
    """
    deployment = _ask(deployment_id, "pause", reason, profile)
    _tell(deployment, f"Deployment {deployment_id} is paused.", as_json=as_json)


def resume(
    deployment_id: Id, reason: Reason = None, as_json: Json = False, profile: Profile = None
) -> None:
    """Let a paused deployment go on; the shifts to come are as far apart as they were."""
    deployment = _ask(deployment_id, "resume", reason, profile)
    _tell(deployment, f"Deployment {deployment_id} goes on.", as_json=as_json)


def promote(
    deployment_id: Id,
    full: Annotated[
        bool,
        typer.Option("--full", help="Give the replacement all traffic, without steps between."),
    ] = False,
    reason: Reason = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Do now what would come next: move the next share of the traffic, or end a wait.

    A pause ends, too; hooks are called all the same.
    """
    deployment = _ask(deployment_id, "promote", reason, profile, full=full)
    said = "is promoted fully" if full else "is promoted"
    _tell(deployment, f"Deployment {deployment_id} {said}.", as_json=as_json)


def rollback(
    deployment_id: Id, reason: Reason = None, as_json: Json = False, profile: Profile = None
) -> None:
    """Stop a deployment that goes on, and roll it back, whatever its group says of rollbacks."""
    deployment = _ask(deployment_id, "rollback", reason, profile)
    if as_json:
        show_json(summary(deployment))
        return
    say(sentence(deployment))
    tell_rollback(deployment)


def tell_rollback(deployment: Document) -> None:
    """Say what rolls a deployment back, or why nothing does."""
    rolled_back_by = rollback_of(deployment)
    if rolled_back_by:
        say(f"{rolled_back_by} rolls it back; `tidegate watch {rolled_back_by}` follows it.")
    elif message := (deployment.get("rollback") or {}).get("message"):
        say(str(message))


def _ask(
    deployment_id: str, verb: str, reason: str | None, profile: str | None, **more: object
) -> Document:
    body = {"reason": reason, **more} if reason else more
    with client.connect(profile) as service:
        return service.create("deployments", deployment_id, verb, body=body)


def _tell(deployment: Document, said: str, *, as_json: bool) -> None:
    if as_json:
        show_json({**summary(deployment), "paused_at": deployment.get("paused_at")})
        return
    say(said)
    if next_ := coming(deployment, SystemClock().now()):
        say(next_)
