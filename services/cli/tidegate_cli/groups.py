"""`tidegate group …`: which hosts an application goes to, and how."""

from typing import Annotated, Any, Final

import typer

from tidegate_cli import client, group_ways
from tidegate_cli.alarm_options import (
    Alarms,
    Checks,
    Enabled,
    IgnorePollFailure,
    alarm_facts,
    alarm_settings,
)
from tidegate_cli.client import Service
from tidegate_cli.commands import Command, group
from tidegate_cli.ec2_options import OfInstances, ec2_facts
from tidegate_cli.group_options import (
    AllowSetid,
    Application,
    Config,
    Group,
    Hosts,
    MaxRevisions,
    OnStop,
    RollbackOn,
    ServiceRole,
    Sudo,
    Tags,
    Vars,
    WorkingDirectory,
    kept_of,
)
from tidegate_cli.group_view import how, rolls_back_on, summary
from tidegate_cli.options import Json, Profile, pairs, rollback, tag_filters
from tidegate_cli.output import Row, moment, say, show_facts, show_json, show_table
from tidegate_cli.service_options import (
    Cluster,
    EcsService,
    Pairs,
    ReadyWait,
    TerminationWait,
    service_facts,
    service_settings,
)

app = group("Deployment groups: which hosts an application goes to, and how.")
app.command("ec2", cls=Command)(group_ways.set_ec2)
app.command("ssm")(group_ways.set_ssm)


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
    ("last deployment", lambda group: summary(group.get("last_attempted_deployment"))),
)


_ONE_OF_TWO: Final = "give --tag K=V or --host NAME, one of the two, or --ec2."


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
    working_directory: WorkingDirectory = None,
    sudo: Sudo = None,
    allow_setid: AllowSetid = None,
    on_stop: OnStop = None,
    max_revisions: MaxRevisions = None,
    cluster: Cluster = None,
    service_name: EcsService = None,
    pair: Pairs = None,
    ready_wait: ReadyWait = None,
    termination_wait: TerminationWait = None,
    service_role: ServiceRole = None,
    ec2: OfInstances = False,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Create a deployment group.

    `tidegate group create shop prod --tag env=prod role=web role=api` means all hosts with env=prod
    and one of both roles. Lambda needs a name alone, ECS a cluster, a service and a pair.
    """
    if tag and host:
        raise typer.BadParameter(_ONE_OF_TWO)
    settings = _settings(tag, host, config, rollback_on, var, service_role=service_role)
    settings |= service_settings(cluster, service_name, pair, ready_wait, termination_wait)
    options = _options(working_directory, sudo, allow_setid, on_stop, max_revisions)
    body = {"name": name, **settings, **({"host_options": options} if options else {})}
    with client.connect(profile) as service:
        if not (tag or host or ec2) and _is_of_servers(service, app_name):
            raise typer.BadParameter(_ONE_OF_TWO)
        created = service.create("applications", app_name, "deployment-groups", body=body)
    _show(created, as_json=as_json, said=f"Deployment group {app_name}/{name} was created.")


@app.command("set", cls=Command)
def change(
    app_name: Application,
    name: Group,
    *,
    tag: Tags = None,
    host: Hosts = None,
    config: Config = None,
    rollback_on: RollbackOn = None,
    var: Vars = None,
    working_directory: WorkingDirectory = None,
    sudo: Sudo = None,
    allow_setid: AllowSetid = None,
    on_stop: OnStop = None,
    max_revisions: MaxRevisions = None,
    cluster: Cluster = None,
    service_name: EcsService = None,
    pair: Pairs = None,
    ready_wait: ReadyWait = None,
    termination_wait: TerminationWait = None,
    service_role: ServiceRole = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Change what is given of a deployment group; the rest stays, and so does what is active.

    The tags, hosts or variables that are given are all it has from then on; `--tag ''`,
    `--host ''` and `--var ''` take them away.
    """
    settings = _settings(tag, host, config, rollback_on, var, service_role=service_role)
    settings |= service_settings(cluster, service_name, pair, ready_wait, termination_wait)
    options = _options(working_directory, sudo, allow_setid, on_stop, max_revisions)
    if not settings and not options:
        raise typer.BadParameter("say what to change, for example --tag or --on-stop.")
    with client.connect(profile) as service:
        path = ("applications", app_name, "deployment-groups", name)
        found = service.get(*path)
        kept = kept_of(found)
        body = {**kept, **settings, "host_options": {**kept["host_options"], **options}}
        changed = service.replace(*path, body=body)
    _show(changed, as_json=as_json, said=f"Deployment group {app_name}/{name} was changed.")


@app.command("alarms")
def set_alarms(
    app_name: Application,
    name: Group,
    *,
    alarm: Alarms = None,
    check: Checks = None,
    enabled: Enabled = None,
    ignore_poll_failure: IgnorePollFailure = None,
    as_json: Json = False,
    profile: Profile = None,
) -> None:
    """Say which alarms stop deployments to a group; without an option, show them.

    `tidegate group alarms shop prod --alarm shop-errors --check 'slow=max(latency_seconds) > 0.5'`
    watches both. The alarms or checks that are given are all it has of that kind from then on;
    `--alarm ''` and `--check ''` take them away.
    """
    with client.connect(profile) as service:
        path = ("applications", app_name, "deployment-groups", name)
        found = service.get(*path)
        if any(given is not None for given in (alarm, check, enabled, ignore_poll_failure)):
            wanted = alarm_settings(
                alarm,
                check,
                enabled=enabled,
                ignore_poll_failure=ignore_poll_failure,
                before=found["alarms"],
            )
            kept = kept_of(found)
            found = service.replace(*path, body={**kept, "alarms": wanted})
    if as_json:
        show_json(found["alarms"])
    else:
        show_facts(alarm_facts(found["alarms"]))


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
            ("last success", summary(found.get("last_successful_deployment"))),
            ("rolls back on", rolls_back_on(found.get("auto_rollback"))),
            ("ssh defaults", {k: v for k, v in (found.get("ssh") or {}).items() if v is not None}),
            ("ssm", {k: v for k, v in (found.get("ssm") or {}).items() if v is not None}),
            ("variables", found.get("variables")),
            *ec2_facts(found),
            *service_facts(found),
            *alarm_facts(found.get("alarms") or {}),
            ("service role", found.get("service_role_arn")),
            *how(found.get("host_options") or {}),
            ("created", moment(found.get("created_at"))),
        ]
    )


@app.command("delete")
def delete(app_name: Application, name: Group, profile: Profile = None) -> None:
    """Delete a deployment group; its hosts and what runs on them stay."""
    with client.connect(profile) as service:
        service.delete("applications", app_name, "deployment-groups", name)
    say(f"Deployment group {app_name}/{name} was deleted.")


def _is_of_servers(service: Service, application: str) -> bool:
    return service.get("applications", application).get("compute_platform") == "Server"


def _settings(
    tag: list[str] | None,
    host: list[str] | None,
    config: str | None,
    rollback_on: str | None,
    var: list[str] | None,
    *,
    service_role: str | None,
) -> dict[str, object]:
    """Return what was given, as the API wants it."""
    return _given(
        tag_filters=tag_filters([] if tag == [""] else tag) if tag else None,
        hosts=([] if host == [""] else host) if host else None,
        deployment_config=config,
        auto_rollback=None if rollback_on is None else rollback(rollback_on),
        variables=pairs(var, "--var") if var else None,
        service_role_arn=service_role,
    )


def _options(
    working_directory: str | None,
    sudo: bool | None,
    allow_setid: bool | None,
    on_stop: str | None,
    max_revisions: int | None,
) -> dict[str, object]:
    return _given(
        working_directory=working_directory,
        sudo=sudo,
        allow_setid=allow_setid,
        on_stop=on_stop,
        max_revisions=max_revisions,
    )


def _given(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _show(found: Row, *, as_json: bool, said: str) -> None:
    if as_json:
        show_json(found)
    else:
        say(said)
