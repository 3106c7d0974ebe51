"""The options of `tidegate local`."""

from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import typer

_BUNDLE: Final = "Bundle"
_EVENTS: Final = "Events"
_NAMES: Final = "Names"
_MACHINE: Final = "This machine"

Location: TypeAlias = Annotated[
    str,
    typer.Option(
        "--bundle-location",
        "-l",
        metavar="PATH|s3://BUCKET/KEY[?versionId=V&etag=E]",
        help="Folder or archive to deploy. An object in S3 is fetched with the AWS credentials "
        "and the endpoint of the environment.",
        rich_help_panel=_BUNDLE,
    ),
]
Type: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--type",
        "-t",
        metavar="directory|tar|tgz|zip",
        show_default="what the location seems to be",
        help="What the bundle is.",
        rich_help_panel=_BUNDLE,
    ),
]
AppSpecFilename: TypeAlias = Annotated[
    str,
    typer.Option(
        "--appspec-filename",
        "-A",
        metavar="NAME",
        help="What the AppSpec is called within the bundle.",
        rich_help_panel=_BUNDLE,
    ),
]
Events: TypeAlias = Annotated[
    str,
    typer.Option(
        "--events",
        "-e",
        metavar="E1,E2,…",
        help="Lifecycle events to run, taken literally: in this order, and nothing is added.",
        rich_help_panel=_EVENTS,
    ),
]
PossibleEvents: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--all-possible-events",
        metavar="E1,E2,…",
        show_default="none",
        help="All events that there may be: the agent's own, and yours that may run beside them. "
        "With this list, Install checks that it and the AppSpec's hooks agree, as the agent does.",
        rich_help_panel=_EVENTS,
    ),
]
FileExistsBehavior: TypeAlias = Annotated[
    str,
    typer.Option(
        "--file-exists-behavior",
        "-b",
        metavar="DISALLOW|OVERWRITE|RETAIN",
        help="What Install does where a file is that it did not bring, unless the AppSpec says it.",
        rich_help_panel=_EVENTS,
    ),
]
Creator: TypeAlias = Annotated[
    Literal["user", "codeDeployRollback"],
    typer.Option(
        "--creator",
        help="Who made the deployment; a rollback that is BLUE_GREEN takes scripts from other "
        "revisions.",
        rich_help_panel=_EVENTS,
    ),
]
DeploymentType: TypeAlias = Annotated[
    Literal["IN_PLACE", "BLUE_GREEN"],
    typer.Option("--deployment-type", help="Kind of the deployment.", rich_help_panel=_EVENTS),
]
Env: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="K=V…",
        help="Variables for hooks, beside the environment of this command.",
        rich_help_panel=_EVENTS,
    ),
]
GroupId: TypeAlias = Annotated[
    str,
    typer.Option(
        "--deployment-group-id",
        "-g",
        metavar="ID",
        help="DEPLOYMENT_GROUP_ID, and the folder below the root that the deployments of a group "
        "share.",
        rich_help_panel=_NAMES,
    ),
]
Group: TypeAlias = Annotated[
    str,
    typer.Option(
        "--deployment-group",
        "--deployment-group-name",
        "-d",
        metavar="NAME",
        help="DEPLOYMENT_GROUP_NAME.",
        rich_help_panel=_NAMES,
    ),
]
DeploymentId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--deployment-id",
        metavar="ID",
        show_default="d-XXXXXXXXX-local",
        help="DEPLOYMENT_ID, and the deployment's folder; of an ARN the last part.",
        rich_help_panel=_NAMES,
    ),
]
ApplicationName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--application-name",
        "-a",
        metavar="NAME",
        show_default="the bundle's location",
        help="APPLICATION_NAME.",
        rich_help_panel=_NAMES,
    ),
]
Root: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        show_default="/var/lib/tidegate/local for root, else ~/.local/state/tidegate/local",
        help="Where deployments are kept, as the agent keeps them.",
        rich_help_panel=_MACHINE,
    ),
]
MaxRevisions: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-revisions",
        min=1,
        metavar="N",
        help="How many revisions of a group are kept.",
        rich_help_panel=_MACHINE,
    ),
]
Cwd: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cwd",
        metavar="DIR",
        show_default="where this command runs",
        help="Where hooks run.",
        rich_help_panel=_MACHINE,
    ),
]
Python: TypeAlias = Annotated[
    str,
    typer.Option(
        "--python",
        metavar="PATH",
        show_default="the one of this command",
        help="The python3 that does the host's part, 3.6 or later.",
        rich_help_panel=_MACHINE,
    ),
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object as the last line of stdout, all else to stderr."
    ),
]
