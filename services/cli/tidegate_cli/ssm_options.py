"""Options of hosts and groups that are reached over SSM."""

from typing import Annotated, Any

import typer

from tidegate_cli.options import one_of

Instance = Annotated[
    str | None,
    typer.Option(
        "--ssm",
        metavar="INSTANCE-ID",
        help="Reach it over AWS Systems Manager: `i-…` of EC2, or `mi-…` of another machine.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        "--ssm-region",
        metavar="REGION",
        help="Where Systems Manager knows it, if not in the deployment's region.",
    ),
]
GroupRegion = Annotated[
    str | None,
    typer.Option(
        metavar="REGION",
        help="Where Systems Manager knows them, if not in the deployment's region.",
    ),
]
StateDir = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Where the runner keeps its folder (`/var/lib/tidegate`)."),
]
Bundles = Annotated[
    str | None,
    typer.Option(
        metavar="presigned|host",
        help="They fetch bundles by presigned addresses (default), or by their own credentials.",
        parser=one_of("presigned", "host", ""),
    ),
]
OutputBucket = Annotated[
    str | None,
    typer.Option(
        metavar="BUCKET[/PREFIX]",
        help="Where their SSM Agents put long logs, so that these come at once.",
    ),
]


def ssm_settings(
    region: str | None, state_dir: str | None, bundles: str | None, output_bucket: str | None
) -> dict[str, Any]:
    """Return what was given, as the API wants it."""
    given = {"region": region, "state_dir": state_dir, "bundles": bundles}
    found = {key: value or None for key, value in given.items() if value is not None}
    if output_bucket is not None:
        bucket, _, prefix = output_bucket.partition("/")
        found |= {"output_bucket": bucket or None, "output_prefix": prefix or None}
    return found
