"""`tidegate watch`: a deployment followed live until it and its rollback have ended."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Annotated, Final

import typer
from rich.console import Console

from tidegate_cli import client
from tidegate_cli.client import Document, Service
from tidegate_cli.errors import ExitCode, Unavailable
from tidegate_cli.options import Json, Profile, duration
from tidegate_cli.output import on_terminal, say, show_json, write
from tidegate_cli.plain import PlainView
from tidegate_cli.screen import LiveView
from tidegate_cli.verdict import summary
from tidegate_cli.waiting import Ending, View, Wait

FAILURES: Final = 3
LOG_LINES: Final = 5

Deadline = Annotated[
    timedelta | None,
    typer.Option(
        "--deadline",
        metavar="30m",
        help="Stop waiting after this time (90s, 30m, 2h): exit code 6, the deployment goes on.",
        parser=duration,
    ),
]


def watch(
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="The deployment.")],
    deadline: Deadline = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Follow a deployment live until it and its rollback have ended.

    Exit codes: 0 succeeded, 3 failed (also: its rollback failed), 4 failed and rolled back,
    5 stopped, 6 deadline passed.
    """
    out = sys.stderr if as_json else sys.stdout
    with client.connect(profile) as service:
        ending = follow(service, deployment_id, out=out, deadline=deadline)
    if as_json:
        show_json(summary(ending.deployment))
    raise typer.Exit(ending.code)


def follow(
    service: Service,
    deployment_id: str,
    *,
    out: IO[str],
    deadline: timedelta | None,
    known: Document | None = None,
) -> Ending:
    """Show a deployment on *out* until it and its rollback have ended; tell why it failed."""
    view: View = LiveView(Console(file=out)) if on_terminal(out) else PlainView(out)
    wait = Wait(service, view, deadline=deadline)
    try:
        ending = wait.for_end_of(deployment_id, known=known)
    except KeyboardInterrupt:
        say(f"The deployment goes on; `tidegate watch {deployment_id}` looks again.")
        raise
    if ending.code is ExitCode.DEADLINE:
        say(
            f"The deadline has passed; deployment {deployment_id} goes on: "
            f"`tidegate watch {deployment_id}` looks again."
        )
    for text in _why(service, ending):
        write(text, out)
    return ending


def _why(service: Service, ending: Ending) -> Iterator[str]:
    """Yield what the targets that failed say, of the deployment and of its rollback."""
    for deployment in (ending.deployment, ending.rollback):
        if deployment is None or deployment.get("status") != "Failed":
            continue
        try:
            failed = _failed_targets(service, str(deployment["id"]))
        except Unavailable:
            return
        for target in failed:
            yield from explain(target, str(deployment["id"]))


def _failed_targets(service: Service, deployment_id: str) -> list[Document]:
    path = ("deployments", deployment_id, "targets")
    failed = list(service.items(*path, status="Failed", limit=FAILURES))
    # Lists leave the logs out.
    return [service.get(*path, str(target["id"])) for target in failed]


def explain(target: Document, deployment_id: str) -> Iterator[str]:
    """Yield why a target failed: event, script, message, the end of its log, where all of it is."""
    name = target.get("id")
    events = target.get("lifecycle_events") or ()
    event = next((each for each in events if each.get("status") == "Failed"), None)
    if event is None:
        if target.get("message"):
            yield f"{name}: {target['message']}"
        return
    what = event.get("message") or target.get("message") or event.get("error_code") or "it failed"
    script = f" ({event['script']})" if event.get("script") else ""
    yield f"{name}: {event.get('name')}{script}: {what}"
    tail = str(event.get("log_tail") or "").splitlines()[-LOG_LINES:]
    yield from (f"    {_harmless(text)}" for text in tail)
    if not tail:
        return
    where = f"--target {name} --event {event.get('name')}"
    yield f"    All of it: tidegate logs {deployment_id} {where}"


def _harmless(text: str) -> str:
    """Return a line of a script without what would move the cursor or change the terminal."""
    return "".join(
        each if each.isprintable() or each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text
    )
