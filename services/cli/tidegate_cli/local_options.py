"""The options of `tidegate local`."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Location: TypeAlias = Annotated[
    str,
    typer.Option(
        "--bundle-location",
        "-l",
        metavar="PATH|s3://BUCKET/KEY[?versionId=V&etag=E]",
        help="Folder or archive to deploy. An object in S3 is fetched with the AWS credentials "
        "and the endpoint of the environment.",
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
    ),
]
AppSpecFilename: TypeAlias = Annotated[
    str,
    typer.Option(
        "--appspec-filename",
        "-A",
        metavar="NAME",
        help="What the AppSpec is called within the bundle.",
    ),
]
Events: TypeAlias = Annotated[
    str,
    typer.Option(
        "--events",
        "-e",
        metavar="E1,E2,…",
        show_default="the agent's own, from ApplicationStop to ValidateService",
        help="Lifecycle events to run, taken literally: in this order, and nothing is added.",
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
    ),
]
FileExistsBehavior: TypeAlias = Annotated[
    str,
    typer.Option(
        "--file-exists-behavior",
        "-b",
        metavar="DISALLOW|OVERWRITE|RETAIN",
        help="What Install does where a file is that it did not bring, unless the AppSpec says it.",
    ),
]
Creator: TypeAlias = Annotated[
    Literal["user", "codeDeployRollback"],
    typer.Option(
        "--creator",
        help="Who made the deployment; a rollback that is BLUE_GREEN takes scripts from other "
        "revisions.",
    ),
]
DeploymentType: TypeAlias = Annotated[
    Literal["IN_PLACE", "BLUE_GREEN"],
    typer.Option("--deployment-type", help="Kind of the deployment."),
]
Env: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="K=V…",
        help="Variables for hooks, beside the environment of this command.",
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
    ),
]
DeploymentId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--deployment-id",
        metavar="ID",
        show_default="d-XXXXXXXXX-local",
        help="DEPLOYMENT_ID, and the deployment's folder; of an ARN the last part.",
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
    ),
]
Root: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        show_default="/var/lib/tidegate/local for root, else ~/.local/state/tidegate/local",
        help="Where deployments are kept, as the agent keeps them.",
    ),
]
MaxRevisions: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-revisions",
        min=1,
        metavar="N",
        help="How many revisions of a group are kept.",
    ),
]
Cwd: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cwd",
        metavar="DIR",
        show_default="where this command runs",
        help="Where hooks run.",
    ),
]
Python: TypeAlias = Annotated[
    str,
    typer.Option(
        "--python",
        metavar="PATH",
        show_default="the one of this command",
        help="The python3 that does the host's part, 3.6 or later.",
    ),
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object as the last line of stdout, all else to stderr."
    ),
]
