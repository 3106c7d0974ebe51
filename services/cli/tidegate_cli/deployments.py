"""`tidegate deploy` and `stop`."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from tidegate_cli import client
from tidegate_cli.alarm_options import Alarms, Checks, alarm_settings
from tidegate_cli.client import Document, Service
from tidegate_cli.errors import ExitCode
from tidegate_cli.options import Json, Profile, rollback
from tidegate_cli.output import say, show_json
from tidegate_cli.output import show as show_text
from tidegate_cli.revisions import send_appspec, upload
from tidegate_cli.steering import Id, Reason, tell_rollback
from tidegate_cli.verdict import sentence, summary
from tidegate_cli.watch import Deadline, follow

BEHAVIORS: Final = ("DISALLOW", "OVERWRITE", "RETAIN")


def _behavior(text: str) -> str:
    if text.upper() not in BEHAVIORS:
        raise typer.BadParameter(f"{text!r} is none of: {', '.join(BEHAVIORS)}.")
    return text.upper()


Application = Annotated[str, typer.Option("--application", metavar="APP", help="The application.")]
Group = Annotated[str, typer.Option("--group", metavar="GROUP", help="The deployment group.")]
Revision = Annotated[
    str | None, typer.Option("--revision", metavar="ID", help="A revision that was pushed.")
]
Bundle = Annotated[
    Path | None, typer.Option("--bundle", metavar="DIR", help="A folder to push first.")
]
AppSpec = Annotated[
    Path | None,
    typer.Option("--appspec", metavar="FILE", help="An AppSpec for Lambda or ECS to send first."),
]
WaitForEnd = Annotated[
    bool, typer.Option("--wait", help="Wait until it and its rollback have ended.")
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="NAME", help="Another deployment config, this once."),
]
Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")
]
IgnoreStopFailures = Annotated[
    bool,
    typer.Option(
        "--ignore-application-stop-failures",
        help="Go on where the old revision's ApplicationStop fails.",
    ),
]
FileExists = Annotated[
    str | None,
    typer.Option(
        "--file-exists-behavior",
        metavar="DISALLOW|OVERWRITE|RETAIN",
        help="What to do with files that are there and are not of the last revision.",
        parser=_behavior,
    ),
]
OutdatedOnly = Annotated[
    bool, typer.Option("--update-outdated-only", help="Only hosts that lack this revision.")
]
RollbackOn = Annotated[
    str | None,
    typer.Option(
        "--rollback-on", metavar="failure,stop,alarm", help="When to roll back, this once."
    ),
]
NoAlarms = Annotated[
    bool,
    typer.Option("--no-alarms", help="Look at no alarm, this once, as after one that is lit."),
]
NoRollback = Annotated[bool, typer.Option("--no-rollback", help="Never roll back, this once.")]


def deploy(
    *,
    application: Application,
    deployment_group: Group,
    revision: Revision = None,
    bundle: Bundle = None,
    appspec: AppSpec = None,
    wait: WaitForEnd = False,
    deadline: Deadline = None,
    config: Config = None,
    description: Description = None,
    ignore_stop_failures: IgnoreStopFailures = False,
    file_exists_behavior: FileExists = None,
    update_outdated_only: OutdatedOnly = False,
    rollback_on: RollbackOn = None,
    no_rollback: NoRollback = False,
    alarm: Alarms = None,
    check: Checks = None,
    no_alarms: NoAlarms = False,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Bring a revision to a deployment group: one that is there, a folder, or an AppSpec.

    The id goes to stdout, all else to stderr. With `--wait` the exit code tells how it ended:
    0 succeeded, 3 failed (or its rollback), 4 failed and rolled back, 5 stopped, 6 deadline passed.
    """
    body = _given(
        application=application,
        deployment_group=deployment_group,
        deployment_config=config,
        description=description,
        **_hosts(file_exists_behavior, ignore=ignore_stop_failures, outdated=update_outdated_only),
        **_instead(rollback_on, alarm, check, never=no_rollback, none=no_alarms),
    )
    _check(revision, bundle, appspec, wait=wait, deadline=deadline)
    with client.connect(profile) as service:
        body["revision"] = revision or _send(service, bundle, appspec, application)["id"]
        created = service.create("deployments", body=body)
        raise typer.Exit(_tell(service, created, wait=wait, deadline=deadline, as_json=as_json))


def stop(
    deployment_id: Id,
    roll_back: Annotated[
        bool | None,
        typer.Option(
            "--rollback/--no-rollback",
            help="Bring back the last good revision, or do not; else as the group wants it.",
        ),
    ] = None,
    reason: Reason = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Stop a deployment: what has not begun is skipped, a script that runs ends first."""
    body = _given(rollback=roll_back, reason=reason)
    with client.connect(profile) as service:
        deployment = service.create("deployments", deployment_id, "stop", body=body)
    if as_json:
        show_json(summary(deployment))
        return
    say(sentence(deployment))
    tell_rollback(deployment)


def _check(
    revision: str | None,
    bundle: Path | None,
    appspec: Path | None,
    *,
    wait: bool,
    deadline: timedelta | None,
) -> None:
    if sum(given is not None for given in (revision, bundle, appspec)) != 1:
        raise typer.BadParameter("give one of --revision ID, --bundle DIR and --appspec FILE.")
    if deadline is not None and not wait:
        raise typer.BadParameter("it needs --wait.", param_hint="--deadline")


def _send(
    service: Service, bundle: Path | None, appspec: Path | None, application: str
) -> Document:
    if appspec is not None:
        return send_appspec(service, appspec, application)
    return upload(service, bundle or Path(), application)


def _hosts(
    file_exists_behavior: str | None, *, ignore: bool, outdated: bool
) -> dict[str, object | None]:
    return {
        "ignore_application_stop_failures": ignore or None,
        "file_exists_behavior": file_exists_behavior,
        "update_outdated_only": outdated or None,
    }


def _instead(
    rollback_on: str | None,
    alarms: list[str] | None,
    checks: list[str] | None,
    *,
    never: bool,
    none: bool,
) -> dict[str, object | None]:
    """Return what is said instead of the group's rollback and alarms."""
    return {
        "auto_rollback": _rollback(rollback_on, never=never),
        "override_alarms": _alarms(alarms, checks, none=none),
    }


def _rollback(text: str | None, *, never: bool) -> dict[str, object] | None:
    if text is not None and never:
        raise typer.BadParameter("give --rollback-on or --no-rollback, not both.")
    if never:
        return rollback("none")
    return None if text is None else rollback(text)


def _alarms(
    alarms: list[str] | None, checks: list[str] | None, *, none: bool
) -> dict[str, object] | None:
    says_which = alarms is not None or checks is not None
    if none and says_which:
        raise typer.BadParameter("give --alarm and --check, or --no-alarms, not both.")
    if none:
        return {"enabled": False}
    return alarm_settings(alarms, checks) if says_which else None


def _given(**body: object | None) -> dict[str, object]:
    return {key: value for key, value in body.items() if value is not None}


def _tell(
    service: Service, created: Document, *, wait: bool, deadline: timedelta | None, as_json: bool
) -> ExitCode:
    """Print what was created, and with *wait* how it ended."""
    deployment_id = str(created["id"])
    code = ExitCode.DONE
    if not as_json:
        show_text(deployment_id)
    if wait:
        ending = follow(service, deployment_id, out=sys.stderr, deadline=deadline, known=created)
        created, code = ending.deployment, ending.code
    elif not as_json:
        say(f"It has begun; `tidegate watch {deployment_id}` follows it.")
    if as_json:
        show_json(summary(created))
    return code
