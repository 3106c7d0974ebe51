"""Options of deployment groups: which hosts, and how they are deployed to."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from tidegate_cli.options import one_of

_CHANGEABLE: Final = (
    "deployment_config",
    "tag_filters",
    "hosts",
    "auto_rollback",
    "ssh",
    "ssm",
    "variables",
    "host_options",
)

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
        metavar="failure,stop,alarm",
        help="When to bring back the last good revision by itself.",
    ),
]
Vars = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="K=V", help="Environment of the hooks on all its hosts."),
]
WorkingDirectory = Annotated[
    str | None,
    typer.Option(
        "--working-directory",
        metavar="/|archive",
        help="Where scripts are run: `/` (default), or the folder of the unpacked revision.",
        parser=one_of("/", "archive"),
    ),
]
Sudo = Annotated[
    bool | None,
    typer.Option(
        "--sudo/--no-sudo", help="Log in as an ordinary user, and run everything as root by sudo."
    ),
]
AllowSetid = Annotated[
    bool | None,
    typer.Option(
        "--allow-setid/--no-allow-setid", help="Keep set-id bits of the files in a bundle."
    ),
]
OnStop = Annotated[
    str | None,
    typer.Option(
        "--on-stop",
        metavar="finish|end",
        help="What a stop does to a script that runs: lets it finish (default), or ends it.",
        parser=one_of("finish", "end"),
    ),
]
MaxRevisions = Annotated[
    int | None,
    typer.Option(
        "--max-revisions",
        metavar="N",
        min=1,
        max=100,
        help="How many revisions a host keeps (5 if nothing is said).",
    ),
]


ServiceRole = Annotated[
    str | None,
    typer.Option(
        "--service-role",
        metavar="ARN",
        help="Lambda and ECS: by which AWS is called, where the service is set up so.",
    ),
]


def kept_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a group what it has to say again when it is written anew, or it loses it.

    A service of an earlier version has less of that.
    """
    return {key: found[key] for key in _CHANGEABLE if key in found}
