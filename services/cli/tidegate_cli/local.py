"""`tidegate local`: a bundle's lifecycle on this machine, without any server."""

import json
import sys
from typing import Final

import typer

from tidegate.domain.lifecycle import HOST_EVENTS
from tidegate_cli import local_options as option
from tidegate_cli.local_bundle import Wanted
from tidegate_cli.local_order import GROUP, GROUP_ID, LocalOrder, Names, Place
from tidegate_cli.local_record import STOPPED, Record
from tidegate_cli.local_run import deploy
from tidegate_cli.local_screen import Screen
from tidegate_cli.options import pairs

_DEFAULT_EVENTS: Final = ",".join(HOST_EVENTS)


def local(
    *,
    bundle_location: option.Location = ".",
    type_: option.Type = None,
    appspec_filename: option.AppSpecFilename = "appspec.yml",
    events: option.Events = _DEFAULT_EVENTS,
    all_possible_events: option.PossibleEvents = None,
    file_exists_behavior: option.FileExistsBehavior = "DISALLOW",
    creator: option.Creator = "user",
    deployment_type: option.DeploymentType = "IN_PLACE",
    env: option.Env = None,
    deployment_group_id: option.GroupId = GROUP_ID,
    deployment_group: option.Group = GROUP,
    deployment_id: option.DeploymentId = None,
    application_name: option.ApplicationName = None,
    root: option.Root = None,
    max_revisions: option.MaxRevisions = 5,
    cwd: option.Cwd = None,
    python: option.Python = sys.executable,
    as_json: option.AsJson = False,
) -> None:
    """Run a bundle's lifecycle events on this machine as hosts do, without any server.

    Exit code 0 means that all events succeeded, 1 that one failed or that Ctrl-C ended it.
    """
    application = application_name or bundle_location
    order = LocalOrder(
        wanted=Wanted(bundle_location, type_, appspec_filename),
        names=Names.of(deployment_id, deployment_group_id, deployment_group, application),
        events=_list(events) or (),
        possible_events=_list(all_possible_events),
        file_exists_behavior=file_exists_behavior,
        creator=creator,
        deployment_type=deployment_type,
        environment=pairs(env, "--env"),
        max_revisions=max_revisions,
        place=Place(root, cwd, python),
    )
    raise typer.Exit(_report(order, as_json=as_json))


def _list(text: str | None) -> tuple[str, ...] | None:
    """Read `E1,E2,…`."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _report(order: LocalOrder, *, as_json: bool) -> int:
    if not order.events:
        raise typer.BadParameter("it names no event.", param_hint="--events")
    record = deploy(order, Screen(sys.stderr if as_json else sys.stdout))
    if as_json:
        sys.stdout.write(json.dumps(record.as_json()) + "\n")
    else:
        _show(record)
    return 1 if record.failed else 0


def _show(record: Record) -> None:
    # Brings rich along, which programs do not need.
    from tidegate_cli.output import show, show_table  # noqa: PLC0415

    show("")
    show_table(
        (event.as_json() for event in record.events),
        [
            ("event", lambda row: row["event"]),
            ("status", lambda row: row["status"]),
            ("seconds", lambda row: "-" if row["status"] == "Skipped" else row["seconds"]),
            ("scripts", lambda row: "none" if row["noop"] else ""),
        ],
        nothing="",
    )
    for warning in record.warnings:
        show(f"Warning: {warning}")
    failed = record.failed
    why = f"failed at {failed.name}: {failed.message or STOPPED}" if failed else "succeeded."
    show(f"The deployment {why}")
