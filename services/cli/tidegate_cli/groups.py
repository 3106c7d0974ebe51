"""`tidegate group …`: which hosts an application goes to, and how."""

from typing import Annotated, Any, Final

import typer

from tidegate_cli import client
from tidegate_cli.commands import Command, group
from tidegate_cli.options import Json, Profile, pairs, rollback, tag_filters
from tidegate_cli.output import Row, moment, say, show_facts, show_json, show_table

app = group("Deployment groups: which hosts an application goes to, and how.")

Application = Annotated[str, typer.Argument(metavar="APP", help="The application.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The deployment group.")]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="K=V",
        help="Hosts with these tags. Different keys must all match (AND); several values of "
        "the same key are alternatives (OR). `K=*` means any value, `*=V` any key.",
    ),
]
Hosts = Annotated[list[str] | None, typer.Option("--host", metavar="NAME", help="Hosts by name.")]
Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="NAME",
        help="Deployment config: how many hosts at once "
        "(`CodeDeployDefault.OneAtATime` if none is named).",
    ),
]
RollbackOn = Annotated[
    str | None,
    typer.Option(
        "--rollback-on",
        metavar="failure,stop",
        help="When to bring back the last good revision by itself.",
    ),
]
Vars = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="K=V", help="Environment of the hooks on all its hosts."),
]


def meaning(found: Row) -> str:
    """Return in words which hosts a group means."""
    filters: Any = found.get("tag_filters") or []
    named: Any = found.get("hosts") or []
    sets = [" or ".join(map(_condition, either)) for either in filters]
    tags = " and ".join(f"({each})" if " or " in each and len(sets) > 1 else each for each in sets)
    return " or ".join(part for part in (tags, ", ".join(named)) if part)


def _condition(condition: Row) -> str:
    match condition.get("type"):
        case "KEY_ONLY":
            return f"{condition.get('key')}=*"
        case "VALUE_ONLY":
            return f"*={condition.get('value')}"
        case _:
            return f"{condition.get('key')}={condition.get('value')}"


COLUMNS: Final = (
    ("application", lambda group: group.get("application")),
    ("group", lambda group: group.get("name")),
    ("hosts", meaning),
    ("config", lambda group: group.get("deployment_config")),
    ("revision", lambda group: group.get("target_revision")),
    ("last deployment", lambda group: _summary(group.get("last_attempted_deployment"))),
)


@app.command("create", cls=Command)
def create(
    app_name: Application,
    name: Group,
    *,
    tag: Tags = None,
    host: Hosts = None,
    config: Config = None,
    rollback_on: RollbackOn = None,
    var: Vars = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Create a deployment group.

    `tidegate group create shop prod --tag env=prod role=web role=api --rollback-on failure`
    means all hosts with env=prod that have role=web or role=api.
    """
    if bool(tag) == bool(host):
        raise typer.BadParameter("give --tag K=V or --host NAME, one of the two.")
    given = {
        "name": name,
        "tag_filters": tag_filters(tag) if tag else None,
        "hosts": host,
        "deployment_config": config,
        "auto_rollback": None if rollback_on is None else rollback(rollback_on),
        "variables": pairs(var, "--var") if var else None,
    }
    body = {key: value for key, value in given.items() if value}
    with client.connect(profile) as service:
        created = service.create("applications", app_name, "deployment-groups", body=body)
    if as_json:
        show_json(created)
    else:
        say(f"Deployment group {app_name}/{name} was created.")


@app.command("list")
def list_groups(
    app_name: Annotated[
        str | None, typer.Argument(metavar="APP", help="Only those of this application.")
    ] = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """List deployment groups."""
    with client.connect(profile) as service:
        names = [app_name] if app_name else [a["name"] for a in service.items("applications")]
        groups = [
            each
            for application in names
            for each in service.items("applications", application, "deployment-groups")
        ]
    if as_json:
        show_json(groups)
        return
    nothing = "There is no deployment group; `tidegate group create` creates one."
    show_table(groups, COLUMNS, nothing=nothing)


@app.command("show")
def show_group(
    app_name: Application, name: Group, as_json: Json = False, profile: Profile = None
) -> None:
    """Show a deployment group."""
    with client.connect(profile) as service:
        found = service.get("applications", app_name, "deployment-groups", name)
    if as_json:
        show_json(found)
        return
    show_facts(
        [
            *((head, value(found)) for head, value in COLUMNS),
            ("last success", _summary(found.get("last_successful_deployment"))),
            ("rolls back on", _rolls_back_on(found.get("auto_rollback"))),
            ("ssh defaults", {k: v for k, v in (found.get("ssh") or {}).items() if v is not None}),
            ("variables", found.get("variables")),
            ("created", moment(found.get("created_at"))),
        ]
    )


@app.command("delete")
def delete(app_name: Application, name: Group, profile: Profile = None) -> None:
    """Delete a deployment group; its hosts and what runs on them stay."""
    with client.connect(profile) as service:
        service.delete("applications", app_name, "deployment-groups", name)
    say(f"Deployment group {app_name}/{name} was deleted.")


def _summary(last: Any) -> str:
    if not isinstance(last, dict):
        return str(last or "")
    return f"{last.get('deployment_id') or last.get('id') or ''} {last.get('status') or ''}".strip()


def _rolls_back_on(setting: Any) -> str:
    if not setting or not setting.get("enabled"):
        return "nothing"
    words = {"DEPLOYMENT_FAILURE": "failure", "DEPLOYMENT_STOP_ON_REQUEST": "stop"}
    return ", ".join(words.get(event, event) for event in setting.get("events", []))
